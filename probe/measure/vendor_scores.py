"""What others' dashboards would show for the same figures: every vendor formula on one set of inputs, by name.

Cross-checks only. The formulas contradict each other by more than a point; each note says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from probe.measure import g1070
from probe.measure.vendors import issue_detector, livekit, mediasoup, rtcscore, rtpengine, twilio, vonage
from probe.measure.vendors.cubic import BEST
from probe.model.errors import ConfigError
from probe.model.validation import Strict, nearest, validate

Ratio = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=3600)]
Bitrate = Annotated[float, Field(ge=1, le=1e12)]
FrameRate = Annotated[float, Field(ge=1, le=1000)]
Pixels = Annotated[int, Field(ge=1, le=16384)]


@dataclass(frozen=True, slots=True)
class Scale:
    """Lowest and highest value that the formula can give."""

    low: float
    ceiling: float

    def __str__(self) -> str:
        return f"{self.low:.4g} to {self.ceiling:.4g}"


@dataclass(frozen=True, slots=True)
class VendorScore:
    """`score` on the formula's own `scale`; `note` says what the vendor shows for it and what is wrong with it."""

    name: str
    score: float
    scale: Scale
    note: str


class AudioFigures(Strict):
    """Inputs of the audio formulas. Seconds, ratios 0-1 of expected packets, bits/s; what is left out is as good as it
    gets. `loss_ratio` is what stayed lost; `repaired_ratio` came by retransmission (mediasoup counts both as lost)."""

    loss_ratio: Ratio = 0.0
    repaired_ratio: Ratio = 0.0
    round_trip_seconds: Seconds = 0.0
    jitter_seconds: Seconds = 0.0
    buffer_seconds: Seconds = rtcscore.DEFAULT_AUDIO_BUFFER_SECONDS
    bitrate_bps: Bitrate | None = None
    codec: Annotated[Literal["opus", "red"], BeforeValidator(lambda name: str(name).lower())] = "opus"
    fec: bool = True
    dtx: bool = False


class VideoFigures(Strict):
    """Inputs of the video formulas, units as for audio. `expected_…`: what the sender meant to send."""

    bitrate_bps: Bitrate
    width: Pixels
    height: Pixels
    frames_per_second: FrameRate = 30.0
    expected_frames_per_second: FrameRate | None = None
    expected_bitrate_bps: Bitrate | None = None
    loss_ratio: Ratio = 0.0
    repaired_ratio: Ratio = 0.0
    round_trip_seconds: Seconds = 0.0
    jitter_seconds: Seconds = 0.0
    buffer_seconds: Seconds = 0.0
    codec: Annotated[
        Literal["VP8", "VP9", "H264", "AV1"], BeforeValidator(lambda name: str(name).upper().replace("H.264", "H264"))
    ] = "VP8"


def vendor_scores(kind: str, **figures: Any) -> list[VendorScore]:
    """Every vendor's score of an "audio" or "video" stream; `figures` are the fields of AudioFigures or VideoFigures.

    Raises ConfigError for another kind, an unknown figure, a missing one, or one that can't be.
    """
    if kind == "audio":
        audio = validate(AudioFigures, figures, source="audio figures")
        return [formula(audio) for formula in _AUDIO]
    if kind == "video":
        video = validate(VideoFigures, figures, source="video figures")
        return [formula(video) for formula in _VIDEO]
    raise ConfigError(f"no vendor scores for {kind!r}{nearest(kind, ('audio', 'video'))}")


def _livekit(window: float) -> VendorScore:
    """LiveKit's score once the smoothing has settled on windows that are all alike."""
    settled = max(window, livekit.FLOOR)
    note = f"{settled:.1f} of 100, {livekit.quality(settled)!r}, settled; perfect is 4.5, the floor of 30 is 1.61"
    return VendorScore("LiveKit", livekit.mos(settled), Scale(livekit.mos(livekit.FLOOR), livekit.CEILING), note)


def _livekit_audio(f: AudioFigures) -> VendorScore:
    weight = livekit.loss_weight(f.codec, fec=f.fec)
    return _livekit(livekit.packet_score(f.round_trip_seconds, f.jitter_seconds, f.loss_ratio, weight))


