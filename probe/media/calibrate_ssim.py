"""Fits the SSIM→VMAF tables of `ssim_calibration.py`: `python -m probe.media.calibrate_ssim` (needs the vmaf extra).

Our own content, of several seeds, is encoded at many bitrates and in smaller sizes that are scaled up again; every
frame gives one point (SSIM in dB as `compare` measures it, VMAF). A falling point is no quality: the table is the
monotonic (isotonic) least-squares fit, at a few quantiles. No packet loss: VMAF was not made for its damage.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from probe.measure.video_quality import SsimCalibration, ssim_to_db
from probe.media.clip import fit_picture
from probe.media.compare import Comparator
from probe.media.decoder import VideoDecoder
from probe.media.encoder import encode_gop
from probe.media.scene import Scene
from probe.media.strip import frame_id
from probe.media.video import CODECS, VideoSpec
from probe.media.vmaf import score_window
from probe.media.yuv import Picture, mark, to_frame

Points = NDArray[np.float64]

SIZES = ((320, 180), (640, 360), (1280, 720))
SEEDS = (1, 2, 3)
BITS_PER_PIXEL = (0.006, 0.009, 0.013, 0.02, 0.03, 0.045, 0.07, 0.11, 0.15, 0.22, 0.4)
SHRINKS = ((2, 0.02), (2, 0.1), (3, 0.1), (4, 0.1), (6, 0.2))  # (divisor, bits per pixel of the small size)
GOPS = (0, 3)  # seconds of the loop that are encoded
KNOTS = 14


def measure(size: tuple[int, int], seed: int) -> Points:
    """All points of one content at one size, shape (points, 2): SSIM dB, VMAF."""
    spec = VideoSpec(width=size[0], height=size[1])
    scene = Scene(spec.width, spec.height, spec.length, seed)
    gops = [[_marked(scene, gop * spec.fps + n) for n in range(spec.fps)] for gop in GOPS]
    cases = [(codec, variant) for codec in CODECS for variant in _variants(spec)]
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(_points, replace(variant, codec=codec), gop) for codec, variant in cases for gop in gops]
        return np.concatenate([job.result() for job in jobs])


def fit(points: Points, source: str) -> SsimCalibration:
    """The monotonic least-squares table through `points`."""
    points = points[np.argsort(points[:, 0], kind="stable")]
    x, y = points[:, 0], isotonic(points[:, 1])
    knots = np.unique(np.quantile(x, np.linspace(0, 1, KNOTS)).round(3))
    heights = np.maximum.accumulate(np.interp(knots, x, y)).round(2)
    table = tuple(zip(knots.tolist(), heights.tolist(), strict=True))
    return SsimCalibration(table, round(_rmse(_errors(table, points)), 2), source)


def report(by_seed: list[Points], table: SsimCalibration) -> str:
    """The fit's errors in VMAF points: over all, where it matters most, at worst, and on seeds that it did not see."""
    points = np.concatenate(by_seed)
    errors = _errors(table.points, points)
    unseen = []
    for left_out, own in enumerate(by_seed):
        others = np.concatenate([each for number, each in enumerate(by_seed) if number != left_out])
        unseen.append(_errors(fit(others, "").points, own))
    return (
        f"{len(points)} frames; RMSE {_rmse(errors):.2f}, where VMAF >= 80 {_rmse(errors[points[:, 1] >= 80]):.2f}, "
        f"largest error {np.abs(errors).max():.1f}, RMSE on a seed left out {_rmse(np.concatenate(unseen)):.2f}"
    )


def _errors(table: tuple[tuple[float, float], ...], points: Points) -> Points:
    knots, heights = np.array(table).T
    return np.asarray(np.interp(points[:, 0], knots, heights) - points[:, 1], dtype=np.float64)


def _rmse(errors: Points) -> float:
    return float(np.sqrt(np.mean(errors**2)))


def isotonic(values: Points) -> Points:
    """The rising sequence nearest to `values` in least squares (pool adjacent violators)."""
    means: list[float] = []
    counts: list[int] = []
    for value in values.tolist():
        means.append(value)
        counts.append(1)
        while len(means) > 1 and means[-2] > means[-1]:
            count = counts[-2] + counts[-1]
            mean = (means[-2] * counts[-2] + means[-1] * counts[-1]) / count
            means[-2:], counts[-2:] = [mean], [count]
    return np.repeat(means, counts)


def _variants(spec: VideoSpec) -> Iterator[VideoSpec]:
    for bits in BITS_PER_PIXEL:
        yield _with_bits(spec, bits)
    for divisor, bits in SHRINKS:
        width, height = (max(low, length // divisor // 2 * 2) for length, low in ((spec.width, 96), (spec.height, 54)))
        yield _with_bits(replace(spec, width=width, height=height), bits)


def _with_bits(spec: VideoSpec, bits_per_pixel: float) -> VideoSpec:
    rate = round(bits_per_pixel * spec.width * spec.height * spec.fps)
    return replace(spec, bitrate_bps=max(10_000, rate))


def _marked(scene: Scene, index: int) -> Picture:
    picture = scene.render(index)
    mark(picture, frame_id(0, index))
    return picture


def _points(spec: VideoSpec, gop: list[Picture]) -> Points:
    references = [to_frame(picture) for picture in gop]
    decoder = VideoDecoder(spec.codec)
    sent = [fit_picture(frame, spec.width, spec.height) for frame in references]
    decoded = list(itertools.chain.from_iterable(decoder.decode(data) for data, _ in encode_gop(spec, sent)))
    pairs = list(zip(decoded, references, strict=True))
    comparator = Comparator(references[0].width, references[0].height)
    ssim = [ssim_to_db(comparator.psnr_ssim(*pair)[1]) for pair in pairs]
    return np.column_stack([ssim, score_window(pairs, fps=spec.fps, deadline=300).frames])


def main() -> None:
    for width, height in SIZES:
        by_seed = [measure((width, height), seed) for seed in SEEDS]
        table = fit(np.concatenate(by_seed), f"generated content, {width}x{height}, VP8 and H.264; FFmpeg ssim, luma")
        print(f"# {report(by_seed, table)}\n{height}: {table},", flush=True)


if __name__ == "__main__":
    main()
