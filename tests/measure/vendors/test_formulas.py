"""Every published figure of the vendors' formulas, to its printed digits."""

from __future__ import annotations

import pytest

from probe.measure import g1070
from probe.measure.vendors import issue_detector, livekit, mediasoup, rtcscore, rtpengine, twilio, vonage
from probe.measure.vendors.cubic import limited, polynomial

CALLS = ((0, 0, 0), (0.05, 0.005, 0), (0.1, 0.01, 0.01), (0.2, 0.02, 0.02), (0.3, 0.03, 0.05))


@pytest.mark.parametrize(("call", "mos"), list(zip(CALLS, (4.4333, 4.4057, 4.3142, 3.8962, 2.9576), strict=True)))
def test_twilio(call: tuple[float, float, float], mos: float) -> None:
    assert round(twilio.mos(*call), 4) == mos


def test_twilio_gives_up_at_a_second_and_at_hopeless_loss() -> None:
    assert twilio.mos(0.98, 0, 0) == pytest.approx(1.0099, abs=5e-5)
    assert twilio.mos(0.99, 0, 0) == pytest.approx(1.0, abs=1e-4)
    assert twilio.mos(0, 0, 0.5) == 1.0


@pytest.mark.parametrize(
    ("mos", "score"), [(4.43, 5), (4.2, 4), (4.01, 4), (4.0, 3), (3.61, 3), (3.6, 2), (3.01, 2), (3.0, 1), (1.0, 1)]
)
def test_twilio_score(mos: float, score: int) -> None:
    assert twilio.score(mos) == score


@pytest.mark.parametrize(("call", "mos"), list(zip(CALLS, (4.4044, 4.3729, 4.2716, 3.8304, 2.8752), strict=True)))
def test_issue_detector(call: tuple[float, float, float], mos: float) -> None:
    assert round(issue_detector.mos(*call), 4) == mos


@pytest.mark.parametrize(("loss", "mos"), [(0, 4.3028), (0.01, 4.1469), (0.03, 3.8630), (0.05, 3.6231), (0.1, 3.1662)])
def test_vonage_audio(loss: float, mos: float) -> None:
    assert round(vonage.audio_mos(loss), 4) == mos


@pytest.mark.parametrize(
    ("bitrate", "width", "height", "mos"),
    [(1e5, 320, 180, 3.067), (3e5, 640, 360, 3.785), (5e5, 640, 360, 4.403), (1.5e6, 1280, 720, 4.5)],
)
def test_vonage_video(bitrate: float, width: int, height: int, mos: float) -> None:
    assert round(vonage.video_mos(bitrate, width * height), 3) == mos


def test_vonage_video_at_its_ends() -> None:
    assert vonage.video_mos(29_999, 320 * 180) == 1.0
    assert vonage.video_mos(30_000, 320 * 180) == 1.0
    assert vonage.video_mos(30_000, 16 * 16) == 4.5  # the target is lower than the lowest bitrate
    assert vonage.video_mos(2e6, 640 * 360) == 4.5


def test_rtcscore_audio() -> None:
    assert round(rtcscore.audio_mos(0.16, 0), 3) == 4.327
    assert rtcscore.audio_mos(0.2, 0) == 4.5


def test_rtcscore_codec_term() -> None:
    """R = 100 - 3 - Ie with 100 ms of delay: Ie is 6, 8 with DTX, and 55 - 4.6 ln(bitrate) within 0-30."""
    for arguments, ie in (({}, 6.0), ({"dtx": True}, 8.0), ({"bitrate_bps": 40_000.0}, 6.255)):
        assert rtcscore.audio_mos(0.06, 0, **arguments) == pytest.approx(polynomial(97 - ie), abs=1e-4)
    assert rtcscore.audio_mos(0.06, 0, bitrate_bps=100.0) == polynomial(67)
    assert rtcscore.audio_mos(0.06, 0.1, fec=True) == pytest.approx(polynomial(97 - 6 - 94 / 3))
    assert rtcscore.audio_mos(0.06, 0.1, fec=False) == pytest.approx(polynomial(97 - 6 - 94 / 2))


def test_rtcscore_video() -> None:
    bits = 640 * 360 * 30 * 0.1  # 0.1 bit per pixel and frame: 0.56 ln 0.1 + 5.36
    assert rtcscore.video_mos(bits, 640 * 360, 30) == pytest.approx(4.0706, abs=5e-5)
    assert rtcscore.video_mos(bits, 640 * 360, 30, codec="vp9") == pytest.approx(4.0706 + 0.1021, abs=1e-4)
    assert rtcscore.video_mos(bits, 640 * 360, 30, delay_seconds=0.1) == pytest.approx(4.0706 - 0.2, abs=5e-5)
    halved = rtcscore.video_mos(bits / 2, 640 * 360, 15, expected_frames_per_second=30)
    assert halved == pytest.approx(4.0706 - 1.3170, abs=1e-4)


@pytest.mark.parametrize(("loss", "score"), [(0, 10), (0.01, 10), (0.02, 9), (0.05, 8), (0.1, 6), (0.2, 3), (1, 0)])
def test_mediasoup(loss: float, score: int) -> None:
    assert mediasoup.score(loss) == score


