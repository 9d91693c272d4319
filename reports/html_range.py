"""A judged figure as a small drawing: the interval it lies in against the target."""

from __future__ import annotations

from typing import Any

from reports.html_axis import Scale
from reports.html_base import tag, text
from reports.words import interval, show, target

_WIDTH, _HEIGHT, _EDGE = 200.0, 26.0, 6.0
_MIDDLE = _HEIGHT / 2
_MARGIN = 0.12
"""Of the span, left free on both sides."""
_SCORE_MARGIN = 0.1
"""Scores lie so near to each other that their whole scale would hide on which side they are."""


def range_bar(kpi: dict[str, Any]) -> str:
    """Interval as a bar, value as a dot, target as a line whose good side is tinted. Empty where there is no value."""
    if kpi["value"] is None or kpi["target"] is None:
        return ""
    scale, aim = _scale(kpi), kpi["target"]
    low, high = _bounds(kpi) or (kpi["value"], kpi["value"])
    left = scale(scale.low if low is None else low)
    right = scale(scale.high if high is None else high)
    good = (scale(aim), scale.end) if kpi["comparison"].startswith(">") else (scale.start, scale(aim))
    width = max(right - left, 4.0)
    told = f"{show(kpi['value'], kpi['unit'])}, 90 % interval {interval(kpi | {'interval': _bounds(kpi)})}, target {target(kpi)}"
    return tag(
        "svg",
        tag("title", text(told)),
        tag("rect", x=good[0], y=4.0, width=good[1] - good[0], height=_HEIGHT - 8, class_="good"),
        tag("line", x1=scale.start, x2=scale.end, y1=_MIDDLE, y2=_MIDDLE, class_="axis"),
        tag("rect", x=min(left, scale.end - width), y=_MIDDLE - 4, width=width, height=8.0, rx=4, class_="interval"),
        tag("circle", cx=scale(kpi["value"]), cy=_MIDDLE, r=4, class_="value"),
        tag("line", x1=scale(aim), x2=scale(aim), y1=2.0, y2=_HEIGHT - 2, class_="target"),
        viewBox=f"0 0 {_WIDTH:.0f} {_HEIGHT:.0f}",
        class_=f"range {kpi['status']}",
        role="img",
        aria_label=told,
    )


def _bounds(kpi: dict[str, Any]) -> list[float | None] | None:
    """What decides: a bar across the target must not stand beside a verdict that says otherwise."""
    found: list[float | None] | None = kpi.get("bounds") or kpi["interval"]
    return found


def _scale(kpi: dict[str, Any]) -> Scale:
    """From 0 where less is better, to 1 where more of a share is: there the whole can be seen. Else around what is known."""
    ends = [end for end in _bounds(kpi) or () if end is not None]
    values = [kpi["value"], kpi["target"], *ends]
    low, high = min(values), max(values)
    margin = (high - low) * _MARGIN or abs(high) * _MARGIN or 1.0
    upward = kpi["comparison"].startswith(">")
    if kpi["unit"] == "ratio":
        bounds = (max(0.0, low - margin) if upward else 0.0, 1.0 if upward else min(1.0, high + margin))
    elif kpi["unit"] in ("score", "mos"):
        bounds = (max(1.0, low - margin - _SCORE_MARGIN), min(5.0, high + margin + _SCORE_MARGIN))
    else:
        bounds = (low - margin if upward else min(0.0, low), high + margin)
    return Scale(min(bounds[0], low), max(bounds[1], high), _EDGE, _WIDTH - _EDGE)
