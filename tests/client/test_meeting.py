"""The bookkeeping of a meeting, with participants that only pretend: who comes and goes, and what becomes of migrations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import probe.client.meeting
from probe.client.meeting import Entry, Meeting
from probe.measure.join import JoinClock
from probe.measure.migration import StreamSwitch
from probe.model.errors import ConnectionFailed
from probe.model.scenario import Scenario
from probe.signalling import base
from tests.client.fakes import START, Bench


class FakeParticipant:
    """Joins at once, or fails as `failing` says of its name; does what the test makes it do."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.participant = ""
        self.name = ""
        self.topology: str | None = None
        self.members: set[str] = set()
        self.drops: list[tuple[float, str]] = []
        self.joined_at: float | None = None
        self.left_at: float | None = None
        self.lost = False
        self.expects_media = False
        self.join_clock: JoinClock | None = None
        self.state = "p2p"
        self.gap: float | None = 0.05

    async def join(self, room: str, name: str, intended: float, deadline: float) -> None:
        self.name = name
        self.join_clock = JoinClock(intended)
        if name.endswith(self.hall.failing):
            raise ConnectionFailed("no way", who=name, phase="ice_connected")
        self.participant, self.joined_at, self.topology = f"id-{name}", self.hall.bench.clock.now(), "p2p"
        self.expects_media = bool(self.hall.inside)
        self.hall.inside.append(self)
        self.join_clock.mark("first_decoded", intended + 0.5)
        await self.hall.changed()

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
        others = [other for other in self.hall.inside if other is not self]
        return [StreamSwitch(self.participant, other.participant, "audio", self.gap) for other in others]


