"""An estimated video score for streams that nobody decodes (depth `frames` or `headers`): from bitrate, size and frames.

Ours, and nobody's standard: the shape is a saturating curve over the bitrate as in G.1070, the coefficients are fitted
to VMAF runs on our own generated content (a person before a wall). A score from it is labelled estimated, and is never
averaged with measured ones: what moves more than our content needs more bits than this believes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from probe.measure.video_quality import video_quality_score
from probe.model.errors import ConfigError
from probe.model.validation import nearest

REFERENCE_PIXELS = 640 * 360
FITTED_PIXELS = (160 * 90, 1280 * 720)
FITTED_FPS = (10.0, 30.0)
_LOWEST_FPS = 8.0
"""What 10 frames/s with every fifth lost show; below, the score goes down to 1 in proportion."""
_FRAME_POWER = 2
"""Frames are worth the more, the better each of them is. A fixed 2: freer powers fit no better, and fall with bitrate."""
_MOST_FRAME_LOSS = 1 / (1 + _FRAME_POWER)
"""The largest penalty with which the score still never falls when the bitrate rises."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The fitted shape. MOS = 1 + best * s * (1 - p s^2), where

    s = 1 - (1 + (bitrate / needed)^steepness)^-tail is what the bitrate gives each picture,
    needed = base_bps * exp(size * z + size2 * z^2) with z = ln(pixels / (640 x 360)),
    p = frames * (pixels / (640 x 360))^frames_size * (30 / fps - 1) is what too few frames take away.
    """

    best: float
    base_bps: float
    steepness: float
    tail: float
    size: float
    size2: float
    frames: float
    frames_size: float

    def needed_bps(self, pixels: float) -> float:
        z = math.log(pixels / REFERENCE_PIXELS)
        return self.base_bps * math.exp(self.size * z + self.size2 * z * z)

    def mos(self, bitrate_bps: float, pixels: float, fps: float) -> float:
        """For 8 to 30 shown frames per second."""
        power = self.steepness * math.log(bitrate_bps / self.needed_bps(pixels))
        share = 1 - math.exp(-self.tail * _log1p_exp(power))
        size = math.pow(pixels / REFERENCE_PIXELS, self.frames_size)
        penalty = self.frames * size * (FITTED_FPS[1] / fps - 1)
        return 1 + self.best * share * (1 - min(penalty, _MOST_FRAME_LOSS) * share**_FRAME_POWER)


@dataclass(frozen=True, slots=True)
class Fit:
    """A codec's curve with its errors in MOS: root mean square over all points, on a content left out of the fit, where
    the measured MOS is above 3, and with lost frames; and the largest. `highest` is the largest bitrate / needed."""

    curve: Curve
    rmse: float
    rmse_unseen: float
    rmse_above_3: float
    rmse_lost_frames: float
    largest: float
    lowest: float
    highest: float


SOURCE = "generated content of 3 seeds, 160x90 to 1280x720 at 10, 15 and 30 fps, VMAF v0.6.1 at the sent size"

# Made by `python -m probe.media.fit_estimated_video` (2.5 minutes on two busy cores). Half of VP8's error and a third
# of H.264's is the price of never falling with the frame rate: measured, a starved bitrate does better with fewer frames,
# and is overrated at 30, by up to half a point, where the MOS is below 3.5.
FITS: dict[str, Fit] = {
    # 396 seconds
    "VP8": Fit(
        curve=Curve(
            best=3.797,
            base_bps=24780.0,
            steepness=1.469,
            tail=0.7359,
            size=0.7034,
            size2=0.09175,
            frames=0.02987,
            frames_size=0.5788,
        ),
        rmse=0.143,
        rmse_unseen=0.152,
        rmse_above_3=0.133,
        rmse_lost_frames=0.117,
        largest=0.581,
        lowest=0.979,
        highest=53.01,
    ),
    # 396 seconds
    "H264": Fit(
        curve=Curve(
            best=3.722,
            base_bps=54310.0,
            steepness=5.823,
            tail=0.3361,
            size=0.5904,
            size2=0.05425,
            frames=0.05046,
            frames_size=0.5013,
        ),
        rmse=0.153,
        rmse_unseen=0.163,
        rmse_above_3=0.11,
        rmse_lost_frames=0.2,
        largest=0.757,
        lowest=0.411,
        highest=22.91,
    ),
}
_RATED_AS = {"VP9": "VP8", "AV1": "VP8"}
CODECS = (*("VP8", "H264"), *_RATED_AS)


@dataclass(frozen=True, slots=True)
class EstimatedVideo:
    """`score` is the headline of 5 with freezes, `picture_mos` without; both are estimates of what VMAF would give.

    `fit_error` is the root mean square error of the fit in MOS, `largest_error` its worst, `ceiling` the best that the
    fit can give, `note` where the figures left what it was fitted to.
    """

    score: float
    picture_mos: float
    fit_error: float
    largest_error: float
    ceiling: float
    note: str
    model: str = "estimated"


def estimated_video_score(
    codec: str,
    bitrate_bps: float,
    width: int,
    height: int,
    frames_per_second: float,
    *,
    frame_loss_ratio: float = 0.0,
    frozen_seconds: float = 0.0,
    duration_seconds: float = 1.0,
) -> EstimatedVideo:
    """The score of a stretch of `duration_seconds`, of which `frozen_seconds` were frozen by the libwebrtc rule.

    `bitrate_bps` is the video's payload and `frames_per_second` its frame rate as sent; `frame_loss_ratio` the share of
    frames that could not be shown, for too short a time to be a freeze. Never falls with bitrate or frame rate, never
    rises with loss or freezes. What would lift a score above the fitted range is clamped, what lowers it is not.
    Raises ConfigError for a codec without a fit or figures that can't be.
    """
    name = codec.upper().replace("H.264", "H264")
    fit = FITS.get(_RATED_AS.get(name, name))
    if fit is None:
        raise ConfigError(f"no video estimate for codec {codec!r}{nearest(name, CODECS)}")
    _check(bitrate_bps, width, height, frames_per_second, frame_loss_ratio, frozen_seconds, duration_seconds)
    pixels, shown_fps = width * height, frames_per_second * (1 - frame_loss_ratio)
    picture = _picture_mos(fit, bitrate_bps, pixels, shown_fps)
    moving = duration_seconds - frozen_seconds
    score = video_quality_score([(moving, picture)], frozen_seconds)
    note = "; ".join(_limits(name, fit, bitrate_bps, pixels, frames_per_second))
    # All frozen: nothing was displayed, and the headline rule has no score; the worst is meant.
    return EstimatedVideo(1.0 if score is None else score, picture, fit.rmse, fit.largest, 1 + fit.curve.best, note)


def _picture_mos(fit: Fit, bitrate_bps: float, pixels: float, fps: float) -> float:
    pixels = max(pixels, FITTED_PIXELS[0])
    bitrate = min(bitrate_bps, fit.highest * fit.curve.needed_bps(pixels))
    mos = fit.curve.mos(bitrate, pixels, min(max(fps, _LOWEST_FPS), FITTED_FPS[1]))
    return min(max(1 + (mos - 1) * min(fps / _LOWEST_FPS, 1.0), 1.0), 5.0)


def _limits(codec: str, fit: Fit, bitrate_bps: float, pixels: float, fps: float) -> list[str]:
    found = []
    if codec in _RATED_AS:
        found.append(f"{codec} rated as {_RATED_AS[codec]}, which needs more bits: a lower bound")
    share = bitrate_bps / fit.curve.needed_bps(max(pixels, FITTED_PIXELS[0]))
    outside = (
        ("bitrate", share, fit.lowest, fit.highest),
        ("picture size", pixels, *FITTED_PIXELS),
        ("frame rate", round(fps), *FITTED_FPS),  # a camera of 30 frames/s shows 30.02 of them in some seconds
    )
    for name, value, low, high in outside:
        if not low <= value <= high:
            found.append(f"{name} {'below' if value < low else 'above'} the fitted range")
    return found


def _check(
    bitrate_bps: float, width: int, height: int, fps: float, frame_loss: float, frozen: float, duration: float
) -> None:
    rules = (
        ("bitrate", bitrate_bps, 0 < bitrate_bps < math.inf, "bits per second, above 0"),
        ("width", width, 1 <= width <= 16384, "pixels, 1 to 16384"),
        ("height", height, 1 <= height <= 16384, "pixels, 1 to 16384"),
        ("frame rate", fps, 0 < fps < math.inf, "frames per second, above 0"),
        ("frame loss ratio", frame_loss, 0 <= frame_loss <= 1, "0 to 1"),
        ("duration", duration, 0 < duration < math.inf, "seconds, above 0"),
        ("frozen time", frozen, 0 <= frozen <= duration, "seconds, 0 to the duration"),
    )
    for name, value, valid, allowed in rules:
        if not valid:
            raise ConfigError(f"{name} {value!r} is out of range", hint=f"allowed: {allowed}")


def _log1p_exp(x: float) -> float:
    """ln(1 + e^x) without overflow."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))
