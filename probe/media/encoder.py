"""Encodes one closed GOP: a new encoder each time, so that nothing of an earlier GOP is needed to decode it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction

import av
from av import VideoFrame
from av.video.codeccontext import VideoCodecContext

from probe.media.video import VideoSpec
from probe.media.yuv import Picture, to_frame
from probe.model.errors import MediaError

_ENCODERS = {"VP8": "libvpx", "H264": "libx264"}
_SIGNATURE = re.compile(rb"\x00{2,3}\x01\x06.*?(?=\x00{2,3}\x01)", re.DOTALL)
"""An SEI unit (type 6) in Annex B: x264 signs every stream with 700 bytes of its settings, here with every GOP."""


def encode_gop(spec: VideoSpec, pictures: Iterable[Picture]) -> list[tuple[bytes, bool]]:
    """(data, keyframe) of each picture: VP8 frames, or H.264 access units in Annex B with SPS and PPS in the first.

    Only the first is a key frame. Raises MediaError when the encoder is missing or refuses.
    """
    try:
        encoded = _encode(spec, [to_frame(picture) for picture in pictures])
    except av.FFmpegError as error:
        size = f"{spec.width}x{spec.height}"
        raise MediaError(f"{spec.codec} can't be encoded at {size}: {error}", phase="encode") from error
    keyframes = [keyframe for _, keyframe in encoded]
    if keyframes[:1] != [True] or any(keyframes[1:]):
        raise MediaError(f"the {spec.codec} encoder did not keep to one key frame per GOP", phase="encode")
    return encoded


def _encode(spec: VideoSpec, frames: list[VideoFrame]) -> list[tuple[bytes, bool]]:
    context = _context(spec, len(frames))
    packets = []
    for number, frame in enumerate(frames):
        frame.pts, frame.time_base = number, Fraction(1, spec.fps)
        packets += context.encode(frame)
    packets += context.encode(None)
    if len(packets) != len(frames):
        raise MediaError(f"the {spec.codec} encoder dropped {len(frames) - len(packets)} frames", phase="encode")
    strip = spec.codec == "H264"
    return [(_SIGNATURE.sub(b"", bytes(p)) if strip else bytes(p), p.is_keyframe) for p in packets]


def _context(spec: VideoSpec, length: int) -> VideoCodecContext:
    context = av.CodecContext.create(_ENCODERS[spec.codec], "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height, context.pix_fmt = spec.width, spec.height, "yuv420p"
    context.time_base, context.framerate = Fraction(1, spec.fps), Fraction(spec.fps)
    context.gop_size, context.max_b_frames, context.thread_count = length + 1, 0, 1
    if spec.codec == "VP8":
        context.bit_rate = spec.bitrate_bps
        # The shortest key frame distance equals the longest: libvpx then makes none of its own at scene cuts.
        context.options = {"deadline": "good", "cpu-used": "4", "lag-in-frames": "0", "keyint_min": str(length + 1)}
    else:
        # Constant quality under a cap. The full buffer that every GOP begins with pays for its key frame, and adds
        # to the cap: 0.8 + 0.35 × 0.9 (x264's initial fill) comes out near the wanted rate.
        rate = spec.bitrate_bps
        context.options = {"preset": "veryfast", "tune": "zerolatency", "profile": "baseline", "crf": "14"}
        context.options |= {"sc_threshold": "0", "maxrate": str(rate * 4 // 5), "bufsize": str(rate * 7 // 20)}
    return context
