"""Video scores: picture MOS from VMAF or calibrated SSIM, and the headline score in which freezes weigh.

The headline score is an engineering rule of this project, not a standard: frozen time counts as MOS 1 with twice the
weight of moving time. Against the one public anchor (Microsoft's Video Call MOS: a clip rated 3.52 by its pictures and
2.95 by people, with a freeze of about 1 s; its length is not stated) it gives 2.96 for 8 s and 3.06 for 10 s, where
equal weights would give 3.21 and 3.27.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

FROZEN_WEIGHT = 2.0
SERIES_SECONDS = 300
"""How far back the per-second series reaches."""
SSIM_DB_LIMIT = 60.0
"""SSIM in dB grows without end towards identity; beyond this no codec can tell."""


def vmaf_to_mos(vmaf: float) -> float:
    """VMAF v0.6.1 (0-100) as MOS: 20 is bad, 100 excellent, linear with votes (Netflix, VMAF models documentation)."""
    if math.isnan(vmaf):
        raise ValueError("VMAF is not a number")
    return min(max(1 + (vmaf - 20) / 20, 1.0), 5.0)


def ssim_to_db(ssim: float) -> float:
    """SSIM (up to 1) on the scale where its steps look even: -10 log10(1 - SSIM), at most SSIM_DB_LIMIT."""
    if not -1.0 <= ssim <= 1.0 + 1e-6:
        raise ValueError(f"SSIM lies between -1 and 1, got {ssim}")
    distance = 1.0 - ssim
    return SSIM_DB_LIMIT if distance < 10 ** (-SSIM_DB_LIMIT / 10) else -10 * math.log10(distance)


@dataclass(frozen=True, slots=True)
class SsimCalibration:
    """SSIM in dB → VMAF, fitted on one kind of content at one size: valid there and nowhere else.

    `points` are (SSIM dB, VMAF), both rising; between them it is linear, beyond them constant. `fit_error` is the root
    mean square error of the fit in VMAF points, `source` says which content, size and SSIM implementation.
    """

    points: tuple[tuple[float, float], ...]
    fit_error: float
    source: str

    def __post_init__(self) -> None:
        if len(self.points) < 2:
            raise ValueError("a calibration needs at least two points")
        if any(b[0] <= a[0] or b[1] < a[1] for a, b in pairwise(self.points)):
            raise ValueError("calibration points must rise: SSIM strictly, VMAF never falling")

    def vmaf(self, ssim: float) -> float:
        """The VMAF that pictures of this SSIM (not dB) have."""
        x = ssim_to_db(ssim)
        if x <= self.points[0][0]:
            return self.points[0][1]
        if x >= self.points[-1][0]:
            return self.points[-1][1]
        index = bisect_right(self.points, x, key=lambda point: point[0])
        (x0, y0), (x1, y1) = self.points[index - 1], self.points[index]
        return y0 + (y1 - y0) * (x - x0) / (x1 - x0)

    def mos(self, ssim: float) -> float:
        return vmaf_to_mos(self.vmaf(ssim))


def video_quality_score(
    displayed: Iterable[tuple[float, float]], frozen_seconds: float = 0.0, weight: float = FROZEN_WEIGHT
) -> float | None:
    """Headline score, 1-5: (sum d q + w f) / (sum d + w f) over displayed times d with picture MOS q and frozen time f.

    `displayed` holds (seconds, MOS); frozen time is not part of it. None when nothing was displayed.
    """
    seconds = weighted = 0.0
    for duration, mos in displayed:
        _check_displayed(duration, mos)
        seconds += duration
        weighted += duration * mos
    if not (0 <= frozen_seconds < math.inf and 0 <= weight < math.inf):
        raise ValueError(f"frozen time {frozen_seconds} and weight {weight} must be 0 or more")
    return _weigh(seconds, weighted, frozen_seconds, weight)


def _weigh(seconds: float, weighted: float, frozen: float, weight: float) -> float | None:
    if seconds <= 0:
        return None
    return min(max((weighted + weight * frozen) / (seconds + weight * frozen), 1.0), 5.0)


def _check_displayed(duration: float, mos: float) -> None:
    if not 0 <= duration < math.inf:
        raise ValueError(f"a display time is 0 or more seconds, got {duration}")
    if not 1.0 <= mos <= 5.0:
        raise ValueError(f"a MOS lies between 1 and 5, got {mos}")


@dataclass(slots=True)
class _Tally:
    displayed: float = 0.0
    weighted: float = 0.0
    frozen: float = 0.0

    @property
    def picture_mos(self) -> float | None:
        return self.weighted / self.displayed if self.displayed > 0 else None

    @property
    def score(self) -> float | None:
        """With freezes. A second that was frozen through and through scores 1; None when nothing is known of it."""
        if self.displayed <= 0 and self.frozen > 0:
            return 1.0
        return _weigh(self.displayed, self.weighted, self.frozen, FROZEN_WEIGHT)


@dataclass(frozen=True, slots=True)
class SecondQuality:
    """Second [`second`, `second` + 1) of the run: `picture_mos` without, `score` with freezes; None: nothing known."""

    second: int
    picture_mos: float | None
    score: float | None


@dataclass(slots=True)
class VideoQuality:
    """The quality of one received video stream over time. Totals for ever, seconds for the last SERIES_SECONDS."""

    _total: _Tally = field(default_factory=_Tally)
    _seconds: dict[int, _Tally] = field(default_factory=dict)
    _newest: int | None = None

    def add_displayed(self, start: float, duration: float, picture_mos: float) -> None:
        """A picture stood from `start` (seconds of the run) for `duration` seconds, not counting freezes."""
        _check_displayed(duration, picture_mos)
        shares = self._split(start, duration)
        self._total.displayed += duration
        self._total.weighted += duration * picture_mos
        for second, share in shares:
            tally = self._seconds.setdefault(second, _Tally())
            tally.displayed += share
            tally.weighted += share * picture_mos

    def add_frozen(self, start: float, duration: float) -> None:
        """The picture stood still from `start` for `duration` seconds (a freeze by the libwebrtc rule)."""
        _check_displayed(duration, 1.0)
        shares = self._split(start, duration)
        self._total.frozen += duration
        for second, share in shares:
            self._seconds.setdefault(second, _Tally()).frozen += share

    def _split(self, start: float, duration: float) -> list[tuple[int, float]]:
        """The span cut at full seconds, as (second, share); what is older than the series is dropped."""
        if not math.isfinite(start):
            raise ValueError(f"a time is a finite number of seconds, got {start}")
        end = start + duration
        last = max(math.ceil(end) - 1, math.floor(start))
        self._forget(last)
        first = max(math.floor(start), self._oldest())
        return [(second, min(end, second + 1) - max(start, second)) for second in range(first, last + 1)]

    def _forget(self, last: int) -> None:
        if self._newest is None or last > self._newest:
            self._newest = last
            for second in [second for second in self._seconds if second < self._oldest()]:
                del self._seconds[second]

    def _oldest(self) -> int:
        return (self._newest or 0) - SERIES_SECONDS + 1

    @property
    def displayed_seconds(self) -> float:
        return self._total.displayed

    @property
    def frozen_seconds(self) -> float:
        return self._total.frozen

    @property
    def picture_mos(self) -> float | None:
        """Time-weighted mean picture MOS without freezes; None when nothing was displayed."""
        return self._total.picture_mos

    @property
    def score(self) -> float | None:
        """The headline score with freezes; None when nothing was displayed."""
        total = self._total
        return _weigh(total.displayed, total.weighted, total.frozen, FROZEN_WEIGHT)

    def series(self) -> list[SecondQuality]:
        """The last SERIES_SECONDS, oldest first; seconds of which nothing is known are left out."""
        rated = sorted(self._seconds.items())
        return [SecondQuality(second, tally.picture_mos, tally.score) for second, tally in rated]

    def mean_between(self, start: float, end: float) -> float | None:
        """Mean score (with freezes) of the seconds that lie wholly within [start, end]; None without any."""
        scores = [s.score for s in self.series() if s.score is not None and start <= s.second and s.second + 1 <= end]
        return sum(scores) / len(scores) if scores else None

    def lowest_second(self, start: float, end: float) -> float | None:
        """Lowest score (with freezes) of the seconds that [start, end] touches; None without any.

        With freezes, since a second in which nothing moved has no picture to rate, and is the worst of all.
        """
        scores = [s.score for s in self.series() if s.score is not None and s.second <= end and start < s.second + 1]
        return min(scores, default=None)
