from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.video_quality import (
    SERIES_SECONDS,
    SecondQuality,
    SsimCalibration,
    VideoQuality,
    ssim_to_db,
    video_quality_score,
    vmaf_to_mos,
)

MOS = st.floats(1, 5)
SPANS = st.lists(st.tuples(st.floats(0, 20), MOS), max_size=20)


@pytest.mark.parametrize(
    ("vmaf", "mos"),
    [(0, 1), (20, 1), (40, 2), (60, 3), (80, 4), (84, 4.2), (92, 4.6), (100, 5), (-3, 1), (105, 5)],
)
def test_vmaf_to_mos(vmaf: float, mos: float) -> None:
    assert vmaf_to_mos(vmaf) == pytest.approx(mos, abs=1e-12)


def test_vmaf_that_is_no_number() -> None:
    with pytest.raises(ValueError, match="not a number"):
        vmaf_to_mos(math.nan)


@pytest.mark.parametrize(("seconds", "weight", "score"), [(10, 2, 3.06), (8, 2, 2.96), (10, 1, 3.27), (8, 1, 3.21)])
def test_freeze_weight_against_the_public_anchor(seconds: float, weight: float, score: float) -> None:
    found = video_quality_score([(seconds - 1, 3.52)], 1.0, weight)
    assert found is not None
    assert abs(found - score) <= 0.005 + 1e-9  # 3.205 is printed as 3.21


def test_score_weighs_by_time() -> None:
    assert video_quality_score([(3.0, 5.0), (1.0, 1.0)]) == 4.0
    assert video_quality_score([(4.0, 4.6)], 0.0) == pytest.approx(4.6)


@pytest.mark.parametrize("displayed", [[], [(0.0, 4.0)]])
def test_nothing_displayed_has_no_score(displayed: list[tuple[float, float]]) -> None:
    assert video_quality_score(displayed, 5.0) is None


@pytest.mark.parametrize(
    ("displayed", "frozen", "weight"),
    [
        *[([(-1.0, 3.0)], 0, 2), ([(1.0, 0.9)], 0, 2), ([(1.0, 5.1)], 0, 2), ([(1.0, math.nan)], 0, 2)],
        *[([(math.inf, 3.0)], 0, 2), ([(1.0, 3.0)], -1, 2), ([(1.0, 3.0)], math.nan, 2), ([(1.0, 3.0)], 1, -2)],
    ],
)
def test_impossible_values(displayed: list[tuple[float, float]], frozen: float, weight: float) -> None:
    with pytest.raises(ValueError):
        video_quality_score(displayed, frozen, weight)


@given(SPANS, st.floats(0, 50), st.floats(0, 50))
def test_more_freezing_never_scores_higher_and_stays_in_scale(
    spans: list[tuple[float, float]], a: float, b: float
) -> None:
    less, more = video_quality_score(spans, min(a, b)), video_quality_score(spans, max(a, b))
    assert (less is None) == (more is None) == (sum(duration for duration, _ in spans) == 0)
    if less is not None and more is not None:
        assert 1 <= more <= less + 1e-9
        assert less <= 5


CALIBRATION = SsimCalibration(((5.0, 10.0), (10.0, 50.0), (20.0, 95.0)), fit_error=2.5, source="test")


@pytest.mark.parametrize(
    ("ssim", "vmaf"), [(0.9, 50.0), (0.99, 95.0), (0.999, 95.0), (1.0, 95.0), (0.0, 10.0), (-0.5, 10.0)]
)
def test_calibration_at_and_beyond_its_points(ssim: float, vmaf: float) -> None:
    assert CALIBRATION.vmaf(ssim) == pytest.approx(vmaf)


def test_calibration_between_its_points() -> None:
    ssim = 1 - 10**-1.5  # 15 dB
    assert CALIBRATION.vmaf(ssim) == pytest.approx(72.5)
    assert CALIBRATION.mos(ssim) == pytest.approx(1 + 52.5 / 20)


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_calibration_never_falls(a: float, b: float) -> None:
    assert CALIBRATION.vmaf(min(a, b)) <= CALIBRATION.vmaf(max(a, b)) + 1e-9


@pytest.mark.parametrize("points", [(), ((1.0, 2.0),), ((1.0, 2.0), (1.0, 3.0)), ((1.0, 5.0), (2.0, 4.0))])
def test_calibration_must_rise(points: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match="calibration"):
        SsimCalibration(points, 0.0, "test")


