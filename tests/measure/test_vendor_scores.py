from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.vendor_scores import AudioFigures, VideoFigures, vendor_scores
from probe.model.errors import ConfigError

RATIO, SECONDS = st.floats(0, 1), st.floats(0, 3600)
BITRATE, PIXELS, FPS = st.floats(1, 1e12), st.integers(1, 16384), st.floats(1, 1000)
NETWORK = {"loss_ratio": RATIO, "repaired_ratio": RATIO, "round_trip_seconds": SECONDS, "jitter_seconds": SECONDS}
AUDIO = st.fixed_dictionaries(
    NETWORK,
    optional={"bitrate_bps": BITRATE, "buffer_seconds": SECONDS, "fec": st.booleans(), "dtx": st.booleans()}
    | {"codec": st.sampled_from(("opus", "RED"))},
)
VIDEO = st.fixed_dictionaries(
    NETWORK | {"bitrate_bps": BITRATE, "width": PIXELS, "height": PIXELS},
    optional={"frames_per_second": FPS, "expected_frames_per_second": FPS, "expected_bitrate_bps": BITRATE}
    | {"buffer_seconds": SECONDS, "codec": st.sampled_from(("vp8", "VP9", "h.264", "AV1"))},
)


def _scores(kind: str, **figures: Any) -> dict[str, float]:
    return {found.name: found.score for found in vendor_scores(kind, **figures)}


def _video(**figures: Any) -> dict[str, float]:
    return _scores("video", **{"bitrate_bps": 5e5, "width": 640, "height": 360} | figures)


@given(AUDIO)
def test_every_audio_score_is_within_its_scale(figures: dict[str, Any]) -> None:
    for found in vendor_scores("audio", **figures):
        assert found.scale.low - 1e-12 <= found.score <= found.scale.ceiling + 1e-12, found


@given(VIDEO)
def test_every_video_score_is_within_its_scale(figures: dict[str, Any]) -> None:
    for found in vendor_scores("video", **figures):
        assert found.scale.low - 1e-12 <= found.score <= found.scale.ceiling + 1e-12, found


def test_names_scales_and_notes() -> None:
    audio, video = vendor_scores("audio"), vendor_scores("video", bitrate_bps=1e6, width=640, height=480, codec="H264")
    assert [found.name for found in audio] == [
        *("LiveKit", "Twilio", "webrtc-issue-detector", "Vonage", "rtcscore", "rtpengine", "mediasoup")
    ]
    assert [found.name for found in video] == ["LiveKit", "Vonage", "rtcscore", "G.1070", "mediasoup"]
    assert str(audio[0].scale) == "1.609 to 4.5"
    assert all(found.note for found in audio + video)
    assert "not meant" not in video[3].note
    assert "not meant" in vendor_scores("video", bitrate_bps=1e6, width=640, height=360)[3].note


