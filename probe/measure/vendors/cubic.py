"""R → MOS as vendors write it: G.107 Annex B's polynomial, mostly without the Annex's limits."""

from __future__ import annotations

BEST = 4.5


def polynomial(r: float) -> float:
    """The bare polynomial. Below R 0 and above 100 it means nothing: -100 gives 19.9, 140 gives 2.8."""
    return 1 + 0.035 * r + 7e-6 * r * (r - 60) * (100 - r)


def limited(r: float) -> float:
    """1 up to R 0, 4.5 from R 100 on; the dip below 1 between R 0 and 6.52 (0.989 at R 3.2) stays."""
    if r <= 0:
        return 1.0
    return BEST if r >= 100 else polynomial(r)
