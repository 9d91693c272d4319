"""What the samples say about one row: the aggregated value, its interval, and what would settle it. Pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import NormalDist

from probe.measure.histogram import RELATIVE_ERROR, Histogram
from probe.measure.intervals import (
    CONFIDENCE,
    Interval,
    attempts_needed,
    exact_ratio_interval,
    incomplete_beta,
    mean_interval,
    percentile_interval,
    student_t,
    wilson,
)
from probe.model.metrics import Metric
from reports.independent import SKEW_WEIGHT, Independent
from reports.scales import scale
from reports.targets.expression import COMPARISONS, Aggregate
from reports.targets.profile import Kpi

FEWEST_SAMPLES = 5
"""Fewer samples than this decide no percentile."""
FEWEST_FOR_MEAN = 20
"""Fewer decide no mean: of the long-tailed values that delays are, ten fall short of their mean too often."""
_POWER = 0.8
"""Chance that as many more readings as are said prove a mean."""
_MOST = 10_000_000
_MOST_UNITS = 10_000


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its interval. `sampled` is False for what is exact by definition (a maximum, a count, a share of the
    whole run), which is judged as it stands. `bounds` decide in place of the interval, where it is not the safest one. `error` is
    the part of both, on either side, that all samples share: more of them don't make it smaller. `rests_on`: whose readings they
    are, where that is known: the interval is no narrower than those agree. A ratio or percentile is then as sure as `worth`
    independent readings would make it."""

    value: float
    interval: Interval | None
    sampled: bool
    bounds: Interval | None = None
    error: float = 0.0
    rests_on: Independent | None = None
    worth: float = 0.0

    def worst(self, comparison: str) -> float:
        """The end of the interval that is hardest on the comparison; nan where a sampled figure has no interval."""
        return self._end(low=comparison.startswith(">"))

    def best(self, comparison: str) -> float:
        return self._end(low=not comparison.startswith(">"))

    def _end(self, *, low: bool) -> float:
        if not self.sampled:
            return self.value
        deciding = self.bounds or self.interval
        if deciding is None:
            return math.nan
        return deciding.low if low else deciding.high

    def alike(self, readings: int) -> Independent | None:
        """Whose they are, where so many readings resemble each other too much to count as so many."""
        return self.rests_on if self.worth < readings else None

    def widened(self, error: float) -> Figure:
        """The figure if all samples may be wrong by as much, together; back again with a negative one."""
        return replace(
            self,
            interval=_widened(self.interval, error),
            bounds=_widened(self.bounds, error),
            error=self.error + error,
        )

    def map(self, change: Callable[[float], float]) -> Figure:
        """The figure on another scale; a change that falls makes the ends change places."""
        return replace(
            self,
            value=change(self.value),
            interval=_mapped(self.interval, change),
            bounds=_mapped(self.bounds, change),
        )


def _widened(interval: Interval | None, error: float) -> Interval | None:
    if interval is None:
        return None
    low = interval.low - error
    return Interval(max(low, 0.0) if interval.low >= 0 else low, interval.high + error, interval.confidence)


def _hull(one: Interval, other: Interval) -> Interval:
    return Interval(min(one.low, other.low), max(one.high, other.high), one.confidence)


def _on_its_scale(found: Figure, metric: Metric) -> Figure:
    """A true value can't lie where no value can: no time below 0, no score beyond 5."""
    if found.interval is None:
        return found
    least, most = scale(metric)
    low, high = max(found.interval.low, min(least, found.value)), min(found.interval.high, max(most, found.value))
    return replace(found, interval=Interval(low, high, found.interval.confidence))


def _mapped(interval: Interval | None, change: Callable[[float], float]) -> Interval | None:
    if interval is None:
        return None
    low, high = sorted((change(interval.low), change(interval.high)))
    return Interval(low, high, interval.confidence)


