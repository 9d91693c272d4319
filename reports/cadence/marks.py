"""On target, near it, or below it. Pure."""

from __future__ import annotations

from reports.cadence.model import Mark
from reports.targets.expression import COMPARISONS

NEAR = 0.10
"""Of the target: a figure that misses it by no more is near it."""
NEAR_FAILURES = 2.0
"""Of a share of which at least NEARLY_ALL is promised the failures count: 98 % leaves 2 % to fail, and up to twice that is near. A
tenth off 99.9 % would call 90 % near."""
NEARLY_ALL = 0.9

_ROUNDING = 1e-12


def mark(value: float | None, target: float | None, comparison: str, unit: str) -> Mark:
    """Where the figure stands, by its value alone: how sure that is, the verdict says."""
    if value is None or target is None:
        return Mark.UNKNOWN
    if COMPARISONS[comparison](value, target):
        return Mark.ON
    higher = comparison.startswith(">")
    if unit == "ratio" and higher and NEARLY_ALL <= target <= 1.0:
        near = 1.0 - value <= NEAR_FAILURES * (1.0 - target) + _ROUNDING
    else:
        near = abs(value - target) <= NEAR * abs(target) + _ROUNDING
    return Mark.NEAR if near else Mark.BELOW
