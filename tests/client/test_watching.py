"""One stretch of watching: rates, freezes, seconds, and what is told at its end."""

from __future__ import annotations

import pytest

from probe.client.watching import Watching
from tests.client.fakes import START, Bench


def _show(watching: Watching, frames: int, *, first: int = 0, mos: float | None = 4.5, fps: int = 10) -> None:
    for number in range(first, first + frames):
        time = START + number / fps
        if number:
            watching.on_interval(time - 1 / fps, time, frozen=False)
        watching.on_frame(time, number, mos, 0)
        watching.on_reading(read=True, plausible=True)


def test_an_even_stretch() -> None:
    bench = Bench()
    watching = Watching(bench.context, "me", "you", "sfu")
    _show(watching, 41)
    watching.finish()
    watching.finish()
    for metric, value in (
        ("frame_rate", 10.0), ("harmonic_frame_rate", 10.0), ("freeze_count", 0.0), ("freeze_ratio", 0.0),
        ("frames_lost", 0.0), ("frame_id_unread_ratio", 0.0), ("frame_id_wrong", 0.0), ("video_quality_score", 4.5),
    ):  # fmt: skip
        assert bench.values(metric, topology="sfu") == [pytest.approx(value, abs=1e-6)], metric
    assert bench.values("video_mos") == pytest.approx([4.5] * len(bench.values("video_mos")))
    assert 2 <= len(bench.values("video_mos")) <= 4  # the full seconds


def test_seconds_are_told_as_they_pass_and_once() -> None:
    bench = Bench()
    watching = Watching(bench.context, "me", "you", "sfu")
    _show(watching, 25, mos=4.0)
    _show(watching, 20, first=25, mos=3.0)
    assert bench.values("video_mos")[0] == pytest.approx(4.0)
    before = len(bench.values("video_mos"))
    watching.finish()
    assert len(bench.values("video_mos")) == before
    assert watching.lowest_mos(START, START + 5) == pytest.approx(3.0, abs=0.01)
    assert watching.mean_mos(START, START + 2.0) == pytest.approx(4.0, abs=0.01)
    assert watching.mean_mos(START + 50, START + 60) is None


def test_losses_and_readings_are_counted() -> None:
    bench = Bench()
    watching = Watching(bench.context, "me", "you", "p2p")
    for tick in (5, 6, 9, 10):
        watching.on_frame(START + tick / 10, tick, 4.0, 0)
    for read, plausible in ((True, True), (True, False), (False, False), (True, True)):
        watching.on_reading(read=read, plausible=plausible)
    watching.finish()
    assert bench.values("frames_lost") == [2]
    assert bench.values("frame_id_unread_ratio") == [0.25]
    assert bench.values("frame_id_wrong") == [1]


def test_a_freeze_weighs() -> None:
    bench = Bench()
    watching = Watching(bench.context, "me", "you", "p2p")
    _show(watching, 21)
    watching.on_interval(START + 2.0, START + 4.0, frozen=True)
    watching.on_frame(START + 4.0, 21, 4.5, 0)
    watching.finish()
    assert bench.values("freeze_count") == [1]
    assert bench.values("freeze_ratio") == [pytest.approx(0.5)]
    assert bench.values("video_quality_score")[0] < 4.0


def test_without_identity_losses_are_unknown_and_not_zero() -> None:
    bench = Bench()
    watching = Watching(bench.context, "me", "you", "p2p")
    for number in range(5):
        watching.on_frame(START + number / 10, None, None, 0)
    watching.finish()
    assert bench.values("frame_rate") == [pytest.approx(10.0)]
    for metric in ("frames_lost", "frame_id_unread_ratio", "video_mos", "video_quality_score"):
        assert bench.values(metric) == [], metric


@pytest.mark.parametrize("frames", [0, 1])
def test_too_little_to_say_anything(frames: int) -> None:
    bench = Bench()
    watching = Watching(bench.context, "me", "you", "p2p")
    _show(watching, frames)
    watching.finish()
    assert bench.samples == []


def test_rates_of_seconds_and_whether_frames_came() -> None:
    bench = Bench()
    watching = Watching(bench.context, "me", "you", "sfu")
    _show(watching, 21)
    watching.stood_until(START + 4.5)
    watching.finish()
    assert bench.values("window_frame_rate", topology="sfu") == pytest.approx([10, 10, 0, 0])
    assert bench.values("stream_available_ratio", topology="sfu") == [1, 1, 0, 0]


@pytest.mark.parametrize(("pictures", "count"), [(("VP8", 640, 360), 1), (("VP8", 3840, 2160), 0), (None, 0)])
def test_what_has_no_source_is_estimated_where_the_estimate_holds(
    pictures: tuple[str, int, int] | None, count: int
) -> None:
    bench = Bench("pictures")
    watching = Watching(bench.context, "me", "cam", "sfu")
    for number in range(41):
        if number:
            watching.on_interval(START + (number - 1) / 15, START + number / 15, frozen=False)
        watching.on_frame(START + number / 15, None, None, 4000)
        watching.pictures = pictures
    watching.finish()
    found = bench.values("video_score_estimated")
    assert len(found) == count
    assert all(3 < score < 5 for score in found)
    for metric in ("video_quality_score", "video_mos", "frames_lost", "frame_id_unread_ratio", "frame_id_wrong"):
        assert bench.values(metric) == [], metric
