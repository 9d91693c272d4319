"""What the samples say about one row: the aggregated value, its interval, and what would settle it. Pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from probe.measure.histogram import Histogram
from probe.measure.intervals import (
    CONFIDENCE,
    Interval,
    attempts_needed,
    incomplete_beta,
    mean_interval,
    percentile_interval,
    wilson,
)
from reports.targets.expression import COMPARISONS, Aggregate
from reports.targets.profile import Kpi

FEWEST_SAMPLES = 5
"""Fewer samples than this decide no mean and no percentile."""
_MOST = 10_000_000


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its interval. `sampled` is False for what is exact by definition (a maximum, a count, a share of the
    whole run), which is judged as it stands."""

    value: float
    interval: Interval | None
    sampled: bool

    def worst(self, comparison: str) -> float:
        """The end of the interval that is hardest on the comparison; nan where a sampled figure has no interval."""
        return self._end(low=comparison.startswith(">"))

    def best(self, comparison: str) -> float:
        return self._end(low=not comparison.startswith(">"))

    def _end(self, *, low: bool) -> float:
        if not self.sampled:
            return self.value
        if self.interval is None:
            return math.nan
        return self.interval.low if low else self.interval.high


def figure(kpi: Kpi, histogram: Histogram, duration_seconds: float) -> Figure:
    """The row's figure from its samples (at least one); `duration_seconds` of the run, for rates."""
    measured = _aggregate(kpi.how(), histogram, duration_seconds)
    return _reduction(measured, kpi.baseline) if kpi.is_reduction else measured


def _aggregate(how: Aggregate, histogram: Histogram, duration_seconds: float) -> Figure:
    mean, low, high = histogram.mean, histogram.minimum, histogram.maximum
    if mean is None or low is None or high is None:
        raise ValueError("no samples, no figure")
    if how.kind == "ratio":
        return Figure(mean, wilson(min(histogram.sum, histogram.count), histogram.count), sampled=True)
    if how.kind == "mean":
        return Figure(mean, mean_interval(histogram), sampled=True)
    if how.kind == "p(q)":
        value = histogram.quantile(how.quantile)
        return Figure(mean if value is None else value, percentile_interval(histogram, how.quantile), sampled=True)
    rate = histogram.count / duration_seconds if duration_seconds > 0 else 0.0
    exact = {"max": high, "min": low, "value": mean, "count": float(histogram.count), "rate": rate}
    return Figure(exact[how.kind], None, sampled=False)


def _reduction(measured: Figure, baseline: float) -> Figure:
    """How far the figure lies below the baseline, as a share: ends of the interval change places."""
    interval = measured.interval
    if interval is not None:
        interval = Interval(1 - interval.high / baseline, 1 - interval.low / baseline, interval.confidence)
    return Figure(1 - measured.value / baseline, interval, measured.sampled)


def more_needed(kpi: Kpi, histogram: Histogram, found: Figure, target: float) -> int | None:
    """About how many more samples would prove the target if they keep to it; None where no number would.

    Ratios: attempts without a failure. Percentiles: values within the target. Means: values that scatter as so far.
    """
    how, higher = kpi.how(), kpi.direction == "higher"
    if kpi.is_reduction or not found.sampled:
        return None
    if how.kind == "ratio":
        good = round(histogram.sum)
        good, goal = (good, target) if higher else (histogram.count - good, 1 - target)
        return attempts_needed(good, histogram.count, min(max(goal, 0.0), 1.0))
    if how.kind == "mean":
        return _more_for_mean(kpi, histogram, found, target)
    within = histogram.count_at_most(target)
    return _more_for_percentile(how.quantile, histogram.count, within, higher=higher)


def _more_for_mean(kpi: Kpi, histogram: Histogram, found: Figure, target: float) -> int | None:
    """The interval narrows with the root of the count."""
    if found.interval is None or not COMPARISONS[kpi.comparison](found.value, target) or found.value == target:
        return None
    half = abs(found.worst(kpi.comparison) - found.value)
    total = math.ceil(histogram.count * (half / abs(found.value - target)) ** 2)
    more = max(total, FEWEST_SAMPLES) - histogram.count
    return more if 0 < more <= _MOST else None


def _more_for_percentile(q: float, n: int, at_most: int, *, higher: bool) -> int | None:
    """Smallest m so that n + m values, the m new ones within the target, bound the q-quantile by order statistics.

    With k values beyond the target the k+1-th from that side must lie beyond the quantile only with the error that is
    allowed: P(B(n + m, share) <= k) <= tail, where `share` of all values lies beyond the quantile.
    """
    beyond, inside = (at_most, 1 - q) if higher else (n - at_most, q)
    tail = (1 - CONFIDENCE) / 2

    def proven(total: int) -> bool:
        return total > beyond and incomplete_beta(total - beyond, beyond + 1, inside) <= tail

    total = _first(proven, max(n, FEWEST_SAMPLES), _MOST)
    return None if total is None or total <= n else total - n


def _first(holds: Callable[[int], bool], low: int, high: int) -> int | None:
    """The smallest number that holds; once true it stays true."""
    step = low
    while step < high and not holds(step):
        low, step = step, 2 * step
    if step >= high:
        return None
    while low < step:
        middle = (low + step) // 2
        low, step = (low, middle) if holds(middle) else (middle + 1, step)
    return low
