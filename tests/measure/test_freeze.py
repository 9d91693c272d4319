"""The libwebrtc freeze rule, by its vectors (quality model section 5)."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.freeze import FreezeDetector
from probe.native.analysis import freeze_detector


def watch(intervals_ms: list[int], start: float = 1000.0) -> FreezeDetector:
    detector = FreezeDetector()
    for total in itertools.accumulate(intervals_ms, initial=0):
        detector.on_frame(start + total / 1000)
    return detector


@pytest.mark.parametrize(
    ("intervals", "count", "seconds"),
    [
        ([33] * 40 + [187] + [33] * 40, 0, 0.0),
        ([33] * 40 + [188] + [33] * 40, 1, 0.188),
        ([33] * 40 + [1000] + [33] * 40, 1, 1.0),
        ([33] * 40 + [500, 500] + [33] * 40, 2, 1.0),
        ([33, 33, 33, 500, 33], 0, 0.0),
        ([33, 33, 33, 33, 500, 33], 1, 0.5),
        ([66] * 40 + [216] + [66] * 40, 0, 0.0),
        ([66] * 40 + [221] + [66] * 40, 1, 0.221),
        ([200] * 40 + [640] + [200] * 40, 0, 0.0),
        ([200] * 40 + [644] + [200] * 40, 1, 0.644),
        ([], 0, 0.0),
        ([5000] * 4, 0, 0.0),
    ],
)
def test_vectors(intervals: list[int], count: int, seconds: float) -> None:
    detector = watch(intervals)
    assert (detector.count, detector.total_seconds) == (count, seconds)


def test_ratio_and_harmonic_rate() -> None:
    detector = watch([33] * 40 + [1000] + [33] * 40)
    assert round(detector.freeze_ratio, 4) == 0.2747
    assert detector.watched_seconds == pytest.approx(3.64)
    assert watch([33] * 40 + [188] + [33] * 40).harmonic_frame_rate == pytest.approx(23.093, abs=5e-4)
    assert watch([33] * 40 + [1000] + [33] * 40).harmonic_frame_rate == pytest.approx(3.348, abs=5e-4)
    assert FreezeDetector().freeze_ratio == 0.0


def test_tells_which_frame_ended_a_freeze() -> None:
    detector = FreezeDetector()
    assert [detector.on_frame(t) for t in (0, 0.033, 0.066, 0.1, 0.133, 0.6, 0.633)] == [False] * 5 + [True, False]


def test_a_pause_is_no_freeze_and_no_part_of_the_averages() -> None:
    detector = watch([33] * 40)
    detector.pause()
    assert detector.open_freeze(1010.0) == 0.0
    assert detector.on_frame(1011.32) is False
    for i in range(1, 41):
        detector.on_frame(1011.32 + i * 0.033)
    assert (detector.count, detector.pause_count, detector.paused_seconds) == (0, 1, 10.0)
    assert detector.harmonic_frame_rate == pytest.approx(1 / 0.033)
    assert detector.rhythm.intervals == 80
    assert detector.on_frame(1011.32 + 40 * 0.033 + 0.188) is True, "the averages know nothing of the pause"


def test_a_pause_before_the_first_frame() -> None:
    detector = FreezeDetector()
    detector.pause()
    detector.on_frame(5.0)
    detector.on_frame(5.1)
    assert (detector.pause_count, detector.rhythm.intervals) == (0, 1)


def test_a_freeze_that_no_frame_ends() -> None:
    detector = watch([33] * 40, start=0.0)
    last = 40 * 0.033
    assert detector.open_freeze(last + 0.187) == 0.0
    assert detector.open_freeze(last + 0.188) == 0.188
    assert detector.open_freeze(last + 9.0) == 9.0
    assert (detector.count, detector.total_seconds) == (0, 0.0), "looking changes nothing"
    assert FreezeDetector().open_freeze(9.0) == 0.0


def test_a_time_before_the_last_frame_counts_as_the_same_instant() -> None:
    detector = watch([33] * 40, start=0.0)
    detector.on_frame(0.5)
    assert detector.on_frame(40 * 0.033 + 0.033) is False
    assert detector.watched_seconds == pytest.approx(41 * 0.033)


def rule(intervals: list[int]) -> list[bool]:
    """The rule as quality-models.md writes it down, over the whole past."""
    found = []
    for i, d in enumerate(intervals):
        window = intervals[max(0, i - 29) : i + 1]
        average = sum(window) // len(window)
        found.append(len(window) >= 5 and d >= max(3 * average, average + 150))
    return found


@given(st.lists(st.integers(0, 60) | st.integers(0, 2000), max_size=100))
def test_agrees_with_the_rule_and_with_its_own_preview(intervals: list[int]) -> None:
    detector, now = FreezeDetector(), 50.0
    detector.on_frame(now)
    found = []
    for interval in intervals:
        now += interval / 1000
        preview = detector.open_freeze(now)
        found.append(detector.on_frame(now))
        assert (preview > 0) == found[-1]
    assert found == rule(intervals)
    assert detector.total_seconds == pytest.approx(sum(d for d, f in zip(intervals, found, strict=True) if f) / 1000)


@pytest.mark.parametrize("make", [FreezeDetector, freeze_detector])
@given(
    st.lists(st.sampled_from([0.01, 0.033, 0.0335, 0.15, 0.1875, 1.0, -0.02]), max_size=80),
    st.lists(st.integers(0, 80), max_size=4),
    st.integers(0, 5),
)
def test_in_bulk_is_the_same(
    make: Callable[[], FreezeDetector], intervals: list[float], cuts: list[int], pause: int
) -> None:
    times = [1000.0005 + total for total in itertools.accumulate(intervals)]
    one, many = FreezeDetector(), make()
    edges = sorted({0, len(times), *(cut % (len(times) + 1) for cut in cuts)})
    for turn, (first, last) in enumerate(itertools.pairwise(edges)):
        if turn == pause:
            one.pause()
            many.pause()
        found = many.on_frames(np.array(times[first:last]))
        assert found == [place for place, time in enumerate(times[first:last]) if one.on_frame(time)]
        same = [vars(detector) | {"_clock": detector.rhythm} for detector in (one, many)]
        assert same[0] == same[1]
    assert many.on_frames(np.empty(0)) == []
