"""An engine's rooms with participants that only pretend, and all that the rooms say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

import probe.client.meeting
import probe.client.room_moves
from loadtest.engine.gathering import Gathering
from loadtest.engine.rooms import Rooms
from loadtest.harvest import Delta
from loadtest.protocol import Join, Meet, Operation
from probe.client import operations
from probe.client.entry import Entry
from probe.client.meeting import Meeting
from probe.engine.protocol import Message
from probe.measure.savings import SavingsLedger
from probe.model.scenario import Scenario, Topology
from probe.signalling import base
from tests.client.fakes import START, Bench
from tests.client.pretend import FakeParticipant

Kind = TypeVar("Kind", bound=Message)


class Campaign:
    """A Scene; its meetings are real."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, failing: tuple[str, ...] = (), **changes: Any) -> None:
        self.bench = Bench()
        self.failing = failing
        self.inside: list[FakeParticipant] = []
        self.pinned: list[tuple[str, str]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.meetings: list[Meeting] = []
        self.said: list[Message] = []
        self.gathering = Gathering()
        values: dict[str, Any] = {
            "name": "t", "participants": 2, "settle": 0.0, "visit": 0.0, "after": 0.0, "join_spacing": 0.0,
        }  # fmt: skip
        self._scenario = Scenario(**(values | changes))
        monkeypatch.setattr(probe.client.meeting, "Participant", lambda *anything: FakeParticipant(self))
        self.bench.context.sink = self.gathering.sink
        self.rooms = Rooms(self.bench.context, self._new_meeting, self.gathering, self.said.append)

    def _new_meeting(self, room: str, topology: Topology, tell: Callable[[operations.Operation], None]) -> Meeting:
        nothing: Any = None
        scenario = self._scenario.model_copy(update={"topology": topology})
        meeting = Meeting(
            self.bench.context, scenario, f"load-{room}", lambda: nothing, lambda: nothing, SavingsLedger(), nothing,
            lambda change: self.gathering.came(change, self.bench.clock.now()), tell,
        )  # fmt: skip
        self.meetings.append(meeting)
        return meeting

    async def changed(self) -> None:
        await asyncio.sleep(0)

    async def settle(self) -> None:
        """Until nothing more happens by itself."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def join(self, ticket: int, room: str = "r", topology: Topology = "hybrid", attempt: int = 1) -> None:
        self.rooms.join(
            Join(
                ticket=ticket, room=room, name=f"p{ticket}", position=0, topology=topology, intended=START,
                attempt=attempt,
            )
        )  # fmt: skip
        await self.settle()

    async def leave(self, ticket: int) -> None:
        self.rooms.leave(ticket)
        await self.settle()

    async def meet(self, ticket: int, room: str = "m", topology: Topology = "hybrid") -> None:
        self.rooms.meet(Meet(ticket=ticket, room=room, topology=topology, intended=START))
        await self.settle()

    def harvest(self) -> Delta:
        return self.gathering.harvest(self.bench.context, self.entries)

    @property
    def entries(self) -> list[Entry]:
        return self.rooms.entries

    def heard(self, kind: type[Kind]) -> list[Kind]:
        """What was said of that kind since it was asked for last."""
        found = [message for message in self.said if isinstance(message, kind)]
        self.said[:] = [message for message in self.said if not isinstance(message, kind)]
        return found

    def operations(self) -> list[tuple[str, str, str]]:
        return [(one.name, one.topology, one.error) for one in self.heard(Operation)]

    def move(
        self, meeting: Meeting, name: str, source: base.Topology, target: base.Topology, failure: str = ""
    ) -> None:
        """The platform moves that room, at once."""
        who: list[Any] = [entry.participant for entry in meeting.entries if entry.inside]
        now = self.bench.clock.now()
        for one in who:
            members = tuple(other.participant for other in who if other is not one)
            meeting.moves.migration_started(one, base.MigrationStarted(name, source, target, 5.0, members), now)
        for one in who:
            one.topology = target
            meeting.moves.migration_ended(one, name, failure, now)
        self.bench.wheel.run_until(now + 1.5)
