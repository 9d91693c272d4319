"""One participant's machine, run by `ip netns exec NAMESPACE python -m tests.nat.one`: the probe's own client, behind that NAT.

Says `null` when it is ready. Then it reads a `Plan` a line from stdin, takes part as it says, answers by the room's name (a JSON
string) when it is in, and by a `Report` when it hears the others, or never will. The room's name from stdin makes it leave. It
ends with its stdin.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import asdict

from probe.client.context import Context
from probe.client.participant import Participant
from probe.client.path import Path
from probe.client.seams import Somebody
from probe.client.vmaf_samples import VmafSamples
from probe.measure.savings import SavingsLedger
from probe.model.errors import ProbeError
from probe.model.scenario import AudioMedia, Media, Observe, Scenario
from probe.signalling import base
from probe.signalling.access import Access
from probe.signalling.shim import ShimSignalling
from probe.stage import Contents, prepare, stage
from tests.nat.plan import CONNECT_SECONDS, HEARD, TOKEN, Plan, Report

SCENARIO = Scenario(
    name="nat",
    join_deadline=CONNECT_SECONDS,
    media=Media(video=None, audio=AudioMedia(seconds=2)),
    observe=Observe(depth="frames"),
)
_ROUND_TRIP_SECONDS = 3.0
"""Checks that had to be repeated tell no round trip; RTCP does, a second or so later."""
_LONGEST = 60.0
"""Seconds of one stay, should nobody say leave."""


class Nobody:
    """An observer that needs to know nothing: the end tells all."""

    def signalling_lost(self, who: Somebody, now: float) -> None:
        """The wait for media ends by its deadline."""

    def migration_started(self, who: Somebody, migration: base.MigrationStarted, now: float) -> None:
        """It succeeds or not: media tells."""

    def migration_ended(self, who: Somebody, migration: str, failure: str, now: float) -> None:
        """The same."""


class Stay:
    """One participant in one room."""

    def __init__(self, context: Context, contents: Contents, plan: Plan) -> None:
        self.leave = asyncio.Event()
        self._context = context
        self._plan = plan
        self._errors: list[str] = []
        self._who = Participant(
            context, ShimSignalling(plan.url, Access(TOKEN)), contents.media(context.rng), Nobody(), SavingsLedger(),
            VmafSamples(context, enabled=False),
        )  # fmt: skip

    async def run(self) -> None:
        """Tells when it hears everybody, or never will; stays until it is told to leave."""
        try:
            heard = await self._meet()
            if not heard and self._plan.rescue:
                heard = await self._rescue()
            if heard:
                await _until(lambda: self._round_trip is not None, _ROUND_TRIP_SECONDS)
            _say(json.dumps(asdict(self._report(heard))))
            async with asyncio.timeout(_LONGEST):
                await self.leave.wait()
        finally:
            await self._who.leave()

    async def _meet(self) -> bool:
        """Whether everybody is heard. Who comes first waits for the others; their connections have a deadline of their own."""
        try:
            await self._who.join(self._plan.room, self._plan.name, self._context.clock.now(), CONNECT_SECONDS)
        except ProbeError as error:
            self._errors.append(str(error))
            return False
        _say(json.dumps(self._plan.room))
        return await self._hears_all()

    async def _rescue(self) -> bool:
        """P2P was in vain: have the room moved to the SFU."""
        await self._who.force_topology("sfu")
        return await self._hears_all()

    async def _hears_all(self) -> bool:
        return await _until(self._all_heard, CONNECT_SECONDS)

    def _all_heard(self) -> bool:
        packets = self._packets()
        return len(packets) == self._plan.others and min(packets.values()) >= HEARD

    def _packets(self) -> dict[str, int]:
        """Of audio, by who sent them."""
        return {remote: view.timelines["audio"].new for remote, view in self._who.views.items()}

    @property
    def _round_trip(self) -> float | None:
        return self._who.figures()["round_trip_seconds"]

    def _report(self, heard: bool) -> Report:
        who, clock = self._who, self._who.join_clock
        path = self._path()
        connected = clock.after("dtls_connected") if clock is not None else None
        entered = clock.after("room_join") if clock is not None else None
        phases = clock.durations() if clock is not None else {}
        return Report(
            room=self._plan.room,
            name=self._plan.name,
            connected=heard,
            topology=who.topology or "",
            pair=path.peer.selected_pair if path is not None else None,
            phases=phases,
            connect=connected - entered if who.timed and connected is not None and entered is not None else None,
            ice=phases.get("ice_connected"),
            round_trip=self._round_trip,
            packets=self._packets(),
            failed_phase=path.phase if path is not None and not heard else None,
            errors=tuple(self._errors),
        )

    def _path(self) -> Path | None:
        """The one in use: the last that was opened."""
        return max(self._who.paths.values(), key=lambda path: path.opened, default=None)


async def _until(condition: Callable[[], bool], within: float) -> bool:
    """Look 50 times a second, for so many seconds. Whether it came."""
    try:
        async with asyncio.timeout(within):
            while not condition():  # noqa: ASYNC110 - it looks at things that know of no event
                await asyncio.sleep(0.02)
    except TimeoutError:
        return False
    return True


async def main() -> None:
    """Until stdin ends."""
    contents = await prepare(SCENARIO)
    lines = await _stdin()
    # Any URL that is not on loopback: all of this machine's addresses are gathered on, as by a browser.
    async with stage(SCENARIO, "ws://203.0.113.1", contents, lambda position: None, lambda sample: None) as context:
        stays: dict[str, Stay] = {}
        async with asyncio.TaskGroup() as tasks:
            _say("null")
            while line := await lines.readline():
                asked = json.loads(line)
                if isinstance(asked, str):
                    stays.pop(asked).leave.set()
                    continue
                plan = Plan(**asked)
                stay = stays[plan.room] = Stay(context, contents, plan)
                tasks.create_task(stay.run())
            for stay in stays.values():
                stay.leave.set()
        if context.crashes:
            sys.exit(f"our bug: {dict(context.crashes)}")


async def _stdin() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
