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
_DROPPED = 7
_DAMAGED_FRAMES = 90
SSIM_STEP = 1e-6
"""FFmpeg tells SSIM to six decimals, from single-precision floats."""
Luma = NDArray[np.float64]


class Score(NamedTuple):
    psnr_db: float
    ssim: float


def _luma(picture: VideoFrame) -> Luma:
    plane = picture.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
    return rows.astype(np.float64)


def psnr(picture: Luma, source: Luma) -> float:
    """10 log10(255² / MSE), of an MSE to six decimals, as FFmpeg tells it."""
    error = float(f"{((picture - source) ** 2).mean():f}")
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
    return float(value.mean())


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
        yield next(iter(context.decode(av.Packet(one))), None)


def compare_call(writer: RowWriter, content: EncodedVideo, shown: Sequence[bytes], read: Sequence[Score]) -> None:
    """`shown`: the encoded frames that a receiver must have shown, in order; `read`: what it scored them."""
    index_of = {frame.data: frame.index for frame in content.frames}
    pictures = _decode(shown, content.spec.codec)
    pairs = [
        (_score(picture, content, index_of[data]), score)
        for position, (data, picture, score) in enumerate(zip(shown, pictures, read, strict=False))
        if picture is not None and position % EVERY == 0
    ]
    _tell(writer, "", pairs)


def compare_damaged(writer: RowWriter, content: EncodedVideo) -> None:
    """What a call hides from its viewers: pictures decoded across holes, each seventh frame being left out."""
    codec = content.spec.codec
    kept = [frame for frame in content.frames[:_DAMAGED_FRAMES] if frame.keyframe or frame.index % _DROPPED]
    decoder = StreamDecoder(codec, content, Clock())
    pairs, damaged = [], 0
    for frame, picture in zip(kept, _decode((frame.data for frame in kept), codec), strict=True):
        reading = decoder.decode(frame.data).reading
        if picture is None or reading is None or reading.index is None:
            continue
        damaged += not reading.identical
        assert reading.psnr_db is not None
        assert reading.ssim is not None
        if not reading.identical:
            pairs.append((_score(picture, content, reading.index), Score(reading.psnr_db, reading.ssim)))
    _tell(writer, "damaged ", pairs)


def _tell(writer: RowWriter, what: str, pairs: list[tuple[Score, Score]]) -> None:
    if not pairs:
        return
    wrong = sum(true.psnr_db != read.psnr_db for true, read in pairs)
    writer.exact(f"{what}pictures with a wrong PSNR, of {len(pairs)}", 0, wrong, "frames")
    worst_true, worst_read = max(((true.ssim, read.ssim) for true, read in pairs), key=lambda pair: abs(pair[0] - pair[1]))
    writer.near(f"{what}SSIM that differs most, of {len(pairs)}", worst_true, worst_read, "", within=SSIM_STEP)
