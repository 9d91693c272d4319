"""What must hold for every score of ours, whatever the figures: worse never scores higher, and no score leaves its scale.

The single models' own property tests stand beside them (test_emodel, test_audio_quality, test_video_quality); these are
the ones across windows, tables and whole streams.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.audio_quality import CODECS as AUDIO_CODECS
from probe.measure.audio_quality import AudioQuality, audio_score
from probe.measure.emodel import Circuit, delay_impairment, equipment_impairment, g107, mos_from_r
from probe.measure.estimated_video import CODECS as VIDEO_CODECS
from probe.measure.estimated_video import estimated_video_score
from probe.measure.opus import opus
from probe.measure.video_quality import VideoQuality, video_quality_score, vmaf_to_mos
from probe.media.ssim_calibration import CALIBRATIONS

ROUNDING = 1e-9
RATIO, BURST, DELAY, MOS = st.floats(0, 1), st.floats(1, 8), st.floats(0, 2), st.floats(1, 5)
WINDOWS = st.lists(st.tuples(RATIO, RATIO, BURST, BURST, DELAY, DELAY), min_size=1, max_size=6)


def _ordered(a: float, b: float) -> tuple[float, float]:
    return min(a, b), max(a, b)


@given(st.sampled_from(AUDIO_CODECS), st.floats(6_000, 510_000), WINDOWS)
def test_a_call_of_worse_windows_never_scores_higher(
    codec: str, bitrate: float, windows: list[tuple[float, float, float, float, float, float]]
) -> None:
    better, worse = AudioQuality(codec), AudioQuality(codec)
    for loss1, loss2, burst1, burst2, delay1, delay2 in windows:
        (loss_low, loss_high), (delay_low, delay_high) = _ordered(loss1, loss2), _ordered(delay1, delay2)
        burst_low, burst_high = _ordered(burst1, burst2)
        better.add_window(loss_low, burst_low, delay_low, bitrate)
        worse.add_window(loss_high, burst_high, delay_high, bitrate)
    good, bad = better.result(), worse.result()
    assert good is not None
    assert bad is not None
    for score in (good.mean, bad.mean):
        assert 1 <= score.mos_cq <= score.mos_lq <= score.ceiling + ROUNDING <= 4.5 + ROUNDING
        assert 1 <= score.score <= 5
    assert bad.mean.score <= good.mean.score + ROUNDING
    assert bad.mean.mos_lq <= good.mean.mos_lq + ROUNDING
    assert bad.lowest_mos_cq <= good.lowest_mos_cq + ROUNDING
    assert bad.lowest_mos_cq <= bad.mean.mos_cq + ROUNDING


@given(st.lists(st.tuples(RATIO, BURST, DELAY), min_size=1, max_size=6))
def test_the_order_of_windows_does_not_matter(windows: list[tuple[float, float, float]]) -> None:
    forth, back = AudioQuality(), AudioQuality()
    for loss, burst, delay in windows:
        forth.add_window(loss, burst, delay, 40_000)
    for loss, burst, delay in reversed(windows):
        back.add_window(loss, burst, delay, 40_000)
    first, second = forth.result(), back.result()
    assert first is not None
    assert second is not None
    assert first.mean.score == pytest.approx(second.mean.score)
    assert first.lowest_mos_cq == second.lowest_mos_cq


@given(st.floats(0, 60), st.floats(0.1, 60), RATIO, st.sampled_from((95.0, 132.0)))
def test_random_loss_never_costs_more_than_there_is(ie: float, bpl: float, loss: float, anchor: float) -> None:
    assert ie - ROUNDING <= equipment_impairment(ie, bpl, loss, anchor=anchor) <= anchor + ROUNDING


@given(st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_longer_echo_path_never_scores_higher(a: float, b: float) -> None:
    """One physical path: talker echo, listener echo and mouth-to-ear delay grow together. Below 1 ms G.107 hears no
    talker echo, and where that begins R jumps up by a tenth."""

    def r(delay: float) -> float:
        circuit = Circuit(talker_echo_delay=delay, round_trip_delay=2 * delay)
        return g107(mouth_to_ear_seconds=delay, circuit=circuit).r

    low, high = _ordered(a, b)
    assert r(high) <= r(low) + 0.11
    assert 1 <= mos_from_r(r(high)) <= mos_from_r(r(0.0) + 0.11)


@given(st.floats(0, 10), st.floats(0, 10))
def test_delay_alone(a: float, b: float) -> None:
    low, high = _ordered(a, b)
    assert 0 <= delay_impairment(low) <= delay_impairment(high) + ROUNDING < 50


@given(st.floats(1_000, 510_000), st.floats(1_000, 510_000))
def test_more_bits_of_opus_never_score_lower_without_loss(a: float, b: float) -> None:
    low, high = _ordered(a, b)
    assert audio_score("opus", high, 0.0).score >= audio_score("opus", low, 0.0).score - ROUNDING


def test_the_published_table_of_constant_bitrate_opus_is_not_monotonic() -> None:
    """Known, and left as published: it is not the table that calls are rated by."""
    assert opus(28_000, "swb", "cbr").ie > opus(25_000, "swb", "cbr").ie


@given(st.floats(0, 100), st.floats(0, 100))
def test_vmaf(a: float, b: float) -> None:
    low, high = _ordered(a, b)
    assert 1 <= vmaf_to_mos(low) <= vmaf_to_mos(high) <= 5


@given(st.sampled_from(sorted(CALIBRATIONS)), st.floats(-1, 1), st.floats(-1, 1))
def test_the_shipped_ssim_tables(height: int, a: float, b: float) -> None:
    low, high = _ordered(a, b)
    table = CALIBRATIONS[height]
    assert 1 <= table.mos(low) <= table.mos(high) + ROUNDING <= 5 + ROUNDING


SECONDS = st.lists(st.tuples(st.floats(0.01, 2), MOS, MOS, RATIO, RATIO), min_size=1, max_size=8)


@given(SECONDS)
def test_worse_pictures_and_longer_freezes_never_score_higher(
    spans: list[tuple[float, float, float, float, float]],
) -> None:
    better, worse = VideoQuality(), VideoQuality()
    start = 0.0
    for duration, mos1, mos2, frozen1, frozen2 in spans:
        (low, high), (short, long) = _ordered(mos1, mos2), _ordered(frozen1, frozen2)
        for stream, mos, frozen in ((better, high, short), (worse, low, long)):
            stream.add_displayed(start, duration, mos)
            stream.add_frozen(start, frozen)
        start += duration
    assert better.score is not None
    assert worse.score is not None
    assert 1 <= worse.score <= better.score + ROUNDING <= 5 + ROUNDING
    for second in worse.series():
        assert second.score is not None
        assert 1 <= second.score <= 5


@given(st.lists(st.tuples(st.floats(0.01, 5), MOS), min_size=1, max_size=8), st.floats(0, 20))
def test_freezes_only_take_away(spans: list[tuple[float, float]], frozen: float) -> None:
    still, moving = video_quality_score(spans, frozen), video_quality_score(spans)
    assert still is not None
    assert moving is not None
    assert 1 <= still <= moving + ROUNDING
    assert min(mos for _, mos in spans) - ROUNDING <= moving <= max(mos for _, mos in spans) + ROUNDING


ESTIMATE: dict[str, Any] = {
    "bitrate_bps": (st.floats(1, 1e9), True),
    "frames_per_second": (st.floats(0.01, 240), True),
    "frame_loss_ratio": (RATIO, False),
    "frozen_seconds": (st.floats(0, 4), False),
}
SIZE = st.tuples(st.integers(1, 4096), st.integers(1, 4096))


@given(st.data(), st.sampled_from(VIDEO_CODECS), SIZE)
def test_estimated_video(data: st.DataObject, codec: str, size: tuple[int, int]) -> None:
    """Never falls with bitrate or frame rate, never rises with loss or freezes; any sizes, inside and outside the fit."""
    figures = {name: data.draw(strategy, name) for name, (strategy, _) in ESTIMATE.items()}
    changed = data.draw(st.sampled_from(sorted(ESTIMATE)))
    strategy, more_is_better = ESTIMATE[changed]
    other = {**figures, changed: data.draw(strategy, "other")}
    low, high = sorted((figures, other), key=lambda each: each[changed])
    worse, better = (low, high) if more_is_better else (high, low)

    def score(chosen: dict[str, float]) -> float:
        found = estimated_video_score(codec, width=size[0], height=size[1], duration_seconds=4.0, **chosen)
        assert 1 <= found.score <= found.picture_mos + ROUNDING <= found.ceiling + ROUNDING < 5
        return found.score

    assert score(worse) <= score(better) + ROUNDING