def test_ssim_to_db() -> None:
    assert ssim_to_db(0.99) == pytest.approx(20.0)
    assert ssim_to_db(0.0) == 0.0
    assert ssim_to_db(1.0) == 60.0
    for bad in (1.1, -1.1, math.nan):
        with pytest.raises(ValueError, match="SSIM"):
            ssim_to_db(bad)


def test_a_stream_accumulates() -> None:
    stream = VideoQuality()
    stream.add_displayed(0.0, 9.0, 3.52)
    stream.add_frozen(9.0, 1.0)
    assert (stream.displayed_seconds, stream.frozen_seconds) == (9.0, 1.0)
    assert stream.picture_mos == pytest.approx(3.52)
    assert stream.score == video_quality_score([(9.0, 3.52)], 1.0)
    assert [one.second for one in stream.series()] == list(range(10))
    assert stream.series()[9] == SecondQuality(9, None, 1.0)


def test_spans_are_cut_at_full_seconds() -> None:
    stream = VideoQuality()
    stream.add_displayed(0.5, 1.0, 4.0)
    stream.add_displayed(1.5, 0.5, 2.0)
    assert stream.series() == [SecondQuality(0, 4.0, 4.0), SecondQuality(1, 3.0, 3.0)]
    stream.add_frozen(0.0, 0.5)
    assert stream.series()[0] == SecondQuality(0, 4.0, (0.5 * 4 + 2 * 0.5) / 1.5)


def test_a_span_that_ends_on_a_full_second_does_not_touch_the_next() -> None:
    stream = VideoQuality()
    stream.add_displayed(1.0, 1.0, 4.0)
    assert [one.second for one in stream.series()] == [1]


def test_dip_across_a_switch() -> None:
    stream = VideoQuality()
    for second in range(10):
        stream.add_displayed(float(second), 1.0, 2.0 if second == 6 else 4.5)
    assert stream.mean_between(0.0, 6.0) == pytest.approx(4.5)
    assert stream.mean_between(0.5, 1.5) is None  # no whole second in it
    assert stream.lowest_second(5.5, 7.5) == pytest.approx(2.0)
    assert stream.lowest_second(6.9, 6.95) == pytest.approx(2.0)
    assert stream.lowest_second(7.0, 9.0) == pytest.approx(4.5)
    assert stream.lowest_second(20.0, 30.0) is None


def test_nothing_seen_is_unknown() -> None:
    stream = VideoQuality()
    assert stream.picture_mos is stream.score is None
    assert stream.series() == []
    stream.add_frozen(0.0, 2.0)
    assert stream.picture_mos is stream.score is None


def test_series_is_bounded_and_totals_are_not() -> None:
    stream = VideoQuality()
    for second in range(1000):
        stream.add_displayed(float(second), 1.0, 3.0)
    assert [one.second for one in stream.series()] == list(range(1000 - SERIES_SECONDS, 1000))
    assert stream.displayed_seconds == 1000.0
    stream.add_displayed(10.0, 1.0, 1.0)  # late: counts, but the series has moved on
    assert len(stream.series()) == SERIES_SECONDS
    assert stream.displayed_seconds == 1001.0
    stream.add_frozen(1000.0, 1e7)
    assert len(stream.series()) == SERIES_SECONDS
    assert stream.frozen_seconds == 1e7


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 5), MOS), min_size=1, max_size=20))
def test_seconds_add_up_to_the_whole(spans: list[tuple[float, float, float]]) -> None:
    stream = VideoQuality()
    for start, duration, mos in spans:
        stream.add_displayed(start, duration, mos)
    total = sum(duration for _, duration, _ in spans)
    assert stream.displayed_seconds == pytest.approx(total)
    if total > 1e-6:
        assert stream.picture_mos == pytest.approx(sum(d * mos for _, d, mos in spans) / total)
        assert all(one.score is None or 1 <= one.score <= 5 for one in stream.series())


def test_a_time_that_is_no_number() -> None:
    stream = VideoQuality()
    with pytest.raises(ValueError, match="time"):
        stream.add_displayed(math.nan, 1.0, 3.0)
    assert stream.displayed_seconds == 0.0
