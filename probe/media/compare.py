"""Full-reference comparison of two pictures: luma PSNR and SSIM by FFmpeg's filters, without the ID strip.

The SSIM is FFmpeg's `ssim` (overlapping 8×8 blocks, full resolution): not libvmaf's, not libwebrtc's.
"""

from __future__ import annotations

import math

from av import VideoFrame
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.format import VideoFormat
from av.video.reformatter import Interpolation

from probe.media.strip import crop_rows
from probe.media.yuv import TIME_BASE

_FORMAT = VideoFormat("yuv420p")

MAX_PSNR_DB = 100.0
"""Stands for equal pictures, whose PSNR is infinite."""


class Comparator:
    """Compares pictures with references of one size in pixels. Keeps its filter graph: not thread-safe."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._graph = Graph()
        self._graph.threads = 1
        self._inputs = tuple(self._source() for _ in range(2))
        self._sink = self._wire()
        self._count = 0

    def psnr_ssim(self, decoded: VideoFrame, reference: VideoFrame) -> tuple[float, float]:
        """(PSNR in dB, at most MAX_PSNR_DB; SSIM) of luma below the strip. Stamps both frames' pts.

        A picture of another size or format is first scaled (bicubic) to the reference's: quality is judged at the size
        that was sent."""
        if (decoded.width, decoded.height, decoded.format.name) != (self.width, self.height, "yuv420p"):
            decoded = decoded.reformat(self.width, self.height, "yuv420p", interpolation=Interpolation.BICUBIC)
        for node, frame in zip(self._inputs, (decoded, reference), strict=True):
            frame.pts, frame.time_base = self._count, TIME_BASE
            node.push(frame)
        self._count += 1
        compared = self._sink.pull()
        assert isinstance(compared, VideoFrame)
        return _psnr(float(compared.metadata["lavfi.psnr.mse.y"])), float(compared.metadata["lavfi.ssim.Y"])

    def _source(self) -> FilterContext:
        return self._graph.add_buffer(width=self.width, height=self.height, format=_FORMAT, time_base=TIME_BASE)

    def _wire(self) -> FilterContext:
        # decoded ─ crop ───────────┬ psnr ───┬ ssim ─ sink
        # reference ─ crop ─ split ─┴─────────┘
        rows = crop_rows(self.height)
        psnr, ssim, sink = self._graph.add("psnr"), self._graph.add("ssim"), self._graph.add("buffersink")
        crops = [self._graph.add("crop", f"{self.width}:{self.height - rows}:0:{rows}") for _ in self._inputs]
        split = self._graph.add("split", "2")
        for source, crop in zip(self._inputs, crops, strict=True):
            source.link_to(crop)
        crops[0].link_to(psnr, 0, 0)
        crops[1].link_to(split)
        split.link_to(psnr, 0, 1)
        psnr.link_to(ssim, 0, 0)
        split.link_to(ssim, 1, 1)
        ssim.link_to(sink)
        self._graph.configure()
        return sink


def psnr_ssim(decoded: VideoFrame, reference: VideoFrame) -> tuple[float, float]:
    """`Comparator.psnr_ssim` for a single pair."""
    return Comparator(reference.width, reference.height).psnr_ssim(decoded, reference)


def _psnr(mean_square_error: float) -> float:
    if mean_square_error <= 0:
        return MAX_PSNR_DB
    return min(MAX_PSNR_DB, 10 * math.log10(255 * 255 / mean_square_error))