def _livekit_video(f: VideoFigures) -> VendorScore:
    weight = livekit.loss_weight("video")
    packets = livekit.packet_score(f.round_trip_seconds, f.jitter_seconds, f.loss_ratio, weight)
    return _livekit(min(packets, livekit.bitrate_score(f.bitrate_bps, f.expected_bitrate_bps or 0.0)))


def _twilio(f: AudioFigures) -> VendorScore:
    mos = twilio.mos(f.round_trip_seconds, f.jitter_seconds, f.loss_ratio)
    note = f"shown as {twilio.score(mos)} of 5; omits Is, the round trip counts as one-way delay"
    return VendorScore("Twilio", mos, Scale(1.0, twilio.CEILING), note)


def _issue_detector(f: AudioFigures) -> VendorScore:
    mos = issue_detector.mos(f.round_trip_seconds, f.jitter_seconds, f.loss_ratio)
    note = "loss of the whole connection, video included; no lower limit of R: beyond 36 % loss it rises again, to 5"
    return VendorScore("webrtc-issue-detector", mos, Scale(0.0, issue_detector.CEILING), note)


def _vonage_audio(f: AudioFigures) -> VendorScore:
    note = "the delay is always taken as 180 ms: its variable is shadowed"
    return VendorScore("Vonage", vonage.audio_mos(f.loss_ratio), Scale(vonage.AUDIO_LOWEST, vonage.AUDIO_CEILING), note)


def _vonage_video(f: VideoFigures) -> VendorScore:
    note = "bitrate and size only: no frame rate, loss, freezes or codec"
    mos = vonage.video_mos(f.bitrate_bps, f.width * f.height)
    return VendorScore("Vonage", mos, Scale(1.0, vonage.VIDEO_CEILING), note)


def _rtcscore_audio(f: AudioFigures) -> VendorScore:
    mos = rtcscore.audio_mos(
        f.round_trip_seconds,
        f.loss_ratio,
        buffer_seconds=f.buffer_seconds,
        bitrate_bps=f.bitrate_bps,
        fec=f.fec,
        dtx=f.dtx,
    )
    note = "precedence bug: 4.5 whatever the loss once 20 ms + buffer + half the round trip passes 150 ms"
    return VendorScore("rtcscore", mos, Scale(1.0, BEST), note)


def _rtcscore_video(f: VideoFigures) -> VendorScore:
    mos = rtcscore.video_mos(
        f.bitrate_bps,
        f.width * f.height,
        f.frames_per_second,
        expected_frames_per_second=f.expected_frames_per_second,
        delay_seconds=f.buffer_seconds + f.round_trip_seconds / 2,
        codec=f.codec,
    )
    return VendorScore("rtcscore", mos, Scale(1.0, rtcscore.CEILING), "fitted on unpublished data; knows no loss")


def _mediasoup(f: AudioFigures | VideoFigures) -> VendorScore:
    lost = min(1.0, f.loss_ratio + f.repaired_ratio)
    note = "loss only, no delay; its share is of received packets"
    score = float(mediasoup.score(lost, f.repaired_ratio))
    return VendorScore("mediasoup", score, Scale(0.0, mediasoup.CEILING), note)


def _rtpengine(f: AudioFigures) -> VendorScore:
    note = "listening only; Bpl 4.3 is the default of codecs without concealment: too pessimistic for Opus"
    return VendorScore("rtpengine", rtpengine.mos_lq(f.loss_ratio), Scale(1.0, rtpengine.CEILING), note)


def _g1070(f: VideoFigures) -> VendorScore:
    known = g1070.H264_VGA
    mos = g1070.mos(f.bitrate_bps, f.frames_per_second, f.loss_ratio, known)
    note = f"planning model for {known.name} only; at a low bitrate fewer frames score higher"
    fits = f.codec == "H264" and (f.width, f.height) == (640, 480)
    return VendorScore("G.1070", mos, Scale(1.0, known.ceiling), note if fits else f"not meant for this: {note}")


_AUDIO: tuple[Callable[[AudioFigures], VendorScore], ...] = (
    *(_livekit_audio, _twilio, _issue_detector, _vonage_audio, _rtcscore_audio),
    *(_rtpengine, _mediasoup),
)
_VIDEO: tuple[Callable[[VideoFigures], VendorScore], ...] = (
    *(_livekit_video, _vonage_video, _rtcscore_video, _g1070, _mediasoup),
)
