"""Calls between machines behind NATs, over the servers of the small Internet."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from probe.stage import prepare
from tests.nat import coturn
from tests.nat.child import Child
from tests.nat.internet import OTHER, SERVER, Internet, Site
from tests.nat.machine import Machine
from tests.nat.one import SCENARIO
from tests.nat.plan import Plan, Report

Service = Literal["stun", "turn", "sfu"]
_AT_A_TIME = 6
"""Calls, of which most wait: more of them would measure the processors."""
_START_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Call:
    """What became of a call of two: who came first answers, who came second offers."""

    first: Report
    second: Report

    @property
    def connected(self) -> bool:
        """Each hears the other."""
        return self.first.connected and self.second.connected

    @property
    def relayed(self) -> bool:
        """Through TURN, on either side."""
        return any("relay" in (report.pair or ()) for report in (self.first, self.second))


class Neighbourhood:
    """The servers are up, and so are two machines behind each kind of NAT: one that comes first, and one that comes second."""

    def __init__(self, urls: dict[Service, str], first: dict[str, Machine], second: dict[str, Machine]) -> None:
        self._urls = urls
        self._first = first
        self._second = second
        self._turns = asyncio.Semaphore(_AT_A_TIME)

    async def call(self, service: Service, first: str, second: str, *, rescue: bool = False) -> Call:
        """A room of two. `rescue`: where P2P fails, they have it moved to the SFU."""
        room = f"{service} {first} {second}{' rescue' if rescue else ''}"
        plan = Plan(self._urls[service], room, first, rescue=rescue)
        one, two = self._first[first], self._second[second]
        async with self._turns:
            one.enter(plan)
            await one.entered(room)
            two.enter(replace(plan, name=second))
            told = await asyncio.gather(one.report(room), two.report(room))
            one.leave(room)
            two.leave(room)
        return Call(*told)

    async def everybody(self) -> list[Report]:
        """One from behind each kind of NAT, all in one room of the SFU."""
        machines = self._first.values()
        plan = Plan(self._urls["sfu"], "everybody", "", others=len(machines) - 1)
        for machine in machines:
            machine.enter(replace(plan, name=machine.site.kind))
        told = await asyncio.gather(*(machine.report(plan.room) for machine in machines))
        for machine in machines:
            machine.leave(plan.room)
        return told


@asynccontextmanager
async def stun_server(net: Internet) -> AsyncIterator[None]:
    """coturn, on both addresses."""
    with TemporaryDirectory(prefix="coturn-") as folder:
        server = await Child.start(net.servers, *coturn.command((SERVER, OTHER), Path(folder)), stderr=STDOUT)
        draining = asyncio.create_task(server.drain())
        try:
            yield
        finally:
            await server.terminate()
            await draining


@asynccontextmanager
async def neighbourhood(net: Internet, sites: list[tuple[Site, Site]]) -> AsyncIterator[Neighbourhood]:
    """The signalling servers, and a machine at each site. All are gone in the end."""
    await prepare(SCENARIO)  # once, and not by each of the machines
    shims = await Child.start(net.servers, sys.executable, "-m", "tests.nat.shims", SERVER)
    first: dict[str, Machine] = {}
    second: dict[str, Machine] = {}
    try:
        for one, two in sites:
            first[one.kind], second[two.kind] = await Machine.start(one), await Machine.start(two)
        urls = json.loads(await shims.line(_START_SECONDS))
        await asyncio.gather(*(machine.ready() for machine in (*first.values(), *second.values())))
        yield Neighbourhood(urls, first, second)
    finally:
        codes = await asyncio.gather(shims.end(), *(machine.end() for machine in (*first.values(), *second.values())))
    if any(codes):
        raise RuntimeError(f"the shims and the machines ended with the exit codes {codes}: see their stderr")
