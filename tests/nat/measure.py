"""Everything that is measured behind NATs, in one go."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from dataclasses import dataclass

from tests.nat import coturn
from tests.nat.calls import Call, Service, neighbourhood, stun_server
from tests.nat.internet import SERVER, Site, internet
from tests.nat.namespaces import inside
from tests.nat.plan import Report
from tests.nat.theory import KINDS, Behaviour, Dependence, pairs

_PROBE_SECONDS = 20.0
RESCUED = ("symmetric", "symmetric")
"""Two who need the SFU most."""


@dataclass(frozen=True, slots=True)
class Found:
    """What RFC 5780's tests found at a site; `outer`: how the Internet sees its client; `translated`: connections that each of
    its boxes gave an address."""

    site: Site
    behaviour: Behaviour
    outer: str
    translated: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """`found`: both sites of each kind. `calls`: by servers announced and kinds."""

    found: Mapping[str, tuple[Found, Found]]
    calls: Mapping[tuple[Service, str, str], Call]
    rescued: Call
    everybody: list[Report]


async def measure() -> Measured:
    """A minute or so. Raises RuntimeError when a box is not the NAT that it should be, or something else of the lab fails."""
    with internet() as net:
        sites = [(net.site(kind), net.site(kind)) for kind in KINDS]
        async with stun_server(net):
            found = await identify(sites)
            _check(found)
            async with neighbourhood(net, sites) as there:
                services: tuple[Service, ...] = ("stun", "turn")
                wanted = [(service, *pair) for service in services for pair in pairs()]
                calls = await asyncio.gather(*(there.call(*one) for one in wanted))
                rescued = await there.call("stun", *RESCUED, rescue=True)
                return Measured(found, dict(zip(wanted, calls, strict=True)), rescued, await there.everybody())


async def identify(sites: list[tuple[Site, Site]]) -> dict[str, tuple[Found, Found]]:
    """Of each, which NAT it is behind."""
    found = await asyncio.gather(*(_identify(site) for pair in sites for site in pair))
    return {one.site.kind: (one, two) for one, two in zip(found[::2], found[1::2], strict=True)}


def _check(found: Mapping[str, tuple[Found, Found]]) -> None:
    """What is measured behind a box that is something else than its name says is worth nothing."""
    for kind, sites in found.items():
        for one in sites:
            if one.behaviour != KINDS[kind]:
                raise RuntimeError(f"the box that should be {kind} is {one.behaviour}")


async def _identify(site: Site) -> Found:
    """Asked from there, by a process of its own."""
    command = inside(site.client, sys.executable, "-m", "tests.nat.stun_probe", SERVER, str(coturn.PORT))
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    async with asyncio.timeout(_PROBE_SECONDS):
        said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the STUN probe behind {site.kind} ended with exit code {process.returncode}")
    told = json.loads(said)
    mapped = [tuple(address) for address in told["mapped"]]
    behaviour = Behaviour(
        tuple(told["local"]) not in mapped, Dependence(told["mapping"]), Dependence(told["filtering"])
    )
    return Found(site, behaviour, mapped[0][0], tuple(site.translated()))
