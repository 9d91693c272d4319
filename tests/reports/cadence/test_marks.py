"""On target, near it, below it."""

from __future__ import annotations

import pytest

from reports.cadence.marks import mark
from reports.cadence.model import Mark


@pytest.mark.parametrize(
    ("value", "target", "comparison", "unit", "found"),
    [
        (0.98, 0.98, ">=", "ratio", Mark.ON),
        (0.97, 0.98, ">=", "ratio", Mark.NEAR),
        (0.9599, 0.98, ">=", "ratio", Mark.BELOW),
        (0.9985, 0.999, ">=", "ratio", Mark.NEAR),
        (0.99, 0.999, ">=", "ratio", Mark.BELOW),
        (0.62, 0.75, ">=", "ratio", Mark.BELOW),
        (0.70, 0.75, ">=", "ratio", Mark.NEAR),
        (0.41, 0.45, ">=", "ratio", Mark.NEAR),
        (0.40, 0.45, ">=", "ratio", Mark.BELOW),
        (0.0011, 0.001, "<", "ratio", Mark.NEAR),
        (0.08, 0.08, "<", "seconds", Mark.NEAR),
        (0.079, 0.08, "<", "seconds", Mark.ON),
        (0.089, 0.08, "<", "seconds", Mark.BELOW),
        (4.2, 4.6, ">=", "score", Mark.NEAR),
        (4.1, 4.6, ">=", "score", Mark.BELOW),
        (None, 4.6, ">=", "score", Mark.UNKNOWN),
        (4.1, None, ">=", "score", Mark.UNKNOWN),
    ],
)
def test_marks(value: float | None, target: float | None, comparison: str, unit: str, found: Mark) -> None:
    assert mark(value, target, comparison, unit) is found
