"""Scores decoded pictures of one stream: which frame is it, and how much of it arrived."""

from __future__ import annotations

from dataclasses import dataclass

from av import VideoFrame

from probe.measure.video_quality import SsimCalibration
from probe.media.compare import Comparator
from probe.media.ssim_calibration import calibration_for
from probe.media.strip import read_strip, split_frame_id
from probe.media.video import EncodedVideo
from probe.media.yuv import digest, frame_luma


@dataclass(frozen=True, slots=True)
class PictureReading:
    """What one decoded picture says. All None when its strip is unreadable, or is of other content or beyond the loop.

    `index` is the content index, `psnr_db` and `ssim` luma against the source at the source's size, `mos` 1–5 by the
    SSIM→VMAF calibration; `identical`: the picture is bit for bit what the encoder made of it.
    """

    index: int | None
    psnr_db: float | None = None
    ssim: float | None = None
    mos: float | None = None
    identical: bool = False


UNREAD = PictureReading(None)


class PictureScorer:
    """Scores pictures against `encoded`. Not thread-safe: one per received stream, beside its decoder."""

    def __init__(self, encoded: EncodedVideo, calibration: SsimCalibration | None = None) -> None:
        self._encoded = encoded
        self._comparator = Comparator(encoded.spec.width, encoded.spec.height)
        self._calibration = calibration or calibration_for(encoded.spec.height)

    def score(self, frame: VideoFrame) -> PictureReading:
        """The reading of a decoded yuv420p frame. A picture that equals the encoder's own reconstruction costs its
        digest alone (about 0.1 ms at 640×360); any other is compared with its source (0.3 ms)."""
        value = read_strip(frame_luma(frame))
        if value is None:
            return UNREAD
        content, index = split_frame_id(value)
        if content != self._encoded.content_id or index >= len(self._encoded.frames):
            return UNREAD
        known = self._encoded.reconstruction_score(index)
        if frame.format.name == "yuv420p" and digest(frame) == known.digest:
            return PictureReading(index, known.psnr_db, known.ssim, self._calibration.mos(known.ssim), True)
        psnr, ssim = self._comparator.psnr_ssim(frame, self._encoded.reference(index))
        return PictureReading(index, psnr, ssim, self._calibration.mos(ssim))
