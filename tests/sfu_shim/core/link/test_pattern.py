"""The reference against a brute-force model, and the probe's own receiver against the reference."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.measure.rtp_stream import StreamReceiver
from sfu_shim.core.link.pattern import ArrivalPattern


def feed(numbers: list[int], window: int = 1 << 15) -> ArrivalPattern:
    pattern = ArrivalPattern(window)
    for number in numbers:
        pattern.arrive(number)
    return pattern


def read(pattern: ArrivalPattern) -> tuple[int, int, int, int, int]:
    return pattern.expected, pattern.missing, pattern.runs, pattern.duplicates, pattern.reordered


def brute(numbers: list[int]) -> tuple[int, int, int, int, int]:
    seen = set(numbers)
    lost = [number not in seen for number in range(min(seen), max(seen) + 1)]
    duplicates = len(numbers) - len(seen)
    firsts = list(dict.fromkeys(numbers))
    reordered = sum(1 for i, number in enumerate(firsts) if i and number < max(firsts[:i]))
    runs = sum(1 for gone, _ in itertools.groupby(lost) if gone)
    return len(lost), sum(lost), runs, duplicates, reordered


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([7], (1, 0, 0, 0, 0)),
        ([1, 2, 5], (5, 2, 1, 0, 0)),
        ([1, 3, 5], (5, 2, 2, 0, 0)),
        ([1, 3, 2], (3, 0, 0, 0, 1)),
        ([5, 3, 4, 6], (4, 0, 0, 0, 2)),
        ([1, 3, 3, 2, 2], (3, 0, 0, 2, 1)),
        ([-1, 0, 2], (4, 1, 1, 0, 0)),
    ],
)
def test_counts(numbers: list[int], expected: tuple[int, int, int, int, int]) -> None:
    assert read(feed(numbers)) == expected == brute(numbers)


def test_nothing_arrived() -> None:
    assert read(ArrivalPattern()) == (0, 0, 0, 0, 0)
    assert ArrivalPattern().burst_ratio == 1.0


def test_burst_ratio() -> None:
    pattern = feed([0, 1, 2, 3, 8, 9])  # 4 of 10 lost in one run: 4 × (1 - 0.4)
    assert pattern.burst_ratio == pytest.approx(2.4)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(-30, 60), min_size=1, max_size=120))
def test_any_order(numbers: list[int]) -> None:
    assert read(feed(numbers)) == brute(numbers)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=200), st.integers(1, 9))
def test_closing_old_numbers_changes_no_count(arrives: list[bool], window: int) -> None:
    numbers = [i for i, arrived in enumerate([True, *arrives, True]) if arrived]
    assert read(feed(numbers, window)) == brute(numbers)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(65_000, 66_000), min_size=1, max_size=150))
def test_the_probe_counts_as_the_reference(numbers: list[int]) -> None:
    receiver = StreamReceiver(1, 90000)
    for i, number in enumerate(numbers):
        receiver.on_packet(number & 0xFFFF, number * 900, i * 0.01, 100)
    pattern = feed(numbers)
    measured = (
        receiver.expected,
        receiver.lost_first,
        receiver.loss_runs,
        receiver.duplicates,
        receiver.reordered,
    )
    assert measured == read(pattern)
    assert receiver.snapshot(0).burst_ratio == pytest.approx(pattern.burst_ratio)
