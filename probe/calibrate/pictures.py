"""Picture scores by a second way: other decoder object, PSNR and SSIM from the pixels by their formulas in numpy.

The probe takes the scores of undamaged pictures from what the encoder's own reconstruction was worth, and those of all others
from FFmpeg's filters. Both must be what the pixels say.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import av
import numpy as np
from av import VideoFrame
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from probe.calibrate.rows import RowWriter
from probe.client.stream_decoder import StreamDecoder
from probe.media.strip import crop_rows
from probe.media.video import EncodedVideo
from probe.rtc.clock import Clock

EVERY = 8
"""Of a call's pictures, the share that is rated again: numpy is slow."""
MAX_PSNR_DB = 100.0
_DAMAGED = 7
_DAMAGED_FRAMES = 120
SSIM_STEP = 1e-6
"""FFmpeg adds the blocks' SSIM up in single precision and tells six decimals: the last one may be rounded the other way."""
Luma = NDArray[np.float64]


class Score(NamedTuple):
    psnr_db: float
    ssim: float


def _luma(picture: VideoFrame) -> Luma:
    plane = picture.planes[0]
    rows = np.frombuffer(bytes(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
    luma: Luma = rows.astype(np.float64)
    return luma


def psnr(picture: Luma, source: Luma) -> float:
    """10 log10(255² / MSE). FFmpeg tells the MSE in single precision and to six decimals."""
    error = float(f"{np.float32(((picture - source) ** 2).mean()):f}")
    return min(MAX_PSNR_DB, 10 * math.log10(255 * 255 / error)) if error > 0 else MAX_PSNR_DB


def ssim(picture: Luma, source: Luma) -> float:
    """Wang et al. 2004 over blocks of 8×8, four pixels apart: the mean of
    (2 μx μy + C1)(2 σxy + C2) / ((μx² + μy² + C1)(σx² + σy² + C2)), in FFmpeg's integer scaling."""
    x, y = picture, source
    s1, s2, ss, s12 = (_blocks(part) for part in (x, y, x * x + y * y, x * y))
    c1, c2 = int(0.01**2 * 255**2 * 64 + 0.5), int(0.03**2 * 255**2 * 64 * 63 + 0.5)
    variances = ss * 64 - s1 * s1 - s2 * s2
    covariance = s12 * 64 - s1 * s2
    value = (2 * s1 * s2 + c1) * (2 * covariance + c2) / ((s1 * s1 + s2 * s2 + c1) * (variances + c2))
    return float(f"{np.float32(value.mean()):f}")


def _blocks(values: Luma) -> Luma:
    """Sums over 8×8 blocks that begin at every fourth pixel."""
    height, width = (size // 4 for size in values.shape)
    small: Luma = values[: height * 4, : width * 4].reshape(height, 4, width, 4).sum(axis=(1, 3))
    return small[:-1, :-1] + small[1:, :-1] + small[:-1, 1:] + small[1:, 1:]


def _score(picture: VideoFrame, content: EncodedVideo, index: int) -> Score:
    rows = crop_rows(content.spec.height)
    source = content.reference_picture(index)[: content.spec.height].astype(np.float64)[rows:]
    decoded = _luma(picture)[rows:]
    return Score(psnr(decoded, source), ssim(decoded, source))


def _decode(data: Iterable[bytes], codec: str) -> Iterable[VideoFrame | None]:
    context = av.CodecContext.create({"VP8": "vp8", "H264": "h264"}[codec], "r")
    assert isinstance(context, VideoCodecContext)
    context.thread_count = 1
    for one in data:
        try:
            yield next(iter(context.decode(av.Packet(one))), None)
        except av.FFmpegError:
            yield None


def compare_call(writer: RowWriter, content: EncodedVideo, shown: Sequence[bytes], read: Sequence[Score]) -> None:
    """`shown`: the encoded frames that a receiver must have shown, in order; `read`: what it scored them."""
    index_of = {frame.data: frame.index for frame in content.frames}
    pictures = _decode(shown, content.spec.codec)
    pairs = [
        (_score(picture, content, index_of[data]), score)
        for position, (data, picture, score) in enumerate(zip(shown, pictures, read, strict=False))
        if picture is not None and position % EVERY == 0
    ]
    _tell(writer, "pictures", pairs)


def compare_damaged(writer: RowWriter, content: EncodedVideo) -> None:
    """What a call hides from its viewers: pictures of broken data, each seventh frame lacking its last third. Rated again is
    the very picture that the probe decoded: what a decoder leaves where data is missing differs from one to the next."""
    codec = content.spec.codec
    data = [
        frame.data if frame.keyframe or frame.index % _DAMAGED else frame.data[: len(frame.data) * 2 // 3]
        for frame in content.frames[:_DAMAGED_FRAMES]
    ]
    decoder = StreamDecoder(codec, content, Clock())
    pairs = []
    for one in data:
        decoded = decoder.decode(one)
        reading, picture = decoded.reading, decoded.picture
        if picture is None or reading is None or reading.index is None or reading.identical:
            continue
        if reading.psnr_db is not None and reading.ssim is not None:
            pairs.append((_score(picture, content, reading.index), Score(reading.psnr_db, reading.ssim)))
    _tell(writer, "damaged pictures", pairs)


def _tell(writer: RowWriter, what: str, pairs: list[tuple[Score, Score]]) -> None:
    if pairs:
        psnr_wrong = sum(true.psnr_db != read.psnr_db for true, read in pairs)
        writer.exact(f"{what} with another PSNR, of {len(pairs)}", 0, psnr_wrong, "frames")
        ssim_wrong = sum(abs(true.ssim - read.ssim) > SSIM_STEP + 1e-9 for true, read in pairs)
        writer.exact(f"{what} with another SSIM, of {len(pairs)}", 0, ssim_wrong, "frames")
