"""CPU per forwarded packet of the SFU shim, beside Janus 1.1.2: `python -m tests.bench.forwarding`.

One participant publishes audio and video, thirty subscribe; the servers take turns on the same meeting, driven from this
process. Read is the server's whole CPU time (all threads, user and system) over a window in which nothing else but
the meeting goes on, over the packets that the subscribers received, which have to be all that were sent to them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Protocol

import aiohttp

from probe.rtc.certificate import PREFERRED_PROFILES
from probe.rtc.clock import Clock
from probe.rtc.peer import Peer
from tests.bench import janus_server, shim_room
from tests.bench.forwarding_media import Publisher, Subscriber, Work, report_regularly
from tests.bench.janus_room import JanusMeeting
from tests.bench.server_process import ServerProcess, until
from tests.bench.shim_room import ShimMeeting

SUBSCRIBERS = 30
_FIRST_PACKETS_SECONDS = 20.0
_SETTLE_SECONDS = 1.0
_QUIET_SECONDS = 0.3
PROFILES = ("SRTP_AES128_CM_SHA1_80", "SRTP_AEAD_AES_128_GCM", "SRTP_AEAD_AES_256_GCM")


class Meeting(Protocol):
    """One publisher and its subscribers, connected to a server after `open`."""

    @property
    def publisher(self) -> Peer: ...
    @property
    def subscribers(self) -> list[Peer]: ...
    async def open(self, url: str, subscribers: int) -> None: ...
    async def close(self) -> None: ...


@dataclass(frozen=True)
class Contender:
    """A server and how to meet on it."""

    name: str
    run: Callable[[], AbstractAsyncContextManager[tuple[ServerProcess, str]]]
    meet: Callable[[aiohttp.ClientSession], Meeting]


@dataclass(frozen=True)
class Row:
    """One reading. `lost`: packets that some subscriber did not get, `wrong`: of another size than sent."""

    server: str
    profile: str
    subscribers: int
    forwarded: int
    cpu_us_per_packet: float
    lost: int
    wrong: int


SHIM = Contender("sfu-shim", shim_room.running, ShimMeeting)
SHIM_PYTHON = Contender("sfu-shim, no extension", partial(shim_room.running, False), ShimMeeting)
JANUS = Contender("Janus 1.1.2", janus_server.running, JanusMeeting)


async def measure(contender: Contender, seconds: float, subscribers: int = SUBSCRIBERS, profile: str = "") -> Row:
    """One meeting on one server; `profile`: the only SRTP profile that the participants offer, "" for all they know.

    Raises TimeoutError when the meeting doesn't come up.
    """
    async with contender.run() as (server, url), aiohttp.ClientSession() as http:
        with _only(profile):
            meeting = contender.meet(http)
            await meeting.open(url, subscribers)
        clock, work = Clock(), Work()
        counting = [Subscriber(peer, work, number + 1) for number, peer in enumerate(meeting.subscribers)]
        publisher = Publisher(meeting.publisher, work, clock)
        tasks = [asyncio.create_task(publisher.run()), asyncio.create_task(report_regularly(counting, clock))]
        try:
            await until(lambda: all(subscriber.streams == 2 for subscriber in counting), _FIRST_PACKETS_SECONDS)
            await asyncio.sleep(_SETTLE_SECONDS)
            return await _window(contender.name, meeting, server, publisher, counting, seconds)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await meeting.close()


async def _window(
    name: str,
    meeting: Meeting,
    server: ServerProcess,
    publisher: Publisher,
    counting: Sequence[Subscriber],
    seconds: float,
) -> Row:
    """The publisher pauses at both ends, so that no packet is on its way when the counts are taken."""
    publisher.sending = False
    await asyncio.sleep(_QUIET_SECONDS)
    cpu, sent, received = server.cpu_seconds(), publisher.packets, [each.packets for each in counting]
    publisher.sending = True
    await asyncio.sleep(seconds)
    publisher.sending = False
    await asyncio.sleep(_QUIET_SECONDS)
    cpu, sent = server.cpu_seconds() - cpu, publisher.packets - sent
    counts = [each.packets - before for each, before in zip(counting, received, strict=True)]
    return Row(
        server=name,
        profile=profile_of(meeting.subscribers[0]),
        subscribers=len(counting),
        forwarded=sum(counts),
        cpu_us_per_packet=1e6 * cpu / max(1, sum(counts)),
        lost=sum(abs(sent - count) for count in counts),
        wrong=sum(each.wrong for each in counting),
    )


def profile_of(peer: Peer) -> str:
    """The SRTP profile that DTLS has chosen (RFC 5764)."""
    return peer._stack.dtls.profile


@contextlib.contextmanager
def _only(profile: str) -> Iterator[None]:
    known = list(PREFERRED_PROFILES)  # our peers' own list, changed in place: all connect meanwhile
    if profile:
        PREFERRED_PROFILES[:] = [each for each in known if each.openssl_profile == profile.encode()]
    try:
        yield
    finally:
        PREFERRED_PROFILES[:] = known


async def rounds(count: int, seconds: float, contenders: Sequence[Contender], profiles: Sequence[str]) -> list[Row]:
    """Everyone in turn, `count` times over, so that what else the machine does falls on all alike."""
    return [
        await measure(contender, seconds, profile=profile)
        for _ in range(count)
        for profile in profiles
        for contender in contenders
    ]


def table(rows: Sequence[Row]) -> str:
    """Medians by server and profile, and their ratio to Janus under the same profile."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.profile, row.server), []).append(row)
    medians = {key: statistics.median(row.cpu_us_per_packet for row in found) for key, found in groups.items()}
    lines = ["| SRTP profile | server | µs CPU per forwarded packet | of Janus | lost |", "|---|---|---|---|---|"]
    for (profile, server), found in sorted(groups.items()):
        ours, janus = medians[profile, server], medians.get((profile, JANUS.name))
        ratio = "–" if janus is None else f"{ours / janus:.2f}"
        each = ", ".join(f"{row.cpu_us_per_packet:.1f}" for row in found)
        lost = sum(row.lost + row.wrong for row in found)
        lines.append(f"| {profile} | {server} | {ours:.1f} ({each}) | {ratio} | {lost} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0, help="length of a window")
    parser.add_argument("--only", choices=("shim", "python", "janus"), action="append", help="default: shim and janus")
    parser.add_argument("--profile", action="append", choices=("", *PROFILES), help="default: AES-CM, then any")
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    chosen = {"shim": SHIM, "python": SHIM_PYTHON, "janus": JANUS}
    contenders = [chosen[name] for name in wanted.only or ("shim", "janus")]
    missing = janus_server.why_not()
    if JANUS in contenders and missing is not None:
        raise SystemExit(f"forwarding: {missing}")
    rows = asyncio.run(rounds(wanted.rounds, wanted.seconds, contenders, wanted.profile or (PROFILES[0], "")))
    print(json.dumps([asdict(row) for row in rows], indent=1) if wanted.json else table(rows))


if __name__ == "__main__":
    main()
