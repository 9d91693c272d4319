"""A mergeable histogram: bounded memory, exact moments, quantiles within 0.25 % of the true value.

Values fall into buckets whose edges grow by a constant factor, so that the error is relative, as in DDSketch (Masson,
Rim, Lee, VLDB 2019). Sums are exact (`probe.measure.exact_sums`).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from probe.measure.exact_sums import Part, mean_of, pack, sums_of_many, sums_of_one, sums_of_parts, unpack, variance_of

RELATIVE_ERROR = 0.0025
"""Largest relative error of a bucketed value; half of what was asked for, since 0.5 % of a MOS is already 0.02."""
SMALLEST = 1e-9
"""Values nearer to zero than this count as zero (a nanosecond, a billionth)."""
LARGEST = 1e18
"""Values beyond are no measurement. With SMALLEST it bounds the buckets to about 12 400 on each side of zero."""

_FACTOR = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_FACTOR = math.log(_FACTOR)
_SHORT = 64
"""Fewer values are faster counted one by one."""
_NEAR_EDGE = 1e-6
"""In buckets: nearer than this, two ways to compute a logarithm may disagree on the bucket."""


def check_measurable(value: float) -> None:
    """Raises ValueError for what no histogram counts."""
    if not abs(value) <= LARGEST:
        raise ValueError(f"not a measurable value: {value!r}")


def _bucket(magnitude: float) -> int:
    return math.ceil(math.log(magnitude) / _LOG_FACTOR)


def _count_buckets(magnitudes: NDArray[np.float64], counts: dict[int, int]) -> None:
    """Count values of SMALLEST and above by bucket."""
    if not len(magnitudes):
        return
    places = np.log(magnitudes) / _LOG_FACTOR
    buckets = np.ceil(places)
    for index in (np.abs(places - np.rint(places)) < _NEAR_EDGE).nonzero()[0].tolist():
        buckets[index] = _bucket(magnitudes.item(index))
    lowest = int(buckets.min())
    found = np.bincount((buckets - lowest).astype(np.intp))
    (filled,) = found.nonzero()
    for bucket, count in zip((filled + lowest).tolist(), found[filled].tolist(), strict=True):
        counts[bucket] = counts.get(bucket, 0) + count


def _representative(bucket: int) -> float:
    """The point of (factor^(b-1), factor^b] that is equally far, relatively, from both edges."""
    return 2.0 * math.exp(bucket * _LOG_FACTOR) / (_FACTOR + 1.0)


Tally = tuple[float, float, list[Part], int, list[tuple[int, int]], list[tuple[int, int]]]
"""What many values add: minimum, maximum, sums by power of two, values counted as zero, (bucket, count) above zero, below zero."""
_compiled: Callable[[Any, float, float, float], Tally | None] | None = None


def tally_with(compiled: Callable[[Any, float, float, float], Tally | None] | None) -> None:
    """Let `compiled(values, SMALLEST, LARGEST, log of the factor)` do the usual case of `add_many`. It says None to what is not."""
    global _compiled
    _compiled = compiled


class Histogram:
    """Counts of values by relative size. `merge` is associative and commutative, exactly.

    Values are floats in whatever unit the metric has; NaN, infinities and magnitudes above LARGEST raise ValueError.
    """

    __slots__ = ("_maximum", "_minimum", "_negative", "_positive", "_squares", "_total", "_zeros", "count")

    def __init__(self) -> None:
        self.count = 0
        self._minimum = math.inf
        self._maximum = -math.inf
        self._total = 0
        self._squares = 0
        self._zeros = 0
        self._positive: dict[int, int] = {}
        self._negative: dict[int, int] = {}

    def add(self, value: float, count: int = 1) -> None:
        """Count `value` `count` times. Raises ValueError for what is no number or a count below 1."""
        value = float(value) + 0.0  # -0.0 becomes 0.0: equal values must look equal
        check_measurable(value)
        if count < 1:
            raise ValueError(f"count must be 1 or more, got {count}")
        self.count += count
        self._minimum = min(self._minimum, value)
        self._maximum = max(self._maximum, value)
        total, squares = sums_of_one(value, count)
        self._total += total
        self._squares += squares
        if abs(value) < SMALLEST:
            self._zeros += count
            return
        side = self._positive if value > 0 else self._negative
        bucket = _bucket(abs(value))
        side[bucket] = side.get(bucket, 0) + count

    def add_many(self, values: ArrayLike) -> None:
        """`add` for each of these, with the same result bit for bit. Raises ValueError as `add`; then nothing was counted."""
        array = np.asarray(values, np.float64).ravel() + 0.0
        if _compiled is not None and (found := _compiled(array, SMALLEST, LARGEST, _LOG_FACTOR)) is not None:
            self._add_tally(len(array), found)
            return
        magnitudes = np.abs(array)
        measurable = magnitudes <= LARGEST
        if not measurable.all():
            raise ValueError(f"not a measurable value: {array[~measurable].item(0)!r}")
        if len(array) < _SHORT:
            for value in array.tolist():
                self.add(value)
            return
        self.count += len(array)
        lowest = array.min().item()
        self._minimum = min(self._minimum, lowest)
        self._maximum = max(self._maximum, array.max().item())
        self._add_sums(sums_of_many(array))
        if lowest >= SMALLEST:  # the usual
            _count_buckets(magnitudes, self._positive)
            return
        counted = magnitudes >= SMALLEST
        self._zeros += len(array) - int(np.count_nonzero(counted))
        _count_buckets(magnitudes[counted & (array > 0)], self._positive)
        _count_buckets(magnitudes[counted & (array < 0)], self._negative)

    def _add_tally(self, count: int, found: Tally) -> None:
        minimum, maximum, parts, zeros, positive, negative = found
        self.count += count
        self._minimum = min(self._minimum, minimum)
        self._maximum = max(self._maximum, maximum)
        self._add_sums(sums_of_parts(parts))
        self._zeros += zeros
        for side, counts in ((self._positive, positive), (self._negative, negative)):
            for bucket, times in counts:
                side[bucket] = side.get(bucket, 0) + times

    def _add_sums(self, sums: tuple[int, int]) -> None:
        self._total += sums[0]
        self._squares += sums[1]

    def merge(self, other: Histogram) -> None:
        """Take in everything that `other` counted; `other` stays as it is (and may be this histogram itself)."""
        self.count += other.count
        self._minimum = min(self._minimum, other._minimum)
        self._maximum = max(self._maximum, other._maximum)
        self._total += other._total
        self._squares += other._squares
        self._zeros += other._zeros
        for mine, theirs in ((self._positive, other._positive), (self._negative, other._negative)):
            for bucket, count in list(theirs.items()):
                mine[bucket] = mine.get(bucket, 0) + count

    @property
    def minimum(self) -> float | None:
        return self._minimum if self.count else None

    @property
    def maximum(self) -> float | None:
        return self._maximum if self.count else None

    @property
    def sum(self) -> float:
        """The exact sum, rounded once."""
        return mean_of(self._total, 1)

    @property
    def mean(self) -> float | None:
        return mean_of(self._total, self.count) if self.count else None

    @property
    def variance(self) -> float | None:
        """Sample variance (n - 1), exact before one rounding; None below two values."""
        return variance_of(self._total, self._squares, self.count) if self.count >= 2 else None

    @property
    def skewness(self) -> float:
        """Sample skewness G1 (D. N. Joanes, C. A. Gill, The Statistician 47, 1998), of bucketed values; 0 below three values and
        where all are equal."""
        n, mean, variance = self.count, self.mean, self.variance
        if n < 3 or mean is None or not variance:
            return 0.0
        third = sum(count * (value - mean) ** 3 for value, count in self._ascending()) / n
        return third / math.pow(variance * (n - 1) / n, 1.5) * math.sqrt(n * (n - 1)) / (n - 2)

    def quantile(self, q: float) -> float | None:
        """Inverse of the empirical CDF (type 1, nearest rank ceil(q n)), q in 0-1; None when empty.

        The first and the last rank are the exact minimum and maximum, others their bucket's value (error up to
        RELATIVE_ERROR).
        """
        if not 0.0 <= q <= 1.0:
            raise ValueError(f"a quantile lies between 0 and 1, got {q}")
        if not self.count:
            return None
        exact_rank = q * self.count
        rank = math.ceil(exact_rank - 1e-12 * exact_rank)  # 0.07 * 100 is 7.000000000000001 and still means rank 7
        return self.value_at_rank(min(max(rank, 1), self.count))

    def value_at_rank(self, rank: int) -> float:
        """The rank-th smallest value, 1 to count. Raises ValueError outside."""
        if not 1 <= rank <= self.count:
            raise ValueError(f"rank {rank} is not within 1 to {self.count}")
        if rank == 1:
            return self._minimum
        seen = 0
        for value, count in self._ascending():
            seen += count
            if seen >= rank and rank < self.count:
                return value
        return self._maximum

    def count_at_most(self, limit: float) -> int:
        """How many (bucketed) values are at most `limit`: all from the maximum on, none below the minimum."""
        if limit >= self._maximum:
            return self.count
        if limit < self._minimum:
            return 0
        return sum(count for value, count in self._ascending() if value <= limit)

    def counts_at_most(self, limits: Sequence[float]) -> list[int]:
        """`count_at_most` of each of these, in one pass over the buckets."""
        ascending = list(self._ascending())
        values = [value for value, _ in ascending]
        totals = [0, *accumulate(count for _, count in ascending)]
        return [totals[bisect_right(values, limit)] for limit in limits]

    def _ascending(self) -> Iterator[tuple[float, int]]:
        """(bucketed value, count), smallest first; values never leave the exact range that was seen."""
        for bucket in sorted(self._negative, reverse=True):
            yield self._within(-_representative(bucket)), self._negative[bucket]
        if self._zeros:
            yield self._within(0.0), self._zeros
        for bucket in sorted(self._positive):
            yield self._within(_representative(bucket)), self._positive[bucket]

    def _within(self, value: float) -> float:
        return min(max(value, self._minimum), self._maximum)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and self.to_dict() == other.to_dict()

    def __repr__(self) -> str:
        return f"Histogram(count={self.count}, min={self.minimum}, mean={self.mean}, max={self.maximum})"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready and complete: `from_dict(to_dict())` is the same histogram, bit for bit."""
        return {
            "relative_error": RELATIVE_ERROR,
            "count": self.count,
            "min": self.minimum,
            "max": self.maximum,
            "sum": pack(self._total),
            "squares": pack(self._squares),
            "zeros": self._zeros,
            "positive": [[bucket, self._positive[bucket]] for bucket in sorted(self._positive)],
            "negative": [[bucket, self._negative[bucket]] for bucket in sorted(self._negative)],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Histogram:
        """The histogram that `to_dict` wrote. Raises ValueError when the data is damaged or from another resolution."""
        found = cls()
        try:
            if data["relative_error"] != RELATIVE_ERROR:
                raise ValueError(f"made with relative error {data['relative_error']}, not {RELATIVE_ERROR}")
            found.count = int(data["count"])
            found._zeros = int(data["zeros"])
            found._total, found._squares = unpack(data["sum"]), unpack(data["squares"])
            found._positive = {int(bucket): int(count) for bucket, count in data["positive"]}
            found._negative = {int(bucket): int(count) for bucket, count in data["negative"]}
            if found.count:
                found._minimum, found._maximum = float(data["min"]), float(data["max"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a stored histogram: {error!r}") from error
        found._check()
        return found

    def _check(self) -> None:
        counts = [self._zeros, *self._positive.values(), *self._negative.values()]
        if self.count < 0 or min(counts) < 0 or sum(counts) != self.count:
            raise ValueError(f"not a stored histogram: buckets hold {sum(counts)} values, count says {self.count}")
        if self.count and not -LARGEST <= self._minimum <= self._maximum <= LARGEST:
            raise ValueError(f"not a stored histogram: range {self._minimum} to {self._maximum}")
        widest = _bucket(LARGEST)
        if any(abs(bucket) > widest for side in (self._positive, self._negative) for bucket in side):
            raise ValueError("not a stored histogram: bucket out of range")
