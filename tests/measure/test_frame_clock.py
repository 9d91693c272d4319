"""Frame rhythm: rates by the vectors of the quality model section 5."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.frame_clock import FrameClock, FrameRhythm
from probe.native.analysis import frame_clock


def clock_of(intervals: list[float]) -> FrameClock:
    clock = FrameClock()
    for time in itertools.accumulate(intervals, initial=10.0):
        clock.on_frame(time)
    return clock


@pytest.mark.parametrize(
    ("intervals", "harmonic"),
    [
        ([0.033] * 300, 30.303),
        ([0.033] * 40 + [1.0] + [0.033] * 40, 3.348),
        ([0.033] * 40 + [0.188] + [0.033] * 40, 23.093),
    ],
)
def test_harmonic_frame_rate(intervals: list[float], harmonic: float) -> None:
    assert round(clock_of(intervals).rhythm().harmonic_frame_rate, 3) == harmonic


def test_before_the_second_frame_there_is_no_rate() -> None:
    clock = FrameClock()
    assert clock.rhythm() == FrameRhythm()
    assert clock.on_frame(1.0) is None
    assert (clock.rhythm().frames, clock.rhythm().frame_rate, clock.rhythm().harmonic_frame_rate) == (1, 0.0, 0.0)
    assert clock.rhythm().interval_variance == 0.0
    clock.on_frame(1.0)
    assert clock.rhythm().frame_rate == 0.0


def test_skip_leaves_an_interval_out() -> None:
    clock = clock_of([0.5, 0.5])
    clock.skip()
    assert clock.last is None
    assert clock.on_frame(100.0) is None
    assert clock.on_frame(100.25) == 0.25
    rhythm = clock.rhythm()
    assert (rhythm.frames, rhythm.intervals, rhythm.total_seconds, rhythm.longest_seconds) == (5, 3, 1.25, 0.5)


def test_a_time_before_the_last_one_is_the_same_instant() -> None:
    clock = clock_of([0.5])
    assert clock.on_frame(10.4) == 0.0
    assert clock.on_frame(10.6) == pytest.approx(0.1)


def test_windows_subtract() -> None:
    clock = clock_of([0.5, 0.5])
    earlier = clock.rhythm()
    for time in (11.25, 11.5):
        clock.on_frame(time)
    window = clock.rhythm().since(earlier)
    assert (window.frames, window.intervals, window.total_seconds) == (2, 2, 0.5)
    assert (window.frame_rate, window.harmonic_frame_rate) == (4.0, 4.0)
    assert window.longest_seconds == 0.0, "unknown: not the longest of all"
    clock.on_frame(12.5)
    assert clock.rhythm().since(earlier).longest_seconds == 1.0


@given(st.lists(st.floats(0.001, 5.0), min_size=1, max_size=50))
def test_figures_of_any_rhythm(intervals: list[float]) -> None:
    rhythm = clock_of(intervals).rhythm()
    assert rhythm.frame_rate == pytest.approx(1 / statistics.fmean(intervals), rel=1e-6)
    assert rhythm.interval_variance == pytest.approx(statistics.pvariance(intervals), rel=1e-4, abs=1e-9)
    assert rhythm.harmonic_frame_rate <= rhythm.frame_rate * (1 + 1e-9), "irregularity only costs"
    assert rhythm.longest_seconds == pytest.approx(max(intervals))


@pytest.mark.parametrize("make", [FrameClock, frame_clock])
@given(st.lists(st.floats(0, 100), max_size=40), st.lists(st.integers(0, 40), max_size=4), st.integers(0, 5))
def test_in_bulk_is_the_same(make: Callable[[], FrameClock], times: list[float], cuts: list[int], skip: int) -> None:
    one, many = FrameClock(), make()
    edges = sorted({0, len(times), *(cut % (len(times) + 1) for cut in cuts)})
    for turn, (first, last) in enumerate(itertools.pairwise(edges)):
        if turn == skip:
            one.skip()
            many.skip()
        for time in times[first:last]:
            one.on_frame(time)
        many.on_frames(np.array(times[first:last]))
        assert (many.rhythm(), many.last) == (one.rhythm(), one.last)