@pytest.mark.parametrize(
    ("kind", "figures", "says"),
    [
        ("sound", {}, "no vendor scores for 'sound'"),
        ("audio", {"los_ratio": 0.1}, "did you mean 'loss_ratio'"),
        ("audio", {"loss_ratio": 2}, "loss_ratio: 2"),
        ("audio", {"loss_ratio": math.nan}, "loss_ratio"),
        ("audio", {"round_trip_seconds": -1}, "round_trip_seconds"),
        ("audio", {"codec": "opos"}, "did you mean 'opus'"),
        ("video", {"width": 640, "height": 360}, "bitrate_bps: is required"),
        ("video", {"bitrate_bps": 0, "width": 640, "height": 360}, "bitrate_bps: 0"),
        ("video", {"bitrate_bps": 1e6, "width": 0, "height": 360}, "width: 0"),
        (
            "video",
            {"bitrate_bps": 1e6, "width": 640, "height": 360, "frames_per_second": math.inf},
            "frames_per_second",
        ),
    ],
)
def test_bad_input_says_what_is_wrong(kind: str, figures: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        vendor_scores(kind, **figures)


def test_every_figure_changes_some_score() -> None:
    """No input is taken and then ignored by all."""
    usual: dict[str, Any] = {
        "loss_ratio": 0.03,
        "round_trip_seconds": 0.1,
        "jitter_seconds": 0.01,
        "bitrate_bps": 30_000.0,
    }
    other = usual | {"repaired_ratio": 0.1, "buffer_seconds": 0.08, "codec": "red", "fec": False, "dtx": True}
    assert set(other) == set(AudioFigures.model_fields)
    for name in set(other) - set(usual):
        assert _scores("audio", **usual) != _scores("audio", **usual | {name: other[name]}), name
    changes: dict[str, Any] = {
        "loss_ratio": 0.1,
        "repaired_ratio": 0.1,
        "round_trip_seconds": 0.4,
        "jitter_seconds": 0.1,
    }
    changes |= {"bitrate_bps": 2e5, "width": 320, "height": 180, "frames_per_second": 15, "buffer_seconds": 0.2}
    changes |= {"expected_frames_per_second": 60, "expected_bitrate_bps": 4e6, "codec": "VP9"}
    assert set(changes) == set(VideoFigures.model_fields)
    for name, value in changes.items():
        assert _video() != _video(**{name: value}), name


# What the formulas get wrong. These tests hold what users will see; should one fail, the formula was changed.


def test_issue_detector_scores_total_loss_best() -> None:
    scores = {loss: _scores("audio", loss_ratio=loss)["webrtc-issue-detector"] for loss in (0, 0.36, 0.5, 0.56, 1)}
    assert scores[0.36] < scores[0.5] < scores[0] < scores[0.56] < scores[1] == 5.0


def test_rtcscore_is_pinned_at_its_best_by_delay() -> None:
    def mos(round_trip: float, loss: float) -> float:
        return _scores("audio", round_trip_seconds=round_trip, loss_ratio=loss)["rtcscore"]

    assert mos(0.16, 0.2) < 3 < mos(0.162, 0.2) == 4.5
    assert mos(1.0, 0.5) == 4.5
    assert mos(2.4, 0.0) < 4.4  # the faulty term turns positive at last


def test_vonage_does_not_hear_delay() -> None:
    assert _scores("audio")["Vonage"] == _scores("audio", round_trip_seconds=2.0, jitter_seconds=0.5)["Vonage"]


def test_vonage_and_rtcscore_do_not_see_lost_video() -> None:
    clean, lossy = _video(), _video(loss_ratio=0.5)
    assert (clean["Vonage"], clean["rtcscore"]) == (lossy["Vonage"], lossy["rtcscore"])
    assert _video(frames_per_second=30)["Vonage"] == _video(frames_per_second=1)["Vonage"]


def test_g1070_scores_fewer_frames_higher_at_a_low_bitrate() -> None:
    assert _video(frames_per_second=10)["G.1070"] > _video(frames_per_second=30)["G.1070"] + 0.5


def test_livekit_rates_nothing_lower_than_30() -> None:
    assert _scores("audio", loss_ratio=1)["LiveKit"] == pytest.approx(1.609)
    assert _scores("audio", loss_ratio=0.3)["LiveKit"] == _scores("audio", loss_ratio=1)["LiveKit"]


@given(RATIO, RATIO, SECONDS, SECONDS, SECONDS, SECONDS)
def test_those_that_do_fall_with_loss_delay_and_jitter(
    loss1: float, loss2: float, rtt1: float, rtt2: float, jitter1: float, jitter2: float
) -> None:
    better = {"loss_ratio": min(loss1, loss2), "round_trip_seconds": min(rtt1, rtt2)}
    better["jitter_seconds"] = min(jitter1, jitter2)
    worse = {"loss_ratio": max(loss1, loss2), "round_trip_seconds": max(rtt1, rtt2)}
    worse["jitter_seconds"] = max(jitter1, jitter2)
    for name in ("LiveKit", "Twilio", "Vonage", "rtpengine", "mediasoup"):
        assert _scores("audio", **worse)[name] <= _scores("audio", **better)[name] + 1e-9


def test_the_formulas_contradict_each_other_by_more_than_a_point() -> None:
    scores = _scores("audio", loss_ratio=0.05, round_trip_seconds=0.3, jitter_seconds=0.03)
    scores.pop("mediasoup")
    assert max(scores.values()) - min(scores.values()) > 1.9
