"""A picture made small enough to stand in a report: a JPEG (ITU-T T.81) by FFmpeg's encoder."""

from __future__ import annotations

from base64 import b64encode
from fractions import Fraction

from av import FFmpegError, VideoCodecContext, VideoFrame
from av.video.reformatter import ColorRange, Interpolation

from probe.model.errors import MediaError

MOST_SIDE = 320
"""Pixels."""
MOST_BYTES = 20_000
_FORMAT = "yuvj420p"
_ATTEMPTS = ((MOST_SIDE, 5), (MOST_SIDE, 9), (MOST_SIDE, 15), (MOST_SIDE, 31), (MOST_SIDE // 2, 31))
"""(longest side, quantizer), finest first. The finest still tells the video codec's blocks from its own, the last fits noise."""


def thumbnail(frame: VideoFrame) -> bytes:
    """JPEG of at most MOST_SIDE pixels each way and MOST_BYTES, in the frame's proportions. Raises MediaError."""
    try:
        for side, quantizer in _ATTEMPTS:
            data = _encode(_fitted(frame, side), quantizer)
            if len(data) <= MOST_BYTES:
                return data
    except FFmpegError as error:
        raise MediaError(f"a picture can't be made a JPEG: {error}", phase="thumbnail") from error
    raise MediaError(
        f"a picture of {frame.width}×{frame.height} makes no JPEG of {MOST_BYTES} bytes", phase="thumbnail"
    )


def data_url(jpeg: bytes) -> str:
    """RFC 2397."""
    return f"data:image/jpeg;base64,{b64encode(jpeg).decode()}"


def _fitted(frame: VideoFrame, side: int) -> VideoFrame:
    scale = min(1.0, side / max(frame.width, frame.height))
    width, height = (max(2, round(length * scale / 2) * 2) for length in (frame.width, frame.height))
    return frame.reformat(width, height, _FORMAT, interpolation=Interpolation.AREA, dst_color_range=ColorRange.JPEG)


def _encode(frame: VideoFrame, quantizer: int) -> bytes:
    encoder = VideoCodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, _FORMAT
    encoder.time_base = Fraction(1, 25)
    encoder.color_range = ColorRange.JPEG
    encoder.qmin = encoder.qmax = quantizer
    frame.pts = 0
    return b"".join(bytes(packet) for part in (frame, None) for packet in encoder.encode(part))