class Hall:
    """A meeting, its fakes, and a platform that moves the room as `policy` says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, failing: tuple[str, ...] = (), **changes: Any) -> None:
        self.bench = Bench()
        self.failing = failing
        self.inside: list[FakeParticipant] = []
        self.pinned: list[tuple[str, str]] = []
        self.present: list[int] = []
        self.policy: Callable[[], None] = lambda: None
        values: dict[str, Any] = {
            "name": "t", "participants": 2, "visitors": 1, "settle": 0.01, "visit": 0.01, "after": 0.0,
            "join_spacing": 0.0, "migration_deadline": 0.2,
        }  # fmt: skip
        monkeypatch.setattr(probe.client.meeting, "_TAIL", 0.0)
        monkeypatch.setattr(probe.client.meeting, "_GRACE", 0.2)
        monkeypatch.setattr(probe.client.meeting, "Participant", lambda *anything: FakeParticipant(self))
        nothing: Any = None
        self.meeting = Meeting(
            self.bench.context, Scenario(**(values | changes)), "room", lambda: nothing, lambda: nothing, nothing, nothing,
            self.present.append,
        )  # fmt: skip

    async def changed(self) -> None:
        self.policy()
        await asyncio.sleep(0)

    async def run(self) -> None:
        async with asyncio.timeout(5.0):
            await self.meeting.run(START)

    def start(self, name: str, source: base.Topology, target: base.Topology, who: list[Any]) -> None:
        for one in who:
            members = tuple(other.participant for other in who if other is not one)
            started = base.MigrationStarted(name, source, target, 5.0, members)
            self.meeting.migration_started(one, started, self.bench.clock.now())

    def end(self, name: str, who: list[Any], failure: str = "", topology: base.Topology = "sfu") -> None:
        for one in who:
            one.topology = topology
            self.meeting.migration_ended(one, name, failure, self.bench.clock.now())
        self.bench.wheel.run_until(self.bench.clock.now() + 0.01)

    def moves(self) -> list[tuple[str, bool]]:
        return [(move.transition, move.success) for move in self.meeting.migrations]


def _platform(hall: Hall) -> Callable[[], None]:
    """Three on the SFU, two on P2P, at once."""

    def policy() -> None:
        there: list[Any] = list(hall.inside)
        if len(there) == 3:
            hall.start("m1", "p2p", "sfu", there[:2])
            hall.end("m1", there[:2])
        elif len(there) == 2 and hall.meeting._visits:
            hall.start("m2", "sfu", "p2p", there)
            hall.end("m2", there, topology="p2p")

    return policy


async def test_a_visit_moves_the_room_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(monkeypatch)
    hall.policy = _platform(hall)
    await hall.run()
    assert hall.moves() == [("p2p>sfu", True), ("sfu>p2p", True)]
    assert hall.bench.values("join_success_ratio") == [1.0] * 3
    assert hall.bench.values("join_duration_seconds") == [0.5] * 2  # the first one met nobody
    assert hall.bench.values("connection_stability_ratio") == [1.0] * 3
    assert sum(hall.present) == 0
    assert max(sum(hall.present[: n + 1]) for n in range(len(hall.present))) == 3
    assert [entry.to_dict()["joined"] for entry in hall.meeting.entries] == [True] * 3
    assert hall.pinned == []


async def test_a_platform_that_does_not_move_has_failed_once_per_move_that_was_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hall = Hall(monkeypatch)
    await hall.run()
    assert hall.moves() == [("p2p>sfu", False)]  # it never was on the SFU: there is no way back to take
    assert "did not begin" in hall.meeting.migrations[0].reason


async def test_a_move_that_does_not_end_is_one_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(monkeypatch)

    def policy() -> None:
        if len(hall.inside) == 3:
            hall.start("m1", "p2p", "sfu", list(hall.inside)[:2])

    hall.policy = policy
    await hall.run()
    assert hall.moves() == [("p2p>sfu", False)]
    assert "not finished" in hall.meeting.migrations[0].reason


async def test_a_visitor_who_does_not_get_in_moves_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(monkeypatch, failing=("v1.1",))
    hall.policy = _platform(hall)
    await hall.run()
    assert hall.moves() == []
    assert hall.bench.values("join_success_ratio") == [1.0, 1.0, 0.0]
    assert hall.bench.values("connection_stability_ratio") == [1.0, 1.0]
    assert hall.bench.context.errors == {("ice_connected", "room-v1.1", "no way"): 1}
    failed = hall.meeting.entries[2]
    assert failed.participant.left_at is not None
    assert failed.now().state == "failed"
    assert failed.to_dict()["error"]


async def test_nobody_gets_in(monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(monkeypatch, failing=("p1", "p2"), settle=100.0)
    await hall.run()
    assert hall.bench.values("join_success_ratio") == [0.0, 0.0]
    assert hall.present == []


@pytest.mark.parametrize(("failure", "success"), [("", True), ("deadline: not ready", False)])
async def test_the_outcome_is_the_platforms(failure: str, success: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(monkeypatch)

    def policy() -> None:
        there: list[Any] = list(hall.inside)
        if len(there) == 3:
            hall.start("m1", "p2p", "sfu", there[:2])
            hall.bench.clock.time += 0.1
            hall.end("m1", there[:2], failure, "p2p" if failure else "sfu")

    hall.policy = policy
    await hall.run()
    first = hall.meeting.migrations[0]
    assert first.success is success
    assert first.duration_seconds == pytest.approx(0.1)
    assert failure in first.reason


async def test_a_move_that_was_superseded_counts_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(monkeypatch)

    def policy() -> None:
        there: list[Any] = list(hall.inside)
        if len(there) == 3:
            hall.start("m0", "p2p", "sfu", there[:2])
            hall.end("m0", there[:2], "superseded: somebody joined", "p2p")
            hall.start("m1", "p2p", "sfu", there[:2])
            hall.end("m1", there[:2])

    hall.policy = policy
    await hall.run()
    assert hall.moves()[0] == ("p2p>sfu", True)
    assert len([move for move in hall.moves() if move[0] == "p2p>sfu"]) == 1


async def test_who_drops_fails_the_move(monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(monkeypatch)

    def policy() -> None:
        there: list[Any] = list(hall.inside)
        if len(there) == 3:
            hall.start("m1", "p2p", "sfu", there[:2])
            there[0].drops.append((hall.bench.clock.now(), "gone"))
            there[0].lost = True
            hall.meeting.signalling_lost(there[0], hall.bench.clock.now())
            hall.end("m1", there[1:2])

    hall.policy = policy
    await hall.run()
    first = hall.meeting.migrations[0]
    assert not first.success
    assert first.reason == "dropped: room-p1"
    assert sorted(hall.bench.values("connection_stability_ratio")) == [0.0, 1.0, 1.0]


async def test_media_that_never_comes_again_fails_the_move(monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(monkeypatch)

    def policy() -> None:
        there: list[Any] = list(hall.inside)
        if len(there) == 3:
            there[1].gap = None
            hall.start("m1", "p2p", "sfu", there[:2])
            hall.end("m1", there[:2])

    hall.policy = policy
    await hall.run()
    assert not hall.meeting.migrations[0].success
    assert "got no audio" in hall.meeting.migrations[0].reason


@pytest.mark.parametrize("topology", ["p2p", "sfu"])
async def test_the_first_one_in_pins_the_room(topology: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(monkeypatch, topology=topology)
    await hall.run()
    assert hall.pinned == [("room-p1", topology)]
    assert hall.moves() == []


async def test_an_interrupted_meeting_leaves_and_blames_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(monkeypatch, settle=0.0, visit=100.0)

    def policy() -> None:
        there: list[Any] = list(hall.inside)
        if len(there) == 3:
            hall.start("m1", "p2p", "sfu", there[:2])

    hall.policy = policy
    running = asyncio.create_task(hall.meeting.run(START))
    while len(hall.inside) < 3:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.001)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await hall.meeting.close()
    assert hall.moves() == []
    assert hall.bench.values("migration_success_ratio") == []
    assert hall.bench.values("connection_stability_ratio").count(1.0) >= 2
    assert sum(hall.present) == 0
    assert hall.meeting.state == "over"


async def test_what_an_entry_tells_before_it_is_in(monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(monkeypatch)
    nobody: Any = FakeParticipant(hall)
    entry = Entry("early", "", nobody)
    assert entry.to_dict() == {
        "id": "early", "name": "early", "meeting": "", "joined": False, "topology": "", "join_duration_seconds": None,
        "join_phases": {}, "stay_seconds": None, "drops": [], "error": None,
    }  # fmt: skip
