"""A trend as a small picture in the page."""

from __future__ import annotations

from collections.abc import Sequence

from reports.cadence.sparkline import drawn
from reports.html_base import tag, text

_WIDTH, _HEIGHT, _MARGIN = 120.0, 32.0, 3.0


def picture(values: Sequence[float | None], words: str) -> str:
    """An SVG that stretches to its box; `words` for those who don't see it. Empty without values."""
    lines = drawn(values, _WIDTH - 2 * _MARGIN, _HEIGHT - 2 * _MARGIN)
    if not lines:
        return ""
    moved = [[(x + _MARGIN, y + _MARGIN) for x, y in line] for line in lines]
    parts = [_line(line) for line in moved if len(line) > 1]
    parts += [_dot(*point) for line in moved for point in line]
    size = f"0 0 {_WIDTH:g} {_HEIGHT:g}"
    return tag(
        "svg", tag("title", text(words)), *parts, viewBox=size, class_="spark", role="img", preserveAspectRatio="none"
    )


def _line(points: Sequence[tuple[float, float]]) -> str:
    return tag("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points))


def _dot(x: float, y: float) -> str:
    """A line of no length with round ends: a circle would be stretched with the box."""
    return tag("path", d=f"M{x:.1f},{y:.1f}h0.01")
