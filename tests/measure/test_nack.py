"""When packets are asked for again."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.measure.nack import NackGenerator
from probe.measure.rtp_stream import MAX_DROPOUT


def test_nothing_missing_nothing_asked() -> None:
    nack = NackGenerator()
    assert nack.due(0.0, 0.1) == []
    for sequence in (10, 11, 12, 12, 11):
        nack.on_packet(sequence, 0.0)
    assert nack.due(1.0, 0.1) == []


def test_a_hole_is_asked_for_at_once_then_once_a_round_trip() -> None:
    nack = NackGenerator()
    nack.on_packet(10, 0.0)
    nack.on_packet(13, 1.0)
    assert nack.due(1.0, 0.1) == [11, 12]
    assert nack.due(1.05, 0.1) == []
    assert nack.due(1.101, 0.1) == [11, 12]
    nack.on_packet(11, 1.15)
    assert nack.due(1.3, 0.1) == [12]
    assert (nack.requested, nack.missing) == (5, 1)


def test_short_round_trips_do_not_flood() -> None:
    nack = NackGenerator()
    nack.on_packet(1, 0.0)
    nack.on_packet(3, 0.0)
    assert nack.due(0.0, 0.001) == [2]
    assert nack.due(0.019, 0.001) == []
    assert nack.due(0.020, 0.001) == [2]


def test_ten_tries_then_no_more() -> None:
    nack = NackGenerator()
    nack.on_packet(1, 0.0)
    nack.on_packet(3, 0.0)
    asked = [nack.due(i * 0.1, 0.05) for i in range(20)]
    assert asked == [[2]] * 10 + [[]] * 10
    assert (nack.given_up, nack.missing) == (1, 0)


def test_reordering_is_tolerated() -> None:
    nack = NackGenerator(reorder_tolerance=0.01)
    nack.on_packet(1, 0.0)
    nack.on_packet(4, 0.0)
    assert nack.due(0.005, 0.0) == []
    nack.on_packet(2, 0.006)
    assert nack.due(0.01, 0.0) == [3]


def test_history_is_bounded_and_the_oldest_go_first() -> None:
    nack = NackGenerator(history=10)
    nack.on_packet(0, 0.0)
    nack.on_packet(8, 0.0)
    nack.on_packet(15, 0.0)
    assert nack.due(0.0, 0.0) == [4, 5, 6, 7, 9, 10, 11, 12, 13, 14]
    assert nack.given_up == 3
    nack.on_packet(1000, 0.0)
    assert nack.due(0.0, 0.0) == list(range(990, 1000))
    assert nack.given_up + nack.missing == 997


def test_a_restarted_stream_leaves_nothing_missing() -> None:
    nack = NackGenerator()
    nack.on_packet(0, 0.0)
    nack.on_packet(2, 0.0)
    nack.on_packet(2 + MAX_DROPOUT, 0.0)
    assert (nack.missing, nack.given_up) == (0, 1)
    nack.on_packet(5 + MAX_DROPOUT, 0.0)
    assert nack.due(0.0, 0.0) == [3 + MAX_DROPOUT, 4 + MAX_DROPOUT]
    nack.reset()
    nack.on_packet(7, 0.0)
    assert nack.due(1.0, 0.0) == []


@pytest.mark.parametrize("wrong", [{"reorder_tolerance": -1.0}, {"max_tries": 0}, {"history": 0}])
def test_nonsense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="make no sense"):
        NackGenerator(**wrong)  # type: ignore[arg-type]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 1 << 30), st.integers(0, 1 << 20))
def test_asks_for_exactly_the_holes(seed: int, start: int) -> None:
    rng = random.Random(seed)
    arrived = [n for n in range(start, start + 300) if rng.random() < 0.8]
    order = sorted(arrived, key=lambda n: n + rng.uniform(0, 10))
    if not order:
        return
    nack = NackGenerator()
    for sequence in order:
        nack.on_packet(sequence, 0.0)
    assert nack.due(0.0, 0.0) == [n for n in range(order[0], max(order)) if n not in set(arrived)]
