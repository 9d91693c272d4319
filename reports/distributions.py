"""How a metric's values are spread, as few bars: made from the summary's fine buckets, drawn by the renderers."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from probe.measure.histogram import RELATIVE_ERROR, SMALLEST, Histogram
from probe.measure.summary import Summary
from probe.model.metrics import METRICS

BARS = 40
"""At most; fewer where the summary's buckets are not fine enough for so many."""
FEWEST_VALUES = 5
"""Fewer are no distribution."""
_WIDE = 50.0
"""The ratio of maximum to 1st percentile from which on equal bars would put nearly all values into the first: then each is wider than
the one before it by the same factor."""


def distributions(summary: Summary) -> dict[str, dict[str, Any]]:
    """By metric: `edges` (ascending, in the metric's unit), `counts` (one fewer: values above an edge and up to the next; the
    first bar holds all below too) and `unit`. Success ratios have no distribution, nor have a handful of values."""
    found = {}
    for name in summary:
        histogram = summary.histogram(name)
        if histogram is not None and histogram.count >= FEWEST_VALUES and not METRICS[name].rate:
            found[name] = {**bars(histogram, whole=METRICS[name].unit == "count"), "unit": METRICS[name].unit}
    return found


def bars(histogram: Histogram, *, whole: bool = False) -> dict[str, Any]:
    """`edges` and `counts` of up to BARS bars that hold all values; `whole`: of whole numbers, whose bars lie around
    them. Raises ValueError for an empty histogram."""
    low, high = histogram.minimum, histogram.maximum
    if low is None or high is None:
        raise ValueError("an empty histogram has no bars")
    edges = _whole_edges(low, high) if whole else _edges(low, high, histogram.quantile(0.01) or 0.0)
    totals = [0, *histogram.counts_at_most(edges[1:-1]), histogram.count]
    return {"edges": edges, "counts": [after - before for before, after in pairwise(totals)]}


def _whole_edges(low: float, high: float) -> list[float]:
    first, last = math.floor(low), math.ceil(high)
    step = math.ceil((last - first + 1) / BARS)
    number = math.ceil((last - first + 1) / step)
    return [first - 0.5 + step * place for place in range(number + 1)]


def _edges(low: float, high: float, first: float) -> list[float]:
    """`first` is the 1st percentile: bars that grow begin there, for the few below would take half of them."""
    # Two of the summary's buckets a bar: with fewer, bars would be full and empty by turns.
    resolution = 4 * RELATIVE_ERROR * max(abs(low), abs(high))
    number = min(BARS, int((high - low) / resolution)) if resolution else 0
    if number < 2:
        return [low, high]
    if first >= SMALLEST and high / first > _WIDE:
        low = max(low, first)
        inner = [low * (high / low) ** (place / number) for place in range(1, number)]
    else:
        inner = [low + (high - low) * place / number for place in range(1, number)]
    return [low, *inner, high]
