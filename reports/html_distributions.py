"""How readings are spread: a histogram for each metric that has one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reports.document import Document
from reports.html_axis import Scale
from reports.html_base import section, tag, text
from reports.html_chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, figure
from reports.titles import title_of
from reports.words import show, target

ORDER = (
    "join_duration_seconds", "round_trip_time_seconds", "one_way_delay_seconds", "jitter_seconds", "packet_loss_ratio",
    "residual_loss_ratio", "freeze_ratio", "frame_rate", "audio_quality_score", "video_quality_score", "video_mos",
    "video_score_estimated", "migration_duration_seconds", "migration_video_gap_seconds", "migration_audio_gap_seconds",
    "migration_mos_dip", "send_bitrate_bps", "receive_bitrate_bps",
)  # fmt: skip
"""What is drawn, in its order: what a listener or viewer notices. The rest is in the table of all figures."""
_UNEVEN = 1.5
"""Bars that grow by more than this from the first to the last grow by ratios."""


def distribution_charts(document: Document) -> str:
    """The section; empty where the document has no distributions. What hardly varied is told in a sentence."""
    found = document.get("distributions") or {}
    present = [(name, found[name]) for name in ORDER if name in found]
    spread = [(name, one) for name, one in present if sum(count > 0 for count in one["counts"]) > 1]
    charts = [_chart(document, name, one) for name, one in spread]
    flat = [_always(name, one) for name, one in present if (name, one) not in spread]
    told = tag("p", "Hardly any spread: ", text(", ".join(flat)), ".", class_="note") if flat else ""
    drawn = tag("div", *charts, class_="charts") if charts else ""
    note = "How many readings fell where. The solid line is the median, the dashed one the 95th percentile, the green one the target."
    return section("Distributions", drawn, told, note=note, id_="distributions")


def _always(name: str, one: dict[str, Any]) -> str:
    low, high = show(one["edges"][0], one["unit"]), show(one["edges"][-1], one["unit"])
    if one["unit"] == "count":
        low = high = show((one["edges"][0] + one["edges"][-1]) / 2, one["unit"])
    return f"{title_of(name)} {low if low == high else f'{low} to {high}'} ({sum(one['counts'])} readings)"


def _chart(document: Document, name: str, one: dict[str, Any]) -> str:
    edges, counts, unit = one["edges"], one["counts"], one["unit"]
    across = Scale(edges[0], edges[-1], LEFT, RIGHT, wide=_is_wide(edges))
    up = Scale(0.0, max(counts), BOTTOM, TOP)
    figures = document["metrics"].get(name, {})
    drawn = tag(
        "svg",
        _counts_axis(up),
        *_bars(edges, counts, unit, across, up),
        tag("line", x1=LEFT, x2=RIGHT, y1=BOTTOM, y2=BOTTOM, class_="axis"),
        *_labels(across, unit),
        _rule(figures.get("p50"), across, "median"),
        _rule(figures.get("p95"), across, "high"),
        *_targets(document, name, unit, across),
        viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}",
        role="img",
        aria_label=f"{title_of(name)}: distribution of {sum(counts)} readings",
        class_="chart",
    )
    median, high = (show(figures.get(key), unit) for key in ("p50", "p95"))
    keys = tag("small", text(f"{sum(counts)} readings · median {median} · p95 {high}"))
    return figure(title_of(name), drawn, keys)


def _is_wide(edges: Sequence[float]) -> bool:
    """Made of bars that grow by ratios?"""
    return len(edges) > 2 and edges[0] > 0 and (edges[-1] - edges[-2]) > _UNEVEN * (edges[1] - edges[0])


def _counts_axis(up: Scale) -> str:
    whole = [value for value in up.ticks(4) if value == int(value)]
    marks = (
        tag("line", x1=LEFT, x2=RIGHT, y1=up(value), y2=up(value), class_="grid")
        + tag("text", f"{value:.0f}", x=LEFT - 5, y=up(value) + 3.5, text_anchor="end")
        for value in whole
    )
    return "".join(marks)


def _bars(edges: Sequence[float], counts: Sequence[int], unit: str, across: Scale, up: Scale) -> list[str]:
    """Each with its figures under the pointer; a bar that holds anything can be seen."""
    bars = []
    for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
        if count:
            left, top = across(low), min(up(count), BOTTOM - 1.0)
            said = tag("title", text(f"{count} × {show(low, unit)} – {show(high, unit)}"))
            width = max(across(high) - left - 0.5, 0.5)
            bars.append(tag("rect", said, x=left, y=top, width=width, height=BOTTOM - top, class_="bar"))
    return bars


def _labels(across: Scale, unit: str) -> list[str]:
    """Round values; one whose words would run into those before is left out."""
    found, free = [], 0.0
    for value in across.ticks(5):
        said = show(value, unit)
        half = 3.2 * len(said)
        place = min(max(across(value), half), WIDTH - half)
        if place - half >= free:
            found.append(tag("text", text(said), x=place, y=BOTTOM + 15, text_anchor="middle"))
            free = place + half + 4
    return found


def _rule(value: float | None, across: Scale, style: str) -> str:
    if value is None:
        return ""
    return tag("line", x1=across(value), x2=across(value), y1=TOP - 4, y2=BOTTOM, class_=f"rule {style}")


def _targets(document: Document, name: str, unit: str, across: Scale) -> list[str]:
    """Targets that lie within what was seen."""
    lines = []
    for kpi in document["kpis"]:
        aim, same = kpi["target"], (kpi["metric"] or "").partition("{")[0] == name and kpi["unit"] == unit
        if same and aim is not None and across.low <= aim <= across.high:
            said = tag("title", text(f"target {target(kpi)} ({kpi['aggregate']})"))
            lines.append(tag("line", said, x1=across(aim), x2=across(aim), y1=TOP - 8, y2=BOTTOM, class_="target"))
    return lines
