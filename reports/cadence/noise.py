"""Did a figure change, or does it only scatter? Pure.

The unit of observation is the run: samples of one run have the same machine, network and minute in common, so that a
thousand of them say less about next week than seven nights do.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from statistics import NormalDist, fmean

import numpy as np

from probe.measure.intervals import wilson
from reports.cadence.model import Change

CONFIDENCE = 0.95
FEWEST_RUNS = 4
"""On each side, for figures that are no shares of attempts: of three and three no order is rarer than one in ten."""
SMALLEST = 0.01
"""Of the earlier figure: a smaller change is none that anybody would act on, however sure it is."""
_MOST_EXACT = 60
"""Runs of both sides together; of more the normal distribution is close enough."""


def changed(before: Sequence[float], now: Sequence[float], *, higher_is_better: bool) -> Change:
    """One figure per run on each side, by their order alone: one night that went wild neither makes a change nor hides it."""
    if min(len(before), len(now)) < FEWEST_RUNS:
        return Change.UNKNOWN
    if rank_sum_p(before, now) > 1 - CONFIDENCE:
        return Change.SAME
    return _told(fmean(now) - fmean(before), fmean(before), higher_is_better)


def rank_sum_p(before: Sequence[float], now: Sequence[float]) -> float:
    """Two-sided p of the rank-sum test (F. Wilcoxon, Biometrics Bulletin 1, 1945; H. B. Mann, D. R. Whitney, Annals of
    Mathematical Statistics 18, 1947): over all ways to deal these values, ties at their middle ranks, to the two sides."""
    ranks = _doubled_ranks([*before, *now])
    size, total = len(now), len(ranks)
    expected = size * (total + 1)  # of doubled ranks
    distance = abs(sum(ranks[len(before) :]) - expected)
    if total > _MOST_EXACT:
        spread = math.sqrt(
            size * (total - size) / (total * (total - 1)) * sum((rank - total - 1) ** 2 for rank in ranks)
        )
        return 2 * NormalDist().cdf(-distance / spread) if spread else 1.0
    ways = _ways(ranks, size)
    sums = np.arange(len(ways))
    return float(ways[np.abs(sums - expected) >= distance].sum() / ways.sum())


def _doubled_ranks(values: Sequence[float]) -> list[int]:
    """Twice the rank of each, so that middle ranks are whole numbers."""
    counts = sorted(Counter(values).items())
    ends = accumulate(count for _, count in counts)
    doubled = {value: 2 * end - count + 1 for (value, count), end in zip(counts, ends, strict=True)}
    return [doubled[value] for value in values]


def _ways(ranks: Sequence[int], size: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """By their sum, in how many ways `size` of the ranks can be chosen; up to 60 of them fit a float exactly enough."""
    ways = np.zeros((size + 1, sum(ranks) + 1))
    ways[0, 0] = 1.0
    for rank in ranks:
        ways[1:, rank:] += ways[:-1, :-rank].copy()
    found: np.ndarray[tuple[int], np.dtype[np.float64]] = ways[size]
    return found


def changed_share(before: tuple[float, int], now: tuple[float, int], *, higher_is_better: bool) -> Change:
    """(successes, attempts) on each side: different where the interval of the difference leaves out 0."""
    if not before[1] or not now[1]:
        return Change.UNKNOWN
    low, high = difference_of_shares(before, now)
    difference = now[0] / now[1] - before[0] / before[1]
    return Change.SAME if low <= 0 <= high else _told(difference, 0.0, higher_is_better)


def difference_of_shares(before: tuple[float, int], now: tuple[float, int]) -> tuple[float, float]:
    """Newcombe's interval of now's share less before's (R. G. Newcombe, Statistics in Medicine 17, 1998, method 10): each side's
    Wilson limits, put together. Raises ValueError without attempts."""
    first, second = wilson(*before, confidence=CONFIDENCE), wilson(*now, confidence=CONFIDENCE)
    if first is None or second is None:
        raise ValueError("no attempts, no share")
    old, new = before[0] / before[1], now[0] / now[1]
    low = new - old - math.hypot(new - second.low, first.high - old)
    high = new - old + math.hypot(second.high - new, old - first.low)
    return low, high


def _told(difference: float, before: float, higher_is_better: bool) -> Change:
    if difference == 0 or abs(difference) < SMALLEST * abs(before):
        return Change.SAME
    return Change.BETTER if (difference > 0) == higher_is_better else Change.WORSE
