"""Transport-wide feedback from arrivals: what is told, when it is told again, and that it stays small."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.twcc import MAX_INTERVAL, MIN_INTERVAL, TransportArrivals, feedback_interval
from probe.wire.rtcp import TransportFeedback, parse_compound


def _took(arrivals: TransportArrivals) -> list[list[tuple[int, float | None]]]:
    return [list(feedback.arrivals) for feedback in arrivals.take(1, 2)]


def test_what_came_and_what_did_not_is_told_once() -> None:
    arrivals = TransportArrivals()
    assert arrivals.take(1, 2) == []
    for sequence, arrival in ((10, 5.0), (11, 5.001), (13, 5.002)):
        arrivals.on_packet(sequence, arrival)
    named = ((10, 5.0), (11, 5.001), (12, None), (13, 5.002))
    assert arrivals.take(1, 2) == [TransportFeedback(1, 2, 10, 0, named)]
    assert arrivals.take(1, 2) == []
    arrivals.on_packet(16, 5.1)
    assert arrivals.take(3, 4) == [TransportFeedback(3, 4, 14, 1, ((14, None), (15, None), (16, 5.1)))]


def test_the_first_of_two_copies_counts() -> None:
    arrivals = TransportArrivals()
    arrivals.on_packet(10, 5.0)
    arrivals.on_packet(10, 5.1)
    assert _took(arrivals) == [[(10, 5.0)]]
    arrivals.on_packet(10, 5.2)
    assert arrivals.take(1, 2) == []


def test_packets_that_overtook_each_other_are_told_by_number() -> None:
    arrivals = TransportArrivals()
    for sequence, arrival in ((12, 5.0), (10, 5.001), (11, 5.002)):
        arrivals.on_packet(sequence, arrival)
    assert _took(arrivals) == [[(10, 5.001), (11, 5.002), (12, 5.0)]]


def test_a_straggler_takes_the_base_back_and_what_follows_it_is_told_again() -> None:
    arrivals = TransportArrivals()
    for sequence, arrival in ((10, 5.0), (12, 5.02), (14, 5.04)):
        arrivals.on_packet(sequence, arrival)
    arrivals.take(1, 2)
    arrivals.on_packet(11, 5.05)
    arrivals.on_packet(15, 5.06)
    assert _took(arrivals) == [[(11, 5.05), (12, 5.02), (13, None), (14, 5.04), (15, 5.06)]]


def test_a_straggler_whose_neighbours_are_forgotten_is_told_no_more() -> None:
    arrivals = TransportArrivals()
    arrivals.on_packet(10, 5.0)
    arrivals.on_packet(12, 5.01)
    arrivals.on_packet(14, 5.6)  # half a second later the first two are history
    arrivals.take(1, 2)
    arrivals.on_packet(11, 5.61)
    assert arrivals.take(1, 2) == []
    arrivals.on_packet(13, 5.62)
    assert _took(arrivals) == [[(13, 5.62), (14, 5.6)]]


@pytest.mark.parametrize("order", [(65534, 65535, 0, 1), (1, 0, 65535, 65534), (65535, 65534, 1, 0)])
def test_numbers_wrap(order: tuple[int, ...]) -> None:
    arrivals = TransportArrivals()
    for sequence in order:
        arrivals.on_packet(sequence, 5.0)
    assert _took(arrivals) == [[(65534, 5.0), (65535, 5.0), (0, 5.0), (1, 5.0)]]


def test_numbers_wrap_between_feedbacks() -> None:
    arrivals = TransportArrivals()
    arrivals.on_packet(65534, 5.0)
    arrivals.take(1, 2)
    arrivals.on_packet(1, 5.1)
    assert _took(arrivals) == [[(65535, None), (0, None), (1, 5.1)]]


def test_a_gap_of_a_thousand_is_loss_and_a_longer_one_a_new_beginning() -> None:
    arrivals = TransportArrivals()
    arrivals.on_packet(0, 5.0)
    arrivals.take(1, 2)
    arrivals.on_packet(1001, 6.0)
    [feedback] = arrivals.take(1, 2)
    assert feedback.base_sequence == 1
    assert [arrival for _, arrival in feedback.arrivals] == [None] * 1000 + [6.0]
    assert len(feedback.to_bytes()) == 4 + 16 + 2 + 2 + 1 + 3
    arrivals.on_packet(2003, 7.0)
    assert _took(arrivals) == [[(2003, 7.0)]]


def test_a_jump_within_one_feedback_divides_it() -> None:
    arrivals = TransportArrivals()
    for sequence, arrival in ((5, 5.0), (30_000, 5.01), (30_002, 5.02)):
        arrivals.on_packet(sequence, arrival)
    first, second = arrivals.take(1, 2)
    assert first == TransportFeedback(1, 2, 5, 0, ((5, 5.0),))
    assert second == TransportFeedback(1, 2, 30_000, 1, ((30_000, 5.01), (30_001, None), (30_002, 5.02)))


def test_a_sender_that_begins_anew_is_followed() -> None:
    arrivals = TransportArrivals()
    arrivals.on_packet(40_000, 5.0)
    arrivals.take(1, 2)
    arrivals.on_packet(7, 5.1)
    arrivals.on_packet(8, 5.2)
    assert _took(arrivals) == [[(7, 5.1), (8, 5.2)]]
    arrivals.on_packet(10, 5.3)
    assert _took(arrivals) == [[(9, None), (10, 5.3)]]


def test_steps_that_16_bits_do_not_hold_divide_a_feedback() -> None:
    arrivals = TransportArrivals()
    for sequence, arrival in ((1, 5.0), (2, 12.9), (3, 30.0), (5, 9.0)):
        arrivals.on_packet(sequence, arrival)
    feedbacks = arrivals.take(1, 2)
    told = [((1, 5.0), (2, 12.9)), ((3, 30.0),), ((4, None), (5, 9.0))]
    assert [feedback.arrivals for feedback in feedbacks] == told
    assert [parse_compound(feedback.to_bytes()) for feedback in feedbacks] == [[feedback] for feedback in feedbacks]


def test_feedbacks_are_counted_modulo_256_and_full_ones_divided() -> None:
    arrivals = TransportArrivals()
    counts = []
    for i in range(300):
        arrivals.on_packet(i, i / 100)
        counts += [feedback.feedback_count for feedback in arrivals.take(1, 2)]
    assert counts == [i % 256 for i in range(300)]
    for i in range(300, 1300):
        arrivals.on_packet(i, 3 + i / 100_000)
    feedbacks = arrivals.take(1, 2)
    assert [len(feedback.arrivals) for feedback in feedbacks] == [400, 400, 200]
    assert [feedback.feedback_count for feedback in feedbacks] == [300 % 256, 301 % 256, 302 % 256]


def test_the_largest_feedbacks_stay_below_a_thousand_bytes() -> None:
    arrivals = TransportArrivals()
    for i in range(2000):  # large steps to and fro, and nothing for a run-length chunk
        arrivals.on_packet(i, 5.0 + (0.1 if i % 2 else 0.0) + (0.05 if i % 7 == 0 else 0.0))
    assert 800 < max(len(feedback.to_bytes()) for feedback in arrivals.take(1, 2)) < 1000


def test_what_nobody_takes_is_bounded() -> None:
    arrivals = TransportArrivals()
    for i in range(60_000):
        arrivals.on_packet(i, 5.0)
    assert sum(1 for told in _took(arrivals) for _, arrival in told if arrival is not None) == 1 << 14


def test_batches_do_the_same() -> None:
    one, many = TransportArrivals(), TransportArrivals()
    sequences = np.array([65535, 0, 3, 2, 2], np.uint16)
    times = np.array([5.0, 5.25, 5.5, 5.75, 6.0])
    for sequence, arrival in zip(sequences, times, strict=True):
        one.on_packet(int(sequence), float(arrival))
    many.on_batch(sequences, times)
    assert many.take(1, 2) == one.take(1, 2)
    with pytest.raises(ValueError, match="shorter"):
        many.on_batch(sequences, times[:2])


@pytest.mark.parametrize(
    ("bitrate", "seconds"),
    [(0.0, MAX_INTERVAL), (50_000.0, MAX_INTERVAL), (153_600.0, 0.1), (307_200.0, MIN_INTERVAL), (1e9, MIN_INTERVAL)],
)
def test_feedback_takes_a_twentieth(bitrate: float, seconds: float) -> None:
    assert feedback_interval(bitrate) == pytest.approx(seconds)


journeys = st.lists(st.none() | st.integers(0, 12), min_size=1, max_size=80)


@given(st.integers(0, 0xFFFF), journeys, st.sets(st.integers(0, 99)))
def test_all_that_came_is_told_and_only_the_truth(start: int, journeys: list[int | None], takes: set[int]) -> None:
    """Packets one tick apart, each lost or late by some ticks; feedback is taken at some of the ticks."""
    arrivals, count = TransportArrivals(), 0
    came: dict[int, float] = {}
    told: dict[int, float | None] = {}
    for tick in range(100):
        for i, late in enumerate(journeys):
            if late is not None and i + late == tick:
                came[start + i & 0xFFFF] = tick / 4000
                arrivals.on_packet(start + i & 0xFFFF, tick / 4000)
        for feedback in arrivals.take(1, 2) if tick in takes | {99} else []:
            assert parse_compound(feedback.to_bytes()) == [feedback]
            assert feedback.feedback_count == count
            assert dict(feedback.arrivals) == {number: came.get(number) for number, _ in feedback.arrivals}
            count += 1
            told |= dict(feedback.arrivals)
    assert {number: arrival for number, arrival in told.items() if arrival is not None} == came
