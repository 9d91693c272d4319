"""Holds a load campaign's share of meetings in this process, as it is commanded, and hands over what it measures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from loadtest.engine.gathering import Gathering
from loadtest.engine.rooms import Rooms
from loadtest.protocol import Harvested, Join, Meet, Prepare
from probe.client.context import Context
from probe.client.meeting import Meeting
from probe.client.operations import Operation
from probe.client.participant import Participant
from probe.engine.protocol import Message
from probe.engine.venue import Venue
from probe.model.scenario import Scenario, Topology
from probe.signalling.choose import check_platform
from probe.stage import Contents, networks_of, prepare, stage
from reports.units import UnitWant

_BEAT = 0.25
"""Seconds between two looks at who has lost the server."""


class LoadEngine:
    """Made by `load_engine(prepare)`: `join`, `leave`, `meet` and `harvest`, then `close`, and `harvest` once more."""

    def __init__(
        self,
        command: Prepare,
        context: Context,
        contents: Contents,
        gathering: Gathering,
        say: Callable[[Message], None],
    ) -> None:
        self._command = command
        self._context = context
        self._gathering = gathering
        checks = command.scenario.http if command.worker == 0 else ()
        self._venue = Venue(context, contents, command.platform, self._present, vmaf=command.vmaf, checks=checks)
        self._rooms = Rooms(context, self._new_meeting, gathering, say)
        self._scenarios: dict[Topology, Scenario] = {}
        self._closing: asyncio.Task[None] | None = None
        self._scoring: asyncio.Task[None] | None = None

    def _new_meeting(self, room: str, topology: Topology, tell: Callable[[Operation], None]) -> Meeting:
        if topology not in self._scenarios:
            self._scenarios[topology] = self._command.scenario.model_copy(update={"topology": topology})
        return self._venue.new_meeting(self._scenarios[topology], f"load-{self._command.stamp}-{room}", tell)

    def _present(self, change: int) -> None:
        self._gathering.came(change, self._context.clock.now())

    def _inside(self) -> list[Participant]:
        return [entry.participant for entry in self._rooms.entries if entry.inside]

    def join(self, command: Join) -> None:
        """One participant comes; `joined` is said when it is in, or not."""
        self._begin(command.intended)
        self._rooms.join(command)

    def meet(self, command: Meet) -> None:
        """A whole meeting; `met` is said when it is over."""
        self._begin(command.intended)
        self._rooms.meet(command)

    def leave(self, ticket: int) -> None:
        """One participant goes; `left` is said when it is out."""
        self._rooms.leave(ticket)

    def _begin(self, start: float) -> None:
        if self._closing is None:
            self._venue.open(self._command.scenario.observe, self._inside, start)

    def look_after(self) -> None:
        """A few times a second."""
        self._rooms.look_after()

    async def close(self) -> None:
        """Everybody leaves, within seconds whatever happens; the generator is watched no further. Idempotent."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self._venue.stop_looking()
        await self._rooms.close()
        await self._venue.close()
        if self._command.vmaf:
            self._scoring = asyncio.ensure_future(self._venue.score())

    async def harvest(self) -> Harvested:
        """What was measured since the last time. The first one after the close waits for the scores of the kept pictures."""
        if self._scoring is not None:
            await self._scoring
        delta = self._gathering.harvest(self._context, self._rooms.entries)
        total = self._gathering.standing(self._context, self._venue).to_dict()
        # Nobody else knows the delta any more: a thread may take its time over it, while the packets go on.
        return Harvested(delta=await asyncio.to_thread(delta.to_dict), total=total)


@asynccontextmanager
async def load_engine(command: Prepare, say: Callable[[Message], None]) -> AsyncIterator[LoadEngine]:
    """An engine on its stage, warmed up; its answers go to `say`. Raises ConfigError and MediaError: nothing was sent yet."""
    check_platform(command.platform)
    networks = networks_of(command.scenario)
    contents = await prepare(command.scenario)
    gathering = Gathering(UnitWant(*one) for one in command.units)
    async with stage(
        command.scenario, command.platform.url, contents, networks, gathering.sink, tls=command.platform.tls
    ) as context:
        context.batch_sink = gathering.batch_sink
        engine = LoadEngine(command, context, contents, gathering, say)
        looking = asyncio.create_task(_look_after(engine))
        try:
            yield engine
        finally:
            looking.cancel()
            await engine.close()


async def _look_after(engine: LoadEngine) -> None:
    while True:
        await asyncio.sleep(_BEAT)
        engine.look_after()
