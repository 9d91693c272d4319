"""The bookkeeping of a meeting, with participants that only pretend: who comes and goes, and what becomes of migrations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import probe.client.meeting
import probe.client.room_moves
from probe.client.entry import Entry
from probe.client.meeting import Meeting
from probe.client.operations import Operation
from probe.model.errors import ConfigError
from probe.model.scenario import Scenario
from probe.signalling import base
from tests.client.fakes import START, Bench
from tests.client.pretend import FakeParticipant


class Hall:
    """A meeting, its fakes, and a platform that moves the room as `policy` says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, failing: tuple[str, ...] = (), **changes: Any) -> None:
        self.bench = Bench()
        self.failing = failing
        self.inside: list[FakeParticipant] = []
        self.pinned: list[tuple[str, str]] = []
        self.present: list[int] = []
        self.told: list[Operation] = []
        self.open = asyncio.Event()
        self.open.set()
        self.policy: Callable[[], None] = lambda: None
        values: dict[str, Any] = {
            "name": "t", "participants": 2, "visitors": 1, "settle": 0.01, "visit": 0.01, "after": 0.0,
            "join_spacing": 0.0, "migration_deadline": 0.2,
        }  # fmt: skip
        monkeypatch.setattr(probe.client.room_moves, "TAIL", 0.0)
        monkeypatch.setattr(probe.client.room_moves, "GRACE", 0.2)
        monkeypatch.setattr(probe.client.meeting, "Participant", lambda *anything: FakeParticipant(self))
        nothing: Any = None
        self.meeting = Meeting(
            self.bench.context, Scenario(**(values | changes)), "room", lambda: nothing, lambda: nothing, nothing, nothing,
            self.present.append, self.told.append,
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
            self.meeting.moves.migration_started(one, started, self.bench.clock.now())

    def end(self, name: str, who: list[Any], failure: str = "", topology: base.Topology = "sfu") -> None:
        for one in who:
            one.topology = topology
            self.meeting.moves.migration_ended(one, name, failure, self.bench.clock.now())
        self.bench.wheel.run_until(self.bench.clock.now() + 0.01)

    async def come(self, *names: str, after: float = 0.0) -> list[Entry]:
        """They join from outside, at once."""
        entries = [self.meeting.admit(name, position) for position, name in enumerate(names)]
        await asyncio.gather(*(self.meeting.join(entry, START + after) for entry in entries))
        return entries

    def operations(self) -> list[tuple[str, str, float, str]]:
        return [(one.name, one.topology, round(one.seconds, 3), one.error) for one in self.told]

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
            hall.meeting.moves.signalling_lost(there[0], hall.bench.clock.now())
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
    assert hall.meeting.entries[0].topology == topology  # the fake says p2p until it is told
    [first] = [
        one for one in hall.bench.samples if one.metric == "join_success_ratio" and one.detail["who"] == "room-p1"
    ]
    assert first.tags == {"topology": topology}


async def test_a_platform_that_cannot_be_pinned_is_complained_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The room is what the platform makes it, and figures are told by what really carried them."""
    asked: list[str] = []

    async def refuse(self: FakeParticipant, topology: str) -> None:
        asked.append(self.name)
        raise ConfigError("topology sfu can't be had here", who="wss://meet.example", phase="topology")

    monkeypatch.setattr(FakeParticipant, "force_topology", refuse)
    hall = Hall(monkeypatch, topology="sfu")
    first, second = await hall.come("a", "b")
    await hall.meeting.leave(first)
    await hall.meeting.leave(second)
    await hall.come("c", "d")
    assert asked == ["a"]
    assert hall.bench.context.errors == {("topology", "wss://meet.example", "topology sfu can't be had here"): 1}
    assert [one.topology for one in hall.told if one.name == "join"] == ["p2p"] * 4


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


# held from outside


async def test_every_operation_is_told_when_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(monkeypatch, failing=("c",))
    first, _ = await hall.come("a", "b")
    (failed,) = await hall.come("c")
    hall.start("m1", "p2p", "sfu", list(hall.inside))
    hall.bench.clock.time += 0.125
    hall.end("m1", list(hall.inside))
    await hall.meeting.leave(first)
    await hall.meeting.leave(first)
    await hall.meeting.leave(failed)
    assert hall.operations() == [
        ("join", "p2p", 0.1, ""),  # nobody was there to connect to
        ("join", "p2p", 0.3, ""),
        ("first_frame", "p2p", 0.5, ""),
        ("join", "", 0.0, "ice_connected: no way"),
        ("migrate", "p2p to sfu", 0.125, ""),
        ("leave", "sfu", 0.0, ""),
    ]
    assert [one.who for one in hall.told] == ["a", "b", "b", "c", "room", "a"]


async def test_who_comes_meanwhile_waits_for_the_pin_and_its_time_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(monkeypatch, topology="sfu")
    hall.open.clear()
    coming = asyncio.create_task(hall.come("a", "b", "c"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [who for who in (entry.participant.name for entry in hall.meeting.entries) if who] == ["a"]  # type: ignore[attr-defined]
    hall.open.set()
    await coming
    assert hall.pinned == [("a", "sfu")]
    assert [entry.joined for entry in hall.meeting.entries] == [True] * 3
    assert hall.bench.values("join_duration_seconds") == [0.5, 0.5]  # from the intended start
    assert {one.topology for one in hall.told} == {"sfu"}


async def test_where_the_first_one_fails_the_next_who_gets_in_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(monkeypatch, topology="p2p", failing=("a",))
    await hall.come("a", "b", "c")
    assert [entry.joined for entry in hall.meeting.entries] == [False, True, True]
    assert hall.pinned == [("b", "p2p")]


async def test_a_room_that_was_left_is_pinned_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(monkeypatch, topology="p2p")
    (first,) = await hall.come("a")
    await hall.meeting.leave(first)
    await hall.come("b")
    assert hall.pinned == [("a", "p2p"), ("b", "p2p")]


async def test_a_join_that_is_called_off_counts_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(monkeypatch)
    hall.open.clear()
    entry = hall.meeting.admit("a", 0)
    joining = asyncio.create_task(hall.meeting.join(entry, START))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    joining.cancel()
    await asyncio.wait([joining])
    await hall.meeting.leave(entry)
    hall.meeting.forget(entry)
    assert joining.cancelled()
    assert (hall.bench.samples, hall.told, hall.present, hall.meeting.entries) == ([], [], [], [])
    assert not hall.bench.context.errors


async def test_who_leaves_a_moment_after_a_move_does_not_spoil_it(monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(monkeypatch)
    monkeypatch.setattr(probe.client.room_moves, "TAIL", 1.0)
    a, b = await hall.come("a", "b")
    hall.start("m1", "sfu", "p2p", list(hall.inside))
    hall.end("m1", list(hall.inside), topology="p2p")
    assert hall.moves() == []
    await hall.meeting.leave(a)
    assert hall.moves() == [("sfu>p2p", True)]
    await hall.meeting.leave(b)
    hall.bench.wheel.run_until(START + 60.0)
    assert hall.moves() == [("sfu>p2p", True)]


@pytest.mark.parametrize("through", [0, 1])
async def test_a_move_that_its_people_walk_out_of_is_nobodys_failure(
    through: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends it for the one who stays alone, or for nobody."""
    hall = Hall(monkeypatch)
    a, b = await hall.come("a", "b")
    there: list[Any] = list(hall.inside)
    hall.start("m1", "sfu", "p2p", there)
    await hall.meeting.leave(a)
    hall.end("m1", there[1 : 1 + through], topology="p2p")
    await hall.meeting.leave(b)
    hall.bench.wheel.run_until(START + 60.0)
    assert hall.moves() == []
    assert not hall.meeting.moves.concern(there[1])


async def test_a_move_of_which_nothing_more_is_heard_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(monkeypatch)
    await hall.come("a", "b")
    hall.start("m1", "p2p", "sfu", list(hall.inside))
    assert hall.meeting.state == "moving to sfu"
    hall.bench.wheel.run_until(START + 60.0)
    assert hall.moves() == [("p2p>sfu", False)]
    assert hall.meeting.migrations[0].reason == "not finished within 0.4 s: a, b"


async def test_who_is_forgotten_stays_as_long_as_a_move_is_about_it(monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(monkeypatch)
    a, b, c = await hall.come("a", "b", "c")
    there: list[Any] = list(hall.inside)
    hall.start("m1", "p2p", "sfu", there)
    there[0].drops.append((hall.bench.clock.now(), "gone"))
    await hall.meeting.leave(a)
    hall.meeting.forget(a)
    assert hall.meeting.entries == [a, b, c]
    hall.end("m1", there[1:])
    assert hall.meeting.entries == [b, c]
    assert hall.meeting.migrations[0].reason == "dropped: a"


async def test_a_lost_participant_does_not_leave_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its call is lost: that is no leave of the user's."""
    hall = Hall(monkeypatch)
    (first,) = await hall.come("a")
    fake: Any = first.participant
    fake.lost, fake.drops = True, [(START, "gone")]
    await hall.meeting.leave(first)
    assert [one.name for one in hall.told] == ["join"]
    assert hall.bench.values("connection_stability_ratio") == [0.0]
    assert hall.present == [1, -1]


@pytest.mark.parametrize("failure", ["", "deadline: not ready"])
async def test_a_move_before_anybody_saw_anybody(failure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody had anything to lose by it; that the platform gave it up is its failure all the same."""
    hall = Hall(monkeypatch)
    monkeypatch.setattr(FakeParticipant, "switches", lambda self, start, end: [])
    await hall.come("a", "b")
    hall.start("m1", "p2p", "sfu", list(hall.inside))
    hall.end("m1", list(hall.inside), failure)
    assert hall.moves() == ([("p2p>sfu", False)] if failure else [])
    assert hall.meeting.state == "starting"
