"""How much the values of each metric scatter: what a comparison of two runs needs beside the figures."""

from __future__ import annotations

import math

from probe.measure.histogram import Histogram
from probe.measure.summary import Summary


def deviations(summary: Summary) -> dict[str, dict[str, float | None]]:
    """By metric the sample standard deviation of all values (key "") and of those of each "tag=value", in the metric's unit; None
    below two values."""
    found: dict[str, dict[str, float | None]] = {}
    for name in summary:
        tags = ["", *summary.tags(name)]
        found[name] = {tag: _deviation(summary.histogram(name, tag)) for tag in tags}
    return found


def _deviation(histogram: Histogram | None) -> float | None:
    variance = None if histogram is None else histogram.variance
    return None if variance is None else math.sqrt(variance)
