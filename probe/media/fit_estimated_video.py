"""Fits `probe.measure.estimated_video` to VMAF: `python -m probe.media.fit_estimated_video` (needs the vmaf extra).

Our own content, of several seeds and sizes, is encoded at many bitrates and at 10, 15 and 30 frames/s. Each run is
shown at 30 frames/s, every frame held until the next, and compared with the source at 30: so too few frames cost what
VMAF says they cost. Some runs lose single frames (the one before is held). A point is one second: mean MOS by VMAF.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from probe.measure.estimated_video import Curve, Fit
from probe.measure.video_quality import vmaf_to_mos
from probe.media.decoder import VideoDecoder
from probe.media.encoder import encode_gop
from probe.media.scene import Scene
from probe.media.strip import frame_id
from probe.media.video import CODECS, VideoSpec
from probe.media.vmaf import score_window
from probe.media.yuv import Picture, mark, to_frame

Vector = NDArray[np.float64]

SIZES = ((160, 90), (320, 180), (640, 360), (1280, 720))
FRAME_RATES = (10, 15, 30)
SEEDS = (1, 2, 3)
EFFORTS = (0.008, 0.013, 0.02, 0.035, 0.06, 0.1, 0.18)
"""Bits per pixel at 640x360 and 30 frames/s. Small pictures get more per pixel, few frames the same bitrate."""
SHOWN_FPS = 30
LOSSES = (10, 5)
"""Every n-th frame is lost."""
_LOSSY_EFFORTS = (0.02, 0.06)
_START = Curve(3.8, 30_000.0, 3.0, 0.5, 0.6, 0.05, 0.04, 0.5)


@dataclass(frozen=True, slots=True)
class Point:
    """One measured second; `bitrate_bps` is what the encoder made, not what it was asked for."""

    codec: str
    seed: int
    pixels: int
    fps: int
    bitrate_bps: float
    frame_loss_ratio: float
    mos: float


def measure(
    size: tuple[int, int], seed: int, *, codecs: Sequence[str] = CODECS, efforts: Sequence[float] = EFFORTS
) -> list[Point]:
    """All points of one content at one size. Raises MediaError without the vmaf extra."""
    scene = Scene(*size, 8 * SHOWN_FPS, seed)
    first = 2 * seed % 8 * SHOWN_FPS  # another second of the loop for every seed
    pictures = [scene.render(first + n) for n in range(SHOWN_FPS)]
    for n, picture in enumerate(pictures):
        mark(picture, frame_id(0, n))
    references = [to_frame(picture) for picture in pictures]
    points = []
    for codec, fps, effort in itertools.product(codecs, FRAME_RATES, efforts):
        spec = VideoSpec(width=size[0], height=size[1], fps=fps, bitrate_bps=_rate(size, effort), codec=codec)
        bits, decoded = _coded(spec, pictures[:: SHOWN_FPS // fps])
        for every in (0, *(LOSSES if effort in _LOSSY_EFFORTS else ())):
            mos = _mos(_shown(decoded, every), references)
            points.append(Point(codec, seed, size[0] * size[1], fps, bits, 1 / every if every else 0.0, mos))
    return points


def _rate(size: tuple[int, int], effort: float) -> int:
    scale = math.pow(640 * 360 / (size[0] * size[1]), 0.35)
    return max(10_000, round(effort * scale * size[0] * size[1] * SHOWN_FPS))


def _coded(spec: VideoSpec, pictures: list[Picture]) -> tuple[float, list[VideoFrame]]:
    """Bits of the second, and what a receiver sees of it."""
    encoded = encode_gop(spec, pictures)
    decoder = VideoDecoder(spec.codec)
    return 8.0 * sum(len(data) for data, _ in encoded), [frame for data, _ in encoded for frame in decoder.decode(data)]


def _shown(decoded: list[VideoFrame], every: int) -> Iterator[VideoFrame]:
    """Each frame held to 30 frames/s; of every n the last is lost, and the one before it stays."""
    for n in range(len(decoded)):
        lost = every and n % every == every - 1
        yield from itertools.repeat(decoded[n - 1 if lost else n], SHOWN_FPS // len(decoded))


def _mos(shown: Iterator[VideoFrame], references: list[VideoFrame]) -> float:
    window = score_window(list(zip(shown, references, strict=True)), fps=SHOWN_FPS, deadline=300)
    return sum(map(vmaf_to_mos, window.frames)) / len(references)


def fit(points: Sequence[Point]) -> Fit:
    """The curve of one codec and its errors; frames are fitted on points without loss, and tested on those with it."""
    whole = [point for point in points if not point.frame_loss_ratio]
    curve = fit_curve(whole)
    errors, measured = _errors(curve, whole), np.array([point.mos for point in whole])
    unseen = []
    for seed in {point.seed for point in whole}:
        others = fit_curve([point for point in whole if point.seed != seed], curve)
        unseen.append(_errors(others, [point for point in whole if point.seed == seed]))
    shares = [point.bitrate_bps / curve.needed_bps(point.pixels) for point in whole]
    lossy = _errors(curve, [point for point in points if point.frame_loss_ratio])
    return Fit(
        curve,
        rmse=_rmse(errors),
        rmse_unseen=_rmse(np.concatenate(unseen)),
        rmse_above_3=_rmse(errors[measured > 3]),
        rmse_lost_frames=_rmse(lossy),
        largest=round(float(np.abs(errors).max()), 3),
        lowest=round(min(shares), 3),
        highest=round(max(shares), 2),
    )


def fit_curve(points: Sequence[Point], start: Curve = _START) -> Curve:
    """Least squares; every coefficient is positive, so it is their logarithms that are varied."""
    found = least_squares(
        lambda logs: _errors(Curve(*np.exp(np.clip(logs, -20, 20)).tolist()), points), np.log(np.array(astuple(start)))
    )
    return Curve(*(float(f"{value:.4g}") for value in np.exp(found)))


def least_squares(residuals: Callable[[Vector], Vector], start: Vector, steps: int = 300) -> Vector:
    """The parameters that make the sum of squared residuals smallest, near `start` (Levenberg-Marquardt)."""
    at, error, damping = start, residuals(start), 0.01
    for _ in range(steps):
        slopes = np.column_stack([(residuals(at + step) - error) / 1e-6 for step in 1e-6 * np.eye(len(at))])
        normal = slopes.T @ slopes
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), -slopes.T @ error)
        there = residuals(at + step)
        if there @ there < error @ error:
            gained = 1 - float(there @ there) / float(error @ error)
            at, error, damping = at + step, there, damping / 3
            if gained < 1e-9:
                break
        elif (damping := damping * 3) > 1e9:
            break
    return at


def _errors(curve: Curve, points: Sequence[Point]) -> Vector:
    """Estimated less measured MOS. A lost frame is one that is not shown: it lowers the frame rate."""
    shown = ((point, point.fps * (1 - point.frame_loss_ratio)) for point in points)
    return np.array([curve.mos(point.bitrate_bps, point.pixels, fps) - point.mos for point, fps in shown])


def _rmse(errors: Vector) -> float:
    return round(math.sqrt(float(np.mean(errors**2))), 3)


def measure_all() -> list[Point]:
    with ThreadPoolExecutor(2) as pool:
        return [
            point for batch in pool.map(lambda case: measure(*case), itertools.product(SIZES, SEEDS)) for point in batch
        ]


def main() -> None:
    points = measure_all()
    for codec in CODECS:
        own = [point for point in points if point.codec == codec]
        print(f"    # {len(own)} seconds\n    {codec!r}: {fit(own)},", flush=True)


if __name__ == "__main__":
    main()
