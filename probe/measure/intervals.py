"""How sure a figure is: confidence intervals for ratios, percentiles and means, and how many attempts would decide.

All intervals are two-sided. A verdict looks at one end only, so the default of 90 % is a one-sided test at 95 %. They
assume independent observations: successive round-trip times of one stream are none. As how many they count says
`reports.independent`, so the `n` of a ratio need not be a whole number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

from probe.measure.histogram import Histogram

CONFIDENCE = 0.90
MAX_ATTEMPTS = 10_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """Both ends in the metric's unit; an end that the sample cannot bound is infinite."""

    low: float
    high: float
    confidence: float

    def to_list(self) -> list[float | None]:
        """[low, high] for JSON: an open end is null."""
        return [end if math.isfinite(end) else None for end in (self.low, self.high)]


def wilson(successes: float, n: float, confidence: float = CONFIDENCE) -> Interval | None:
    """Wilson score interval of a success ratio (E. B. Wilson, JASA 22, 1927); None without attempts.

    Unlike the normal interval it stays within 0-1 and does not collapse when nothing failed.
    """
    _check_confidence(confidence)
    if n < 0 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} attempts")
    if n == 0:
        return None
    z2 = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    ratio = successes / n
    centre = (ratio + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (ratio * (1 - ratio) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    low = 0.0 if successes == 0 else max(0.0, centre - half)  # exact at the ends, where rounding would leave 1e-17
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Interval(low, high, confidence)


def exact_ratio_interval(successes: float, n: float, confidence: float = CONFIDENCE) -> Interval | None:
    """Interval of a success ratio by the binomial distribution itself (C. J. Clopper, E. S. Pearson, Biometrika 26, 1934); None
    without attempts.

    Each end is wrong at most as often as it says, for every ratio and every n. Wilson's is closer to the nominal coverage on
    average, but near 0 and 1 its one end errs several times as often: 9 of 10 would refute 98 %, which they do by chance in 18 %.
    """
    _check_confidence(confidence)
    if n < 0 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} attempts")
    if n == 0:
        return None
    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else _ratio_where(lambda p: incomplete_beta(successes, n - successes + 1, p), tail)
    high = 1.0 if successes == n else _ratio_where(lambda p: incomplete_beta(successes + 1, n - successes, p), 1 - tail)
    return Interval(low, high, confidence)


def _ratio_where(probability: Callable[[float], float], wanted: float) -> float:
    """The ratio at which a probability that grows with it is `wanted`, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(54):
        middle = (low + high) / 2
        low, high = (middle, high) if probability(middle) < wanted else (low, middle)
    return (low + high) / 2


def attempts_needed(successes: float, n: float, target: float, confidence: float = CONFIDENCE) -> int | None:
    """How many more attempts, none failing, prove a success ratio of at least `target` (0-1): until so many successes would be
    rarer than the error that is allowed if the ratio were lower. 0 when proven already; None when MAX_ATTEMPTS would not do (1
    can't be proven).
    """
    if not 0.0 <= target <= 1.0:
        raise ValueError(f"a target ratio lies between 0 and 1, got {target}")
    _check_confidence(confidence)
    tail, failures = (1 - confidence) / 2, n - successes

    def proven(more: int) -> bool:
        if target == 0.0:
            return n + more > 0
        return n + more > failures and incomplete_beta(successes + more, failures + 1, target) <= tail

    return _smallest(proven, 0, MAX_ATTEMPTS)


def percentile_interval(
    histogram: Histogram, q: float, confidence: float = CONFIDENCE, worth: float | None = None
) -> Interval | None:
    """Distribution-free interval of the q-quantile between two order statistics; None when empty.

    The number of values up to the true quantile is binomial(n, q), whatever the distribution. So the low end is the
    highest rank that lies above the quantile with at most half the error probability, the high end likewise from the
    other side (H. A. David, H. N. Nagaraja, Order Statistics, 7.1). An end is infinite when not even the extreme value
    is sure enough. Values that count as fewer independent ones, `worth`, have the ends that so many would have, at the outer
    of the ranks that each of those stands for.
    """
    _check_confidence(confidence)
    if not 0.0 < q < 1.0:
        raise ValueError(f"a quantile with an interval lies inside 0 to 1, got {q}")
    if (count := histogram.count) == 0:
        return None
    tail = (1 - confidence) / 2
    low, high = _ranks(count, q, tail)
    if worth is not None and worth < count:
        n = max(math.floor(worth), 1)
        below, above = _ranks(n, q, tail)
        low, high = min(low, (below - 1) * count // n + 1), max(high, -(-above * count // n))
    return Interval(
        -math.inf if low < 1 else histogram.value_at_rank(low),
        math.inf if high > count else histogram.value_at_rank(high),
        confidence,
    )


@lru_cache(maxsize=512)
def _ranks(n: int, q: float, tail: float) -> tuple[int, int]:
    """P(quantile < X_(l)) = P(B <= l - 1) <= tail, P(quantile > X_(u)) = P(B >= u) <= tail: l and u, which are 0 and n + 1 where
    no value is sure enough."""
    below = _smallest(lambda k: _binomial_cdf(k, n, q) > tail, 0, n)
    above = _smallest(lambda k: 1 - _binomial_cdf(k, n, q) <= tail, 0, n)
    return below or 0, n + 1 if above is None else above + 1


def samples_needed(q: float, confidence: float = CONFIDENCE) -> int:
    """The fewest values that bound the q-quantile on both sides (max(q, 1-q)^n <= half the error): p95 59, p99 299."""
    _check_confidence(confidence)
    if not 0.0 < q < 1.0:
        raise ValueError(f"a quantile with an interval lies inside 0 to 1, got {q}")
    return math.ceil(math.log((1 - confidence) / 2) / math.log(max(q, 1 - q)))


def mean_interval(histogram: Histogram, confidence: float = CONFIDENCE) -> Interval | None:
    """Student's t interval of the mean; None below two values, since one value says nothing about the spread."""
    _check_confidence(confidence)
    mean, variance, n = histogram.mean, histogram.variance, histogram.count
    if mean is None or variance is None:
        return None
    half = student_t(n - 1, confidence) * math.sqrt(variance / n)
    return Interval(mean - half, mean + half, confidence)


@lru_cache(maxsize=512)
def student_t(degrees: int, confidence: float = CONFIDENCE) -> float:
    """t with P(|T| <= t) = confidence. Above a million degrees the normal quantile (closer than 1e-5)."""
    _check_confidence(confidence)
    if degrees < 1:
        raise ValueError(f"degrees of freedom: 1 or more, got {degrees}")
    if degrees > 1_000_000:
        return NormalDist().inv_cdf((1 + confidence) / 2)
    # P(|T| <= t) = I_y(1/2, degrees/2) with y = t^2 / (degrees + t^2): bisect y until floats end
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        if incomplete_beta(0.5, degrees / 2, middle) < confidence:
            low = middle
        else:
            high = middle
    return math.sqrt(degrees * high / (1 - high))


def _binomial_cdf(k: int, n: int, p: float) -> float:
    """P(B(n, p) <= k) = I_(1-p)(n - k, k + 1), exact to rounding."""
    return 1.0 if k >= n else incomplete_beta(n - k, k + 1, 1 - p)


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function I_x(a, b) by its continued fraction (DLMF 8.17.22), a, b > 0, x in 0-1."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1) / (a + b + 2):  # there the fraction of the mirrored function converges fast
        return 1.0 - incomplete_beta(b, a, 1 - x)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(log_front) / (a * _beta_fraction(a, b, x))


def _beta_fraction(a: float, b: float, x: float) -> float:
    """1 + d1/(1 + d2/(1 + …)) by Lentz's method; it needs some sqrt(max(a, b)) terms."""
    tiny = 1e-300
    value, c, d = 1.0, 1.0, 0.0
    for j in range(1, 200_000):
        m = j // 2
        odd = -(a + m) * (a + b + m) / (a + 2 * m + 1)
        even = m * (b - m) / (a + 2 * m - 1) if m else 0.0
        term = (odd if j % 2 else even) * x / (a + 2 * m)
        d = 1.0 / (1.0 + term * d or tiny)
        c = 1.0 + term / c or tiny
        value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            return value
    raise ArithmeticError(f"incomplete beta function does not converge at a={a}, b={b}, x={x}")


def _smallest(holds: Callable[[int], bool], first: int, last: int) -> int | None:
    """The smallest number from first to last for which `holds`, which once true stays true; None if there is none."""
    if not holds(last):
        return None
    while first < last:
        middle = (first + last) // 2
        if holds(middle):
            last = middle
        else:
            first = middle + 1
    return last


def _check_confidence(confidence: float) -> None:
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"a confidence lies inside 0 to 1, got {confidence}")
