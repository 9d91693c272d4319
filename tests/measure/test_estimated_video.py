from __future__ import annotations

import math
from typing import Any

import pytest

from probe.measure.estimated_video import CODECS, FITS, Curve, estimated_video_score
from probe.model.errors import ConfigError

USUAL: dict[str, Any] = {"codec": "VP8", "bitrate_bps": 500_000, "width": 640, "height": 360, "frames_per_second": 30}
CURVE = Curve(best=4.0, base_bps=100_000, steepness=2.0, tail=1.0, size=0.5, size2=0.0, frames=0.05, frames_size=0.5)


def test_the_curve_by_hand() -> None:
    """x = (bitrate / needed)^2, s = x / (1 + x) with a tail of 1."""
    assert CURVE.needed_bps(640 * 360) == pytest.approx(100_000)
    assert CURVE.needed_bps(1280 * 720) == pytest.approx(200_000)
    assert CURVE.mos(100_000, 640 * 360, 30) == pytest.approx(1 + 4 * 0.5)
    assert CURVE.mos(300_000, 640 * 360, 30) == pytest.approx(1 + 4 * 0.9)
    assert CURVE.mos(300_000, 640 * 360, 15) == pytest.approx(1 + 4 * 0.9 * (1 - 0.05 * 0.81))
    assert CURVE.mos(600_000, 1280 * 720, 10) == pytest.approx(1 + 4 * 0.9 * (1 - 0.2 * 0.81))
    assert CURVE.mos(1e-300, 640 * 360, 30) == pytest.approx(1.0)
    assert CURVE.mos(1e300, 640 * 360, 30) == pytest.approx(5.0)


def test_the_penalty_for_few_frames_has_an_end() -> None:
    steep = Curve(4.0, 100_000, 2.0, 1.0, 0.5, 0.0, 10.0, 0.5)
    rising = [steep.mos(rate, 640 * 360, 8) for rate in (1e5, 3e5, 1e6, 1e7, 1e8)]
    assert rising == sorted(rising)


@pytest.mark.parametrize("codec", CODECS)
def test_plausible_calls(codec: str) -> None:
    """Bitrates that people know: 720p at 2 Mbit/s is good, 640x360 at 40 kbit/s is not, 10 frames/s cost something."""
    good = estimated_video_score(codec, 2e6, 1280, 720, 30)
    poor = estimated_video_score(codec, 40e3, 640, 360, 30)
    slow = estimated_video_score(codec, 2e6, 1280, 720, 10)
    assert good.score > 4.5
    assert poor.score < 3.5
    assert slow.score < good.score - 0.4
    assert good.model == "estimated"
    assert good.ceiling < 5


def test_small_pictures_need_fewer_bits() -> None:
    scores = [
        estimated_video_score("VP8", 150e3, *size, 30).score
        for size in ((160, 90), (320, 180), (640, 360), (1280, 720), (1920, 1080))
    ]
    assert scores == sorted(scores, reverse=True)


def test_lost_frames_are_frames_that_are_not_shown() -> None:
    lossy = estimated_video_score(**USUAL, frame_loss_ratio=0.5)
    assert lossy.picture_mos == estimated_video_score(**{**USUAL, "frames_per_second": 15}).picture_mos
    assert lossy.note == ""
    assert estimated_video_score(**USUAL, frame_loss_ratio=1.0).score == 1.0


def test_freezes_weigh_as_in_the_headline_rule() -> None:
    frozen = estimated_video_score(**USUAL, frozen_seconds=1.0, duration_seconds=10.0)
    assert frozen.score == pytest.approx((9 * frozen.picture_mos + 2 * 1) / 11)
    assert estimated_video_score(**USUAL, frozen_seconds=10.0, duration_seconds=10.0).score == 1.0


@pytest.mark.parametrize(
    ("changed", "note"),
    [
        ({}, ""),
        ({"bitrate_bps": 50e6}, "bitrate above the fitted range"),
        ({"bitrate_bps": 1e3}, "bitrate below the fitted range"),
        ({"width": 1920, "height": 1080, "bitrate_bps": 2e6}, "picture size above the fitted range"),
        ({"width": 96, "height": 54, "bitrate_bps": 1e5}, "picture size below the fitted range"),
        ({"frames_per_second": 60}, "frame rate above the fitted range"),
        ({"frames_per_second": 30.04}, ""),  # a second that took in a frame of the next
        ({"frames_per_second": 5}, "frame rate below the fitted range"),
        ({"codec": "VP9"}, "VP9 rated as VP8, which needs more bits: a lower bound"),
        ({"codec": "h.264"}, ""),
    ],
)
def test_notes_say_where_the_fit_ends(changed: dict[str, Any], note: str) -> None:
    assert estimated_video_score(**USUAL | changed).note == note


def test_nothing_outside_of_the_fit_lifts_a_score() -> None:
    assert estimated_video_score(**USUAL | {"frames_per_second": 60}) != estimated_video_score(**USUAL)  # the note
    for changed, inside in (({"frames_per_second": 60}, {}), ({"bitrate_bps": 1e9}, {"bitrate_bps": 1e8})):
        more, most = estimated_video_score(**USUAL | changed), estimated_video_score(**USUAL | inside)
        assert more.score == most.score
    slow = [estimated_video_score(**USUAL | {"frames_per_second": fps}).score for fps in (0.01, 1, 4, 7.9, 8, 8.1, 10)]
    assert slow == sorted(slow)
    assert slow[0] == pytest.approx(1.0, abs=0.01)
    assert slow[4] - slow[3] < 0.1  # no step


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"codec": "H263"}, "did you mean 'H264'"),
        ({"bitrate_bps": 0}, "bitrate 0"),
        ({"bitrate_bps": math.nan}, "bitrate nan"),
        ({"width": 0}, "width 0"),
        ({"height": 100_000}, "height 100000"),
        ({"frames_per_second": -1}, "frame rate -1"),
        ({"frame_loss_ratio": 1.1}, "frame loss ratio 1.1"),
        ({"duration_seconds": 0}, "duration 0"),
        ({"frozen_seconds": 2}, "frozen time 2"),
    ],
)
def test_bad_input_says_what_is_allowed(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        estimated_video_score(**USUAL | changed)


def test_the_shipped_fits_say_how_good_they_are() -> None:
    assert set(FITS) == {"VP8", "H264"}
    for fit in FITS.values():
        assert 0.03 < fit.rmse <= fit.rmse_unseen < 0.25
        assert fit.rmse_above_3 <= fit.rmse < fit.largest < 1
        assert 0 < fit.rmse_lost_frames < 0.25
        assert 0 < fit.lowest < 1 < fit.highest