def figure(
    kpi: Kpi,
    histogram: Histogram,
    duration_seconds: float,
    confidence: float = CONFIDENCE,
    rests_on: Independent | None = None,
) -> Figure:
    """The row's figure from its samples (at least one); `duration_seconds` of the run, for rates."""
    measured = rested(kpi.how(), histogram, duration_seconds, confidence, rests_on)
    if kpi.selector is not None:
        measured = _on_its_scale(measured, kpi.selector.metric)
    baseline = kpi.baseline
    if kpi.is_reduction:
        return measured.map(lambda value: 1 - value / baseline)
    return measured.map(lambda value: value / baseline) if kpi.is_multiple else measured


def rested(
    how: Aggregate, histogram: Histogram, duration_seconds: float, confidence: float, rests_on: Independent | None
) -> Figure:
    """The aggregate, its interval no narrower than those agree whose readings it is of. Raises ValueError without samples."""
    if rests_on is None:
        return aggregated(how, histogram, duration_seconds, confidence)
    if how.kind == "mean":
        found = aggregated(how, histogram, duration_seconds, confidence)
        if found.interval is None:
            return found
        return replace(found, interval=_hull(found.interval, rests_on.interval(confidence)), rests_on=rests_on)
    worth = rests_on.worth(confidence)
    return replace(aggregated(how, histogram, duration_seconds, confidence, worth), rests_on=rests_on, worth=worth)


def aggregated(
    how: Aggregate,
    histogram: Histogram,
    duration_seconds: float,
    confidence: float = CONFIDENCE,
    worth: float | None = None,
) -> Figure:
    """The aggregate with its interval; of a ratio or percentile as if it were of so many independent values as `worth` says. Raises
    ValueError without samples."""
    mean, low, high = histogram.mean, histogram.minimum, histogram.maximum
    if mean is None or low is None or high is None:
        raise ValueError("no samples, no figure")
    if how.kind == "ratio":
        scale = 1.0 if worth is None else worth / histogram.count
        return ratio_figure(min(histogram.sum, histogram.count) * scale, histogram.count * scale, confidence)
    if how.kind == "mean":
        return Figure(mean, _interval_of_mean(histogram, confidence), sampled=True)
    if how.kind == "p(q)":
        value = histogram.quantile(how.quantile)
        interval = percentile_interval(histogram, how.quantile, confidence, worth)
        bounds = None if interval is None else _out_of_buckets(interval, low, high)
        return Figure(mean if value is None else value, interval, sampled=True, bounds=bounds)
    rate = histogram.count / duration_seconds if duration_seconds > 0 else 0.0
    exact = {
        "max": high,
        "min": low,
        "value": mean,
        "sum": histogram.sum,
        "count": float(histogram.count),
        "rate": rate,
    }
    return Figure(exact[how.kind], None, sampled=False)


def ratio_figure(successes: float, attempts: float, confidence: float = CONFIDENCE) -> Figure:
    """Shown with Wilson's interval, judged by the binomial distribution itself: near 100 %, where promises are, Wilson's ends
    err more often than they say (up to 18 % in place of 5 %)."""
    bounds = exact_ratio_interval(successes, attempts, confidence)
    return Figure(successes / attempts, wilson(successes, attempts, confidence), sampled=True, bounds=bounds)


def _interval_of_mean(histogram: Histogram, confidence: float) -> Interval | None:
    """Student's t, with the end on the side of the longer tail moved out by the skewness term of the Edgeworth expansion of t
    (P. Hall, J. R. Stat. Soc. B 54, 1992): s G (1 + 2 t^2) / (6 n), times SKEW_WEIGHT."""
    interval = mean_interval(histogram, confidence)
    variance, n = histogram.variance, histogram.count
    if interval is None or not variance:
        return interval
    t = student_t(n - 1, confidence)
    shift = SKEW_WEIGHT * histogram.skewness * (1 + 2 * t * t) / (6 * n) * math.sqrt(variance)
    return Interval(interval.low + min(shift, 0.0), interval.high + max(shift, 0.0), confidence)


