"""Media gaps over several paths."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.measure.timeline import MediaTimeline
from probe.native.analysis import media_timeline


def timeline(arrivals: list[float]) -> MediaTimeline:
    found = MediaTimeline()
    for i, arrival in enumerate(arrivals):
        assert found.on_media(float(i), arrival, "p2p")
    return found


@pytest.mark.parametrize(
    ("arrivals", "start", "end", "gap"),
    [
        ([0, 1, 2, 3], 0.5, 2.5, 1.0),
        ([0, 1, 5, 6], 0.5, 5.5, 4.0),
        ([0, 4, 5], 3.0, 4.5, 4.0),  # began before: counts whole
        ([0, 1, 5], 0.5, 2.0, 4.0),  # ended after: counts whole
        ([0, 4, 5, 6], 4.0, 5.5, 1.0),  # touching is no overlap
        ([0, 1, 5], 0.5, 1.0, 1.0),
        ([0, 1, 2], 1.5, 9.0, 7.0),  # still open
        ([0, 1], 5.0, 9.0, 8.0),
        ([3, 4], 1.0, 3.5, 2.0),  # nothing to miss before `start`
        ([9, 10], 1.0, 5.0, 8.0),
        ([], 1.0, 5.0, 4.0),
        ([0, 3], 2.0, 2.0, 3.0),
        ([], 2.0, 2.0, 0.0),
    ],
)
def test_longest_gap(arrivals: list[float], start: float, end: float, gap: float) -> None:
    assert timeline(arrivals).longest_gap(start, end) == gap


def test_an_interval_that_runs_backwards() -> None:
    with pytest.raises(ValueError, match="no interval"):
        timeline([0, 1]).longest_gap(2.0, 1.0)


def test_make_before_break() -> None:
    """The new path brings the same frames 30 ms later, then goes on alone: repeated ones fill no gap."""
    media = MediaTimeline()
    for n in range(30):
        assert media.on_media(n / 30, n / 30, "p2p")
    assert [media.on_media(n / 30, n / 30 + 0.03, "sfu") for n in range(25, 33)] == [False] * 5 + [True] * 3
    assert (media.new, media.repeated) == (33, 5)
    assert media.longest_gap(0.5, 1.05) == pytest.approx(1 / 30 + 0.03)


def test_repeated_needs_another_path() -> None:
    media = MediaTimeline()
    assert media.on_media(1.0, 5.0, "p2p")
    assert not media.on_media(1.0, 5.1, "p2p")
    assert media.repeated == 0
    assert not media.on_media(1.0, 5.2, "sfu")
    assert media.repeated == 1


def test_late_media_that_was_missing_is_new() -> None:
    media = MediaTimeline()
    assert [media.on_media(t, 10 + i / 100, "p2p") for i, t in enumerate((0.0, 0.04, 0.02, 0.06))] == [True] * 4


@pytest.mark.parametrize(
    ("offset", "same"), [(0.0, True), (0.0009, True), (-0.0009, True), (0.0011, False), (-0.0011, False)]
)
@pytest.mark.parametrize("capture", [0.0, 0.0005, 0.0015, 1234.5, 3e9 + 0.1, -7.0])
def test_tolerance(capture: float, offset: float, same: bool) -> None:
    media = MediaTimeline()
    media.on_media(capture, 0.0, "p2p")
    assert media.on_media(capture + offset, 0.0, "sfu") is not same


def test_a_tolerance_must_tell_something_apart() -> None:
    with pytest.raises(ValueError, match="tells nothing apart"):
        MediaTimeline(tolerance=0.0)


def test_arrivals_that_cross_by_microseconds() -> None:
    media = MediaTimeline()
    for capture, arrival in ((0.0, 0.0), (1.0, 1.00002), (2.0, 1.00001), (3.0, 3.0)):
        media.on_media(capture, arrival, "p2p")
    assert media.longest_gap(0.5, 2.5) == pytest.approx(1.99998)


def test_memory_is_bounded_and_forgetting_makes_no_gap() -> None:
    media = MediaTimeline()
    for n in range(20_000):
        media.on_media(n * 0.02, n * 0.02, "p2p")
    assert 6001 <= len(media._captures) == len(media._arrivals) == len(media._paths) <= 6501
    assert media.longest_gap(0.0, 399.0) == pytest.approx(0.02)
    assert media.new == 20_000
    assert not media.on_media(399.0, 400.0, "sfu")


def test_a_capture_time_from_the_far_future_spoils_nothing() -> None:
    media = MediaTimeline()
    media.on_media(1e12, 0.0, "p2p")
    assert [media.on_media(n * 0.02, n * 0.02, "p2p") for n in range(5)] == [True] * 5


@given(st.lists(st.floats(0, 100), max_size=30), st.floats(0, 100), st.floats(0, 100))
def test_agrees_with_plain_intervals(arrivals: list[float], a: float, b: float) -> None:
    arrivals, (start, end) = sorted(arrivals), sorted((a, b))
    if start == end:
        return
    edges = arrivals if arrivals and arrivals[0] <= start else [start, *arrivals]
    edges = edges if edges[-1] >= end else [*edges, end]
    gaps = [y - x for x, y in itertools.pairwise(edges) if y > start and x < end]
    assert timeline(arrivals).longest_gap(start, end) == max(gaps)


def test_a_capture_clock_set_back_leaves_no_heap_behind() -> None:
    media = MediaTimeline()
    for n in range(60_000):
        media.on_media((n % 7000) * 0.02 - n // 7000 * 1e5, n * 0.02, "p2p")
    assert len(media._captures) <= 6501
    assert media.new == 60_000


def test_what_is_forgotten_is_new_again() -> None:
    media = MediaTimeline()
    media.on_media(1.0, 0.0, "p2p")
    media.on_media(2.0, 115.0, "p2p")
    assert not media.on_media(1.0, 116.0, "sfu")
    media.on_media(3.0, 121.0, "p2p")
    assert media.on_media(1.0, 121.5, "sfu")
    assert (media.new, media.repeated) == (4, 1)
    assert media.longest_gap(0.0, 10.0) == 0.0, "what came before 115 s is not remembered"


@pytest.mark.parametrize("make", [MediaTimeline, media_timeline])
@settings(deadline=None)
@given(
    st.integers(0, 1 << 30),
    st.lists(st.integers(0, 300), max_size=12),
    st.sampled_from([0.0, 0.01, 0.2]),
    st.sampled_from([0.02, 2.0]),
)
def test_in_bulk_is_the_same(
    make: Callable[[], MediaTimeline], seed: int, cuts: list[int], odd: float, step: float
) -> None:
    """Two paths, reordering, duplicates, clocks set anew; over the forgetting."""
    rng = random.Random(seed)
    items, clock = [], 0.0
    for n in range(300):
        clock += rng.choice([-1.0, 0.0005, 1e6, -1e6]) if rng.random() < odd / 5 else 0.0
        for path in ("p2p", "sfu") if 100 <= n < 200 else ("p2p" if n < 100 else "sfu",):
            late = rng.uniform(0, 3 * step) if rng.random() < odd else 0.0
            items += [(n * step + clock, n * step + 0.01 + late, path)] * (1 + (rng.random() < odd))
    items.sort(key=lambda item: item[1])
    one, many = MediaTimeline(), make()
    for first, last in itertools.pairwise(sorted({0, len(items), *(cut % len(items) for cut in cuts)})):
        for path, run in itertools.groupby(items[first:last], key=lambda item: item[2]):
            captures, arrivals, _ = (np.array(column) for column in zip(*run, strict=True))
            new = many.on_many(captures.astype(float), arrivals.astype(float), path)
            singly = [one.on_media(*item, path) for item in zip(captures.tolist(), arrivals.tolist(), strict=True)]
            assert new.tolist() == singly
        for timeline in (one, many):
            timeline._sweep()  # when that is done is no matter
        assert vars(many) == vars(one)
    for start in (0.0, 1.5, items[-1][1] - 1.0):
        assert many.longest_gap(start, items[-1][1] + 0.5) == one.longest_gap(start, items[-1][1] + 0.5)


def test_nothing_in_bulk() -> None:
    media = MediaTimeline()
    assert media.on_many(np.empty(0), np.empty(0), "p2p").tolist() == []
    assert (media.new, media.longest_gap(0.0, 1.0)) == (0, 1.0)
