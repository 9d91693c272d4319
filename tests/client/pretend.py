"""Participants that only pretend to be in a meeting, and do what a test makes them do."""

from __future__ import annotations

import asyncio
from typing import Protocol

from probe.measure.join import JoinClock
from probe.measure.migration import StreamSwitch
from probe.model.errors import ConnectionFailed
from tests.client.fakes import Bench


class Scene(Protocol):
    """Where they pretend. `failing`: endings of the names that don't get in; `inside`: who is in, in all rooms; `pinned`: (name,
    topology) as they were pinned; `open`: who comes waits for it; `changed` is awaited whenever somebody came or went."""

    bench: Bench
    failing: tuple[str, ...]
    inside: list[FakeParticipant]
    pinned: list[tuple[str, str]]
    open: asyncio.Event

    async def changed(self) -> None: ...


class FakeParticipant:
    """Joins once the scene is open, half a second after its intended start; or fails. Others of its room are its members."""

    def __init__(self, hall: Scene) -> None:
        self.hall = hall
        self.participant = ""
        self.name = ""
        self.topology: str | None = None
        self.room = ""
        self.drops: list[tuple[float, str]] = []
        self.joined_at: float | None = None
        self.left_at: float | None = None
        self.lost = False
        self.expects_media = self.timed = False
        self.join_clock: JoinClock | None = None
        self.state = "p2p"
        self.gap: float | None = 0.05

    async def join(self, room: str, name: str, intended: float, deadline: float) -> None:
        self.name, self.room = name, room
        self.join_clock = JoinClock(intended)
        await self.hall.open.wait()
        if name.endswith(self.hall.failing):
            raise ConnectionFailed("no way", who=name, phase="ice_connected")
        self.participant, self.joined_at, self.topology = f"id-{name}", self.hall.bench.clock.now(), "p2p"
        self.expects_media = self.timed = bool(self.members)
        self.hall.inside.append(self)
        for phase, after in (("room_join", 0.1), ("dtls_connected", 0.3), ("first_decoded", 0.5)):
            if phase == "room_join" or self.expects_media:
                self.join_clock.mark(phase, intended + after)
        await self.hall.changed()

    @property
    def members(self) -> set[str]:
        return {other.participant for other in self.hall.inside if other is not self and other.room == self.room}

    async def leave(self) -> None:
        if self.left_at is not None:
            return
        self.left_at = self.hall.bench.clock.now()
        if self in self.hall.inside:
            self.hall.inside.remove(self)
            await self.hall.changed()

    async def force_topology(self, topology: str) -> None:
        self.hall.pinned.append((self.name, topology))

    def figures(self) -> dict[str, float | None]:
        return {}

    def switches(self, start: float, end: float) -> list[StreamSwitch]:
        return [StreamSwitch(self.participant, other, "audio", self.gap) for other in sorted(self.members)]
