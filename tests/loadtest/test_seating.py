from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.seating import Mix, Place, Seat, Seating
from probe.model.scenario import Topology

WEIGHTS = st.dictionaries(
    st.sampled_from(("hybrid", "p2p", "sfu")), st.floats(min_value=0.01, max_value=1000), min_size=1, max_size=3
)


def seating(participants: int = 2, meetings: int = 0, rank: int = 0, of: int = 1) -> Seating:
    return Seating(Place(rank, rank, of), Mix({"hybrid": 1.0}), participants, meetings)


@given(WEIGHTS, st.integers(1, 120))
def test_the_mix_holds_for_every_prefix_to_within_one_room(weights: dict[Topology, float], rooms: int) -> None:
    mix, whole = Mix(weights), sum(weights.values())
    had: dict[str, int] = dict.fromkeys(weights, 0)
    for room in range(rooms):
        had[mix.topology(room)] += 1
        for name, weight in weights.items():
            assert abs(had[name] - (room + 1) * weight / whole) < 1


def test_the_mix_is_the_same_each_time_and_whoever_asks() -> None:
    weights: dict[Topology, float] = {"p2p": 50, "sfu": 30, "hybrid": 20}
    asked_late, in_order = Mix(weights), Mix(dict(reversed(weights.items())))
    assert asked_late.topology(9) == [in_order.topology(room) for room in range(10)][9]
    assert [in_order.topology(room) for room in range(10)].count("p2p") == 5
    assert [in_order.topology(room) for room in range(10)].count("sfu") == 3


@given(st.integers(2, 6), st.lists(st.integers(0, 9), max_size=80))
def test_no_two_sit_on_one_seat_and_rooms_fill_before_others_open(participants: int, moves: list[int]) -> None:
    """Odd moves take a seat, even ones give one back."""
    places, taken = seating(participants), list[Seat]()
    for move in moves:
        if move % 2 or not taken:
            before = {seat.local for seat in taken}
            seat = places.take(0.0)
            assert seat is not None
            assert seat not in taken
            assert 0 <= seat.position < participants
            full = {local for local in before if sum(one.local == local for one in taken) == participants}
            assert all(local in full for local in range(seat.local)), "a room before it has a free seat"
            assert seat.position == min(set(range(participants)) - {s.position for s in taken if s.local == seat.local})
            taken.append(seat)
        else:
            places.release(taken.pop(move % len(taken)))


@pytest.mark.parametrize(("meetings", "most"), [(1, (1, 0, 0)), (3, (1, 1, 1)), (5, (2, 2, 1)), (0, (9, 9, 9))])
def test_the_cap_is_dealt_to_the_workers(meetings: int, most: tuple[int, ...]) -> None:
    numbers = []
    for rank in range(3):
        places = seating(2, meetings, rank, 3)
        seats = [places.take(0.0) for _ in range(18)]
        got = [seat for seat in seats if seat is not None]
        assert len(got) == 2 * most[rank]
        numbers += sorted({places.room(seat).number for seat in got})
    if meetings:
        assert sorted(numbers) == list(range(meetings))


def test_a_seat_is_free_again_and_cannot_be_freed_twice() -> None:
    places = seating(2, 1)
    first, second = places.take(0.0), places.take(0.0)
    assert (first, second) == (Seat(0, 0), Seat(0, 1))
    assert first is not None
    assert second is not None
    assert places.take(0.0) is None
    places.release(first)
    assert places.take(0.0) == first
    places.release(second)
    with pytest.raises(KeyError):
        places.release(second)


def test_whole_meetings_have_rooms_of_their_own() -> None:
    places = seating(2)
    seats = [places.take(0.0), places.take(0.0, whole=True), places.take(0.0), places.take(0.0, whole=True)]
    assert seats == [Seat(0, 0), Seat(1, 0), Seat(0, 1), Seat(2, 0)]
    places.release(Seat(1, 0))
    assert places.take(0.0) == Seat(3, 0)
    assert places.take(0.0, whole=True) == Seat(1, 0)


def test_members_meet_though_they_come_one_after_the_other() -> None:
    places = seating(2)
    seat = places.take(100.0)
    assert seat is not None
    room = places.room(seat)
    assert [room.meeting(start, 10.0) for start in (99.0, 100.0, 109.9, 110.0, 135.0)] == [0, 0, 0, 1, 3]


@given(st.lists(st.integers(0, 30), min_size=1, unique=True))
def test_workers_share_the_rooms_out(indexes: list[int]) -> None:
    places = [Place.among(index, indexes) for index in sorted(indexes)]
    assert [place.rank for place in places] == list(range(len(indexes)))
    assert {place.count for place in places} == {len(indexes)}
    assert all(one.index < other.index for one, other in pairwise(places))


def test_a_worker_that_came_later_shares_a_turn() -> None:
    assert Place.among(5, (0, 1)) == Place(5, 1, 2)
    assert Place.among(0, ()) == Place(0, 0, 1)
