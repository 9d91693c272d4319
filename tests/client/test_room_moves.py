"""Migrations that no platform announces, of a whole room: each participant notices for itself, and they are one."""

from __future__ import annotations

from typing import Any

from probe.client.entry import Entry
from probe.client.room_moves import GRACE, TAIL, RoomMoves
from probe.measure.migration import Migration, StreamSwitch
from probe.signalling import base
from tests.client.fakes import START, Bench

DEADLINE = 5.0


class StrawParticipant:
    """In the room from the beginning, on P2P."""

    def __init__(self, name: str) -> None:
        self.participant = name
        self.topology = "p2p"
        self.drops: list[tuple[float, str]] = []
        self.left_at: float | None = None
        self.lost = False
        self.members: set[str] = set()
        self.asked: list[tuple[float, float]] = []

    def switches(self, start: float, end: float) -> list[StreamSwitch]:
        self.asked.append((round(start - START, 3), round(end - START, 3)))
        return [StreamSwitch(self.participant, "somebody", "audio", 0.1)]


class Room:
    def __init__(self, *names: str) -> None:
        self.bench = Bench()
        self.kept: list[Migration] = []
        self.who = {name: StrawParticipant(name) for name in names}
        for name, one in self.who.items():
            one.members = set(names) - {name}
        entries = [self._entry(one) for one in self.who.values()]
        self.moves = RoomMoves(self.bench.context, "room", DEADLINE, entries, self.kept.append, lambda: None)

    @staticmethod
    def _entry(one: Any) -> Entry:
        return Entry(one.participant, "room", one, joined=True)

    def at(self, seconds: float) -> None:
        self.bench.wheel.run_until(START + seconds)

    def begins(self, name: str, at: float, number: int = 1, target: base.Topology = "sfu") -> None:
        who, source = self.who[name], "p2p" if target == "sfu" else "sfu"
        members = tuple(sorted(who.members))
        message = base.MigrationStarted(f"own:{name}:{number}", source, target, DEADLINE, members)  # type: ignore[arg-type]
        self.moves.migration_started(who, message, START + at)

    def ends(self, name: str, at: float, failure: str = "", number: int = 1, topology: base.Topology = "sfu") -> None:
        self.who[name].topology = topology
        self.moves.migration_ended(self.who[name], f"own:{name}:{number}", failure, START + at)

    def outcomes(self) -> list[tuple[str, float, float, str]]:
        return [(m.transition, m.start, round(m.duration_seconds, 6), m.reason) for m in self.kept]


def test_it_begins_with_the_first_who_notices_and_ends_with_the_last() -> None:
    room = Room("ann", "ben")
    room.at(1.0)
    room.begins("ann", 1.0)
    assert room.moves.target == "sfu"
    room.at(1.2)
    room.ends("ann", 1.2)
    assert room.moves.target == "sfu", "ben has not even noticed"
    assert room.moves.concern(room.who["ben"])
    room.at(3.5)
    assert room.kept == []
    room.begins("ben", 3.5)
    room.at(3.8)
    room.ends("ben", 3.7)
    assert room.moves.target is None
    room.at(6.0)
    assert room.outcomes() == [("p2p>sfu", 1.0, 2.7, "")]
    assert [one.asked for one in room.who.values()] == [[(1.0, 4.7)]] * 2


def test_who_noticed_later_may_have_lost_its_media_earlier() -> None:
    room = Room("ann", "ben")
    room.at(1.0)
    room.begins("ann", 1.0)
    room.begins("ben", 0.75)
    room.ends("ann", 1.5)
    room.ends("ben", 1.5)
    room.at(3.0)
    assert room.outcomes() == [("p2p>sfu", 0.75, 0.75, "")]


def test_who_was_through_first_may_tell_it_last() -> None:
    room = Room("ann", "ben")
    room.at(1.0)
    room.begins("ann", 1.0)
    room.begins("ben", 1.0)
    room.ends("ann", 1.75)
    room.ends("ben", 1.5)
    room.at(3.0)
    assert room.outcomes() == [("p2p>sfu", 1.0, 0.75, "")]


def test_only_a_drop_since_it_began_fails_it() -> None:
    for dropped, reason in ((0.5, ""), (1.25, "dropped: ben")):
        room = Room("ann", "ben")
        room.at(1.0)
        room.who["ben"].drops.append((START + dropped, "gone"))
        for name in ("ann", "ben"):
            room.begins(name, 1.0)
            room.ends(name, 1.5)
        room.at(3.0)
        assert [one.reason for one in room.kept] == [reason]


def test_who_never_notices_did_not_move() -> None:
    room = Room("ann", "ben")
    room.at(1.0)
    room.begins("ann", 1.0)
    room.ends("ann", 1.5)
    room.at(20.0)
    limit = DEADLINE + TAIL + GRACE
    assert room.outcomes() == [("p2p>sfu", 1.0, 0.5, f"not finished within {limit:g} s: ben")]
    assert room.who["ben"].asked == [], "it has nothing to tell of a migration that it did not see"


def test_who_had_nothing_to_lose_has_moved_all_the_same() -> None:
    room = Room("ann", "ben", "cleo")
    room.at(1.0)
    room.begins("ann", 1.0)
    room.begins("ben", 1.0)
    room.who["cleo"].topology = "sfu"
    room.ends("ann", 1.5)
    room.ends("ben", 1.5)
    room.at(3.0)
    assert room.outcomes() == [("p2p>sfu", 1.0, 0.5, "")]


def test_nobody_waits_for_who_leaves_or_is_lost() -> None:
    room = Room("ann", "ben", "cleo")
    room.at(1.0)
    room.begins("ann", 1.0)
    room.ends("ann", 1.5)
    room.who["ben"].lost = True
    room.moves.signalling_lost(room.who["ben"], START + 1.6)
    room.who["cleo"].left_at = START + 1.7
    room.moves.left(room.who["cleo"], START + 1.7)
    room.at(3.0)
    assert room.outcomes() == [("p2p>sfu", 1.0, 0.5, "")]


def test_there_and_back_are_two_though_the_first_is_not_over() -> None:
    room = Room("ann", "ben")
    room.at(1.0)
    for name in ("ann", "ben"):
        room.begins(name, 1.0)
        room.ends(name, 1.4)
    for name in ("ann", "ben"):
        room.begins(name, 1.75, number=2, target="p2p")
    room.at(2.125)
    for name in ("ann", "ben"):
        room.ends(name, 2.125, number=2, topology="p2p")
    room.at(5.0)
    assert room.outcomes() == [("p2p>sfu", 1.0, 0.4, ""), ("sfu>p2p", 1.75, 0.375, "")]


def test_the_same_way_twice_is_two() -> None:
    room = Room("ann", "ben")
    room.at(1.0)
    for number, start in ((1, 1.0), (2, 1.625)):
        for name in ("ann", "ben"):
            room.begins(name, start, number)
            room.ends(name, start + 0.25, "ann: back to p2p: no way" if number == 1 else "", number)
    room.at(5.0)
    assert [(move.success, move.start) for move in room.kept] == [(False, 1.0), (True, 1.625)]


def test_superseded_counts_for_nothing() -> None:
    room = Room("ann", "ben")
    room.at(1.0)
    for name in ("ann", "ben"):
        room.begins(name, 1.0)
        room.ends(name, 1.2, "superseded: somebody left", topology="p2p")
    room.at(5.0)
    assert room.kept == []