def test_mediasoup_repair() -> None:
    assert mediasoup.score(0.1, repaired_ratio=0.1) == 9  # weight (1 / (1 + 1/9))^4 = 0.656: lost' 0.0344 of 0.9
    assert mediasoup.score(0.1, repaired_ratio=0.1, retransmitted_ratio=0.2) == 7  # and each was sent twice
    assert mediasoup.score(0.1, repaired_ratio=0.05) == 8  # weight 0.806: lost' 0.0597 of 0.9


@pytest.mark.parametrize(("loss", "mos"), [(0, 4.4075), (0.01, 3.9294), (0.02, 3.4525), (0.05, 2.5154), (0.1, 1.8525)])
def test_rtpengine(loss: float, mos: float) -> None:
    assert round(rtpengine.mos_lq(loss), 4) == mos


@pytest.mark.parametrize(
    ("media", "fec", "weight"),
    [("opus", False, 8.0), ("opus", True, 16 / 3), ("red", False, 4.0), ("red", True, 8 / 3), ("video", True, 10.0)],
)
def test_livekit_loss_weight(media: livekit.Media, fec: bool, weight: float) -> None:
    assert livekit.loss_weight(media, fec=fec) == pytest.approx(weight)
    assert livekit.loss_weight(media, fec=fec, packet_rate_ratio=0.25) == pytest.approx(weight / 2)
    assert livekit.loss_weight(media, fec=fec, packet_rate_ratio=3) == pytest.approx(weight)


@pytest.mark.parametrize(("loss", "quality"), [(0.0, "excellent"), (0.05, "good"), (0.12, "poor")])
def test_livekit_quality_of_the_first_opus_window(loss: float, quality: str) -> None:
    window = livekit.packet_score(0, 0, loss, livekit.loss_weight("opus"))
    assert livekit.quality(livekit.smoothed(livekit.BEST, window)) == quality


@pytest.mark.parametrize(
    ("round_trip", "jitter", "score"),
    [(0, 0, 100), (0.08, 0, 99), (0.32, 0, 96), (0.4, 0, 92), (0.08, 0.02, 98), (0.2, 0.05, 92), (10, 0, 0)],
)
def test_livekit_delay(round_trip: float, jitter: float, score: float) -> None:
    assert livekit.packet_score(round_trip, jitter, 0, 8) == pytest.approx(score)


def test_livekit_bitrate_and_layers() -> None:
    assert livekit.bitrate_score(1e6, 0) == livekit.bitrate_score(2e6, 1e6) == 100
    assert livekit.bitrate_score(1e6, 2.718281828e6) == pytest.approx(80)
    assert livekit.bitrate_score(1e6, 20.0855e6) == pytest.approx(40, abs=1e-4)
    assert livekit.bitrate_score(0, 1e6) == 0
    assert [livekit.layer_score(distance) for distance in (-1, 0, 1, 2, 3)] == [100, 100, 65, 30, 0]


def test_livekit_smoothing_falls_fast_rises_slowly_and_ends_at_30() -> None:
    assert livekit.smoothed(100, 50) == pytest.approx(60)
    assert livekit.smoothed(60, 100) == pytest.approx(76)
    assert livekit.smoothed(40, 0) == 30
    words = [livekit.quality(score) for score in (80.1, 80, 40.1, livekit.DRY, 20.1, livekit.NO_RTCP)]
    assert words == ["excellent", "good", "good", "poor", "poor", "lost"]
    assert [round(livekit.mos(score), 3) for score in (100, 30, 0)] == [4.5, 1.609, 1.0]


@pytest.mark.parametrize(
    ("kbps", "fps", "percent", "mos"),
    [
        *[(100, 15, 0, 1.9872), (250, 30, 0, 2.2330), (500, 30, 0, 3.0166), (1000, 30, 0, 3.7991)],
        *[(2000, 30, 0, 4.1879), (500, 30, 1, 2.7025), (500, 30, 5, 1.8649), (500, 10, 0, 3.5393)],
    ],
)
def test_g1070(kbps: float, fps: float, percent: float, mos: float) -> None:
    assert round(g1070.mos(1000 * kbps, fps, percent / 100), 4) == mos


def test_g1070_sets() -> None:
    assert round(g1070.H264_VGA.ceiling, 3) == 4.459
    for known in (g1070.H264_VGA, g1070.MPEG4_QVGA, g1070.MPEG4_QQVGA):
        assert len(known.v) == 12
        assert 4 < g1070.mos(3e6, 30, 0, known) < known.ceiling
        assert g1070.mos(3e5, 15, 0.02, known) < g1070.mos(3e5, 15, 0.01, known) < g1070.mos(3e5, 15, 0, known)


def test_the_bare_polynomial_means_nothing_outside_of_its_range() -> None:
    assert polynomial(-100) == pytest.approx(19.9)
    assert polynomial(140) == pytest.approx(2.764)
    assert (limited(-100), limited(140)) == (1.0, 4.5)
    assert limited(3.2) == pytest.approx(0.989, abs=5e-4)
