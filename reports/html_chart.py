"""Line charts and histograms as SVG that needs no script. A script may add what is under the pointer: the figures are there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from reports.html_axis import Scale, clock, time_values
from reports.html_base import tag, text
from reports.words import show

WIDTH, HEIGHT = 360.0, 150.0
LEFT, RIGHT, TOP, BOTTOM = 60.0, 354.0, 16.0, 128.0
_FEW_POINTS = 60
"""So many points are drawn as dots too: a line through three of them would hide that they are three."""
_LEAST = {"ratio": 0.01, "seconds": 0.001}
"""The height of a chart of zeros."""
_MOST_RULES = 12
"""More moments than these are ticks above the chart; so few have a line through it."""


class Line(NamedTuple):
    """One line of a chart: as many values as the chart has times. `style` is its class in the style sheet."""

    label: str
    values: Sequence[float | None]
    style: str


class Moment(NamedTuple):
    """Something that happened: `style` "good" or "bad", or "impairment" for what was done to the network."""

    seconds: float
    label: str
    style: str = "good"


def line_chart(
    title: str,
    unit: str,
    times: Sequence[float],
    lines: Sequence[Line],
    moments: Sequence[Moment],
    span: float,
    **more: Any,
) -> str:
    """A figure of `lines` over the run's `span` seconds. `more`: `target` (SI), `goal` (its words), `note`."""
    known = [value for line in lines for value in line.values if value is not None]
    target, goal = more.get("target"), more.get("goal", "")
    across, up = Scale(0.0, span or 1.0, LEFT, RIGHT), _upright(known, unit, target)
    aim = ""
    if target is not None and up.low <= target <= up.high:
        aim = tag("line", x1=LEFT, x2=RIGHT, y1=up(target), y2=up(target), class_="target")
    data = {"unit": unit, "times": _short(times), "lines": [[line.label, _short(line.values)] for line in lines]}
    drawn = tag(
        "svg",
        _grid(up, unit),
        _time_axis(across),
        moment_marks(moments, across),
        aim,
        *(_line(line, times, across, up) for line in lines),
        viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}",
        role="img",
        aria_label=f"{title} over time",
        class_="chart",
        data_chart=json.dumps(data, separators=(",", ":")),
        data_span=f"{across.low:g},{across.high:g},{LEFT:g},{RIGHT:g}",
    )
    return figure(title, drawn, legend(lines), more.get("note", ""), goal)


def figure(title: str, drawn: str, keys: str = "", note: str = "", goal: str = "") -> str:
    """A drawing under its title, with its legend and what must be known to read it."""
    told = tag("span", text(goal), class_="goal") if goal else ""
    remark = tag("p", text(note), class_="note") if note else ""
    return tag("figure", tag("figcaption", tag("b", text(title)), " ", keys, told), drawn, remark)


def legend(lines: Sequence[Line]) -> str:
    named = [tag("span", tag("i", class_=line.style), text(line.label), class_="key") for line in lines if line.label]
    return "".join(named)


def _upright(known: Sequence[float], unit: str, target: float | None) -> Scale:
    """Scores from 1 to 5, the rest from 0: a figure must not look bad for being looked at closely. A target that is near is
    within."""
    if unit in ("score", "mos"):
        return Scale(1.0, 5.0, BOTTOM, TOP)
    low, high = min([0.0, *known]), max(known, default=0.0)
    near = target is not None and target <= 2 * high
    high = max(high, target) if near and target is not None else high
    return Scale(low, high * 1.08 if high > low else low + _LEAST.get(unit, 1.0), BOTTOM, TOP)


def _grid(up: Scale, unit: str) -> str:
    marks = (
        tag("line", x1=LEFT, x2=RIGHT, y1=up(value), y2=up(value), class_="grid")
        + tag("text", text(show(value, unit)), x=LEFT - 5, y=up(value) + 3.5, text_anchor="end")
        for value in up.ticks(5)
    )
    return "".join(marks)


def _time_axis(across: Scale) -> str:
    ticks = (
        tag("text", clock(value), x=across(value), y=BOTTOM + 15, text_anchor="middle")
        for value in time_values(across.high)
    )
    return tag("line", x1=across.start, x2=across.end, y1=BOTTOM, y2=BOTTOM, class_="axis") + "".join(ticks)


def moment_marks(moments: Sequence[Moment], across: Scale) -> str:
    """Ticks above the chart, one for each place where something is; the bad last, so that they are on top."""
    places = {(round(across(one.seconds)), one.style): one for one in moments}
    few = len(places) <= _MOST_RULES
    marks = []
    for (place, style), one in sorted(places.items(), key=lambda item: (item[0][1] == "bad", item[0])):
        long = few or style == "impairment"
        line = tag("line", tag("title", text(one.label)), x1=place, x2=place, y1=4.0, y2=BOTTOM if long else 11.0)
        marks.append(tag("g", line, class_=f"moment {style}"))
    return "".join(marks)


def _line(line: Line, times: Sequence[float], across: Scale, up: Scale) -> str:
    points = [(across(time), up(value)) for time, value in zip(times, line.values, strict=True) if value is not None]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) if len(points) > 1 else ""
    dots = [tag("circle", cx=x, cy=y, r=2) for x, y in points] if len(points) <= _FEW_POINTS else []
    dense = "" if dots else " dense"  # dashes between so many points could not be told from gaps
    return tag("g", tag("path", d=path) if path else "", *dots, class_=f"line {line.style}{dense}")


def _short(values: Sequence[float | None]) -> list[float | None]:
    """Four digits: what a pointer shows is read, not computed with."""
    return [None if value is None else float(f"{value:.4g}") for value in values]
