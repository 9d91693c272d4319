"""Is the difference between two sides more than noise? Pure arithmetic on one figure of a few runs.

Samples inside a run resemble each other: a busy minute, a slow access line, one odd participant colour all of them. So the unit is the
run wherever there are several, and the noise is what runs of the same side differ by. Of few runs that is not known well, and they are
compared with care: their values count as no more than the participants they come from, and runs of the same thing are taken to
differ by the margin anyway.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from probe.measure.intervals import Interval, incomplete_beta, student_t, wilson

CONFIDENCE = 0.95
"""Of the interval around a difference."""
MARGINS: dict[str, tuple[float, float]] = {
    "seconds": (0.001, 0.03),
    "ratio": (0.002, 0.0),
    "mos": (0.05, 0.0),
    "score": (0.05, 0.0),
    "dB": (0.5, 0.0),
    "fps": (0.3, 0.0),
    "bits_per_second": (2000.0, 0.02),
    "megabytes_per_hour": (1.0, 0.02),
    "count": (0.5, 0.05),
}
"""By unit, the smallest change that is worth telling: absolute, or as a share of the figure before, whichever is more."""
FEWEST_DEGREES = 4
"""Degrees of freedom, so six runs of both sides together: fewer measure their own noise too badly to rely on it."""
_MOST_TERMS = 100_000


@dataclass(frozen=True, slots=True)
class Reading:
    """One figure of one run: `value`, the `deviation` of the values behind it (None where it is not known), and `independent`, as
    how many independent values they may count. `rate`: successes of attempts."""

    value: float
    deviation: float | None
    independent: int
    rate: bool = False

    @property
    def variance(self) -> float | None:
        """Of `value`, as far as the values inside the run tell."""
        if self.rate:
            likely = (self.value * self.independent + 1) / (
                self.independent + 2
            )  # Laplace: 20 of 20 is not without noise
            return likely * (1 - likely) / self.independent
        if self.deviation is None or self.independent < 2:
            return None
        return self.deviation**2 / self.independent


@dataclass(frozen=True, slots=True)
class Contrast:
    """`difference` is after less before, `interval` what it may be in truth, `p` the probability of such a difference or more between
    two sides that differ by no more than the margin."""

    before: float
    after: float
    difference: float
    interval: Interval
    p: float


def margin(unit: str, before: float) -> float:
    """The smallest change of such a figure that is worth telling."""
    absolute, relative = MARGINS.get(unit, (0.0, 0.03))
    return max(absolute, relative * abs(before))


def contrast(before: Sequence[Reading], after: Sequence[Reading], unit: str) -> Contrast | None:
    """The difference of two sides, each of one run or several; None where nothing tells how much noise there is."""
    if not before or not after:
        return None
    runs = [*before, *after]
    if len(runs) == 2 and runs[0].rate:
        return _of_attempts(before[0], after[0])
    left, right = fmean(one.value for one in before), fmean(one.value for one in after)
    allowed = 0.0 if runs[0].rate else margin(unit, left)
    variance, degrees = _noise(before, after, allowed)
    if variance is None:
        return None
    return _contrast(left, right, math.sqrt(variance * (1 / len(before) + 1 / len(after))), degrees, allowed)


def _noise(before: Sequence[Reading], after: Sequence[Reading], allowed: float) -> tuple[float | None, int]:
    """The variance of a run's figure, and its degrees of freedom: what runs of the same side differ by, but no less than what the values
    inside them make for. Of too few runs that is no measure: then they are assumed to differ by the margin at least."""
    runs = [*before, *after]
    degrees = len(runs) - 2
    known = [one.variance for one in runs if one.variance is not None]
    within = fmean(known) if len(known) == len(runs) else None
    between = _between(before, after) if degrees else 0.0
    inside = sum(one.independent for one in runs) - len(runs)
    if runs[0].rate and within is not None and between <= within:
        return within, inside  # attempts that fail independently of their run
    if degrees >= FEWEST_DEGREES:
        return max(between, within or 0.0), degrees
    return (None, 0) if within is None else (max(between, within + allowed**2), inside)


def _between(before: Sequence[Reading], after: Sequence[Reading]) -> float:
    """Variance of the runs' figures, pooled over both sides."""
    squares = 0.0
    for side in (before, after):
        mean = fmean(one.value for one in side)
        squares += sum((one.value - mean) ** 2 for one in side)
    return squares / (len(before) + len(after) - 2)


def _contrast(before: float, after: float, error: float, degrees: int, allowed: float) -> Contrast:
    difference = after - before
    half = student_t(degrees, CONFIDENCE) * error
    interval = Interval(difference - half, difference + half, CONFIDENCE)
    beyond = max(abs(difference) - allowed, 0.0)
    p = 1.0 if beyond == 0.0 else 0.0 if error == 0.0 else two_sided(beyond / error, degrees)
    return Contrast(before, after, difference, interval, p)


def two_sided(t: float, degrees: int) -> float:
    """P(|T| >= t) of Student's distribution."""
    return incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t))


def _of_attempts(before: Reading, after: Reading) -> Contrast:
    """Two success ratios: Fisher's exact test, and Newcombe's interval of the difference."""
    good = [round(one.value * one.independent) for one in (before, after)]
    p = fisher(good[0], before.independent, good[1], after.independent)
    difference = after.value - before.value
    return Contrast(before.value, after.value, difference, _newcombe(before, after), p)


def _newcombe(before: Reading, after: Reading) -> Interval:
    """R. G. Newcombe, Statistics in Medicine 17 (1998) 873, method 10: from the Wilson intervals of both ratios."""
    ends = [wilson(one.value * one.independent, one.independent, CONFIDENCE) for one in (before, after)]
    first, second = (end or Interval(0.0, 1.0, CONFIDENCE) for end in ends)
    difference = after.value - before.value
    low = difference - math.hypot(after.value - second.low, first.high - before.value)
    high = difference + math.hypot(second.high - after.value, before.value - first.low)
    return Interval(low, high, CONFIDENCE)


def fisher(good_before: int, before: int, good_after: int, after: int) -> float:
    """Two-sided p of Fisher's exact test: all tables with the same margins that are no more probable than this one."""
    good = good_before + good_after
    lowest, highest = max(0, good - after), min(good, before)
    if highest - lowest > _MOST_TERMS:
        return _pooled(good_before, before, good_after, after)

    def log_probability(k: int) -> float:
        return _log_choose(before, k) + _log_choose(after, good - k) - _log_choose(before + after, good)

    seen = log_probability(good_before) + 1e-7
    return min(1.0, math.fsum(math.exp(p) for k in range(lowest, highest + 1) if (p := log_probability(k)) <= seen))


def _pooled(good_before: int, before: int, good_after: int, after: int) -> float:
    ratio = (good_before + good_after) / (before + after)
    error = math.sqrt(ratio * (1 - ratio) * (1 / before + 1 / after))
    return math.erfc(abs(good_after / after - good_before / before) / error / math.sqrt(2))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