def _out_of_buckets(interval: Interval, minimum: float, maximum: float) -> Interval:
    """Order statistics are known to within a bucket: the ends may lie so much further out, but not beyond what was seen."""

    def moved(end: float, out: int) -> float:
        return (
            min(max(end + out * RELATIVE_ERROR * abs(end), minimum), maximum)
            if math.isfinite(end) and minimum < end < maximum
            else end
        )

    return Interval(moved(interval.low, -1), moved(interval.high, 1), interval.confidence)


def fewest(aggregate: Aggregate, found: Figure) -> int:
    """As many values as it takes to decide anything."""
    if not found.sampled or aggregate.kind == "ratio":
        return 0
    return FEWEST_FOR_MEAN if aggregate.kind == "mean" else FEWEST_SAMPLES


def enough(aggregate: Aggregate, found: Figure, count: int) -> bool:
    """Are these enough values to decide anything?"""
    return count >= fewest(aggregate, found)


def more_needed(kpi: Kpi, histogram: Histogram, found: Figure, target: float) -> int | None:
    """About how many more samples would prove the target if they keep to it; None where no number would.

    Ratios: attempts without a failure. Percentiles: values within the target. Means: values that scatter as so far, which prove
    it in four of five cases. Or meetings like that, where the figure rests on those.
    """
    how, higher = kpi.how(), kpi.direction == "higher"
    if kpi.is_reduction or kpi.is_multiple or not found.sampled:
        return None
    if how.kind == "mean":
        return _more_for_mean(kpi, histogram, found, target)
    units = found.alike(histogram.count)
    scale = found.worth / histogram.count if units is not None else 1.0
    count = histogram.count * scale
    if how.kind == "ratio":
        good = min(histogram.sum, histogram.count) * scale
        good, goal = (good, target) if higher else (count - good, 1 - target)
        more = attempts_needed(good, count, min(max(goal, 0.0), 1.0))
    else:
        more = _more_for_percentile(how.quantile, count, histogram.count_at_most(target) * scale, higher=higher)
    return more if more is None or units is None else math.ceil(more * len(units.shares) / count)


def _more_for_mean(kpi: Kpi, histogram: Histogram, found: Figure, target: float) -> int | None:
    """The interval narrows with the root of the count, from what it would be on a scale without ends."""
    if found.interval is None or not COMPARISONS[kpi.comparison](found.value, target) or found.value == target:
        return None
    normal, gap = NormalDist(), abs(found.value - target)
    unbound = rested(kpi.how(), histogram, 0.0, CONFIDENCE, found.rests_on)
    half = abs(unbound.worst(kpi.comparison) - found.value) * (1 + normal.inv_cdf(_POWER) / normal.inv_cdf(0.95))
    if (units := found.rests_on) is not None:
        count = len(units.shares)
        needed = _first(lambda total: units.narrowed(half, total, CONFIDENCE) <= gap, count, _MOST_UNITS)
        return needed - count if needed is not None and needed > count else None
    total = math.ceil(histogram.count * (half / gap) ** 2)
    more = max(total, FEWEST_FOR_MEAN) - histogram.count
    return more if 0 < more <= _MOST else None


def _more_for_percentile(q: float, n: float, at_most: float, *, higher: bool) -> int | None:
    """Smallest m so that n + m values, the m new ones within the target, bound the q-quantile by order statistics.

    With k values beyond the target the k+1-th from that side must lie beyond the quantile only with the error that is
    allowed: P(B(n + m, share) <= k) <= tail, where `share` of all values lies beyond the quantile.
    """
    beyond, inside = (at_most, 1 - q) if higher else (n - at_most, q)
    tail = (1 - CONFIDENCE) / 2

    def proven(total: int) -> bool:
        return total > beyond and incomplete_beta(total - beyond, beyond + 1, inside) <= tail

    total = _first(proven, max(math.ceil(n), FEWEST_SAMPLES), _MOST)
    return None if total is None or total <= n else math.ceil(total - n)


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
