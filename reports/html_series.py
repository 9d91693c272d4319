"""Figures over time: which of the document's series share a chart, and what happened meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from probe.model.metrics import METRICS
from reports.document import Document
from reports.html_axis import clock
from reports.html_base import section, tag, text
from reports.html_chart import Line, Moment, line_chart
from reports.titles import direction, title_of, unit_of
from reports.words import target

CHARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Participants", ("participants",)),
    ("Time to join", ("join_p50_seconds", "join_p95_seconds", "join_duration_seconds")),
    ("Round trip", ("round_trip_time_seconds",)),
    ("One-way delay", ("one_way_delay_seconds",)),
    ("Jitter", ("jitter_seconds",)),
    ("Packets lost", ("window_loss_ratio", "packet_loss_ratio")),
    ("Sent on a path", ("send_bitrate_bps",)),
    ("Received on a path", ("receive_bitrate_bps",)),
    ("Frame rate", ("window_frame_rate", "frame_rate")),
    ("Audio score", ("window_audio_score", "audio_quality_score")),
    ("Video score", ("video_quality_score", "video_score_estimated")),
    ("Picture quality (MOS)", ("video_mos",)),
)
"""The charts in their order. A series that none of them names gets one of its own, after these."""
_MOST_CHARTS = 24
_MOST_EVENTS = 20
_STYLES = {"p2p": "p2p", "sfu": "sfu", "audio": "audio", "video": "video"}
_OTHERS = ("one", "two", "three", "four")
_NAME = re.compile(r"^(?P<metric>[^{]+)(?:\{[a-z_]+=(?P<value>.+)\})?$")
_NOTE = (
    "Each point is the mean of all participants in that stretch of the run. Video scores are known when somebody "
    "stops watching somebody, so their points stand where that was. Ticks above are migrations."
)


def time_series(document: Document) -> str:
    """The section; empty where the document has no series."""
    columns = dict(document.get("series") or {})
    times = [float(time) for time in columns.pop("time", [])]
    columns = {name: values for name, values in columns.items() if len(values) == len(times)}
    if not times or not columns:
        return ""
    moments = moments_of(document)
    span = max([times[-1], document["run"]["duration_seconds"], *(one.seconds for one in moments)])
    charts = [
        _chart(document, title, metrics, columns, times, moments, span)
        for title, metrics in (*CHARTS, *_unnamed(columns))
    ]
    drawn = [chart for chart in charts if chart][:_MOST_CHARTS]
    return section("Over time", tag("div", *drawn, class_="charts"), _done(document), note=_NOTE, id_="time")


def moments_of(document: Document) -> list[Moment]:
    """Migrations, and what was done to the network, on the run's time axis."""
    found = []
    for one in document["migrations"]:
        start = one.get("start_seconds")
        if start is not None:
            words = f"{direction(one['from'], one['to'])} of {one['meeting']} at {clock(start)}"
            found.append(
                Moment(start, words if one["success"] else f"{words}: failed", "good" if one["success"] else "bad")
            )
    events = document.get("events") or ()
    return found + [Moment(one["time_seconds"], _event(one), "impairment") for one in events]


def _done(document: Document) -> str:
    """What was done to the network and what happened to connections, in words: not every reader has a pointer to ask with."""
    events = document.get("events") or []
    done = [one for one in events if one["kind"] == "impairment"]
    happened = [one for one in events if one["kind"] != "impairment"]
    return _listed("Done to the network", done) + _listed("Happened to connections", happened)


def _listed(what: str, events: list[dict[str, Any]]) -> str:
    told = "; ".join(_event(one) for one in events[:_MOST_EVENTS])
    more = f"; and {len(events) - _MOST_EVENTS} more" if len(events) > _MOST_EVENTS else ""
    return tag("p", text(f"{what} (dashed lines): {told}{more}."), class_="note") if told else ""


def _event(one: dict[str, Any]) -> str:
    return f"{one['label']} at {clock(one['time_seconds'])}"


def _unnamed(columns: Iterable[str]) -> list[tuple[str, tuple[str, ...]]]:
    named = {metric for _, metrics in CHARTS for metric in metrics}
    rest = sorted({_parts(name)[0] for name in columns} - named)
    return [(title_of(metric), (metric,)) for metric in rest]


def _parts(name: str) -> tuple[str, str]:
    """Metric and tag value of a series' name; one that has no such form is a metric."""
    match = _NAME.match(name)
    return (match["metric"], match["value"] or "") if match else (name, "")


def _chart(
    document: Document,
    title: str,
    metrics: Sequence[str],
    columns: dict[str, list[float | None]],
    times: Sequence[float],
    moments: Sequence[Moment],
    span: float,
) -> str:
    present = [metric for metric in metrics if any(_parts(name)[0] == metric for name in columns)]
    lines = [line for metric in present for line in _lines(metric, columns, alone=len(present) == 1)]
    lines = [line._replace(style=line.style or _OTHERS[place % len(_OTHERS)]) for place, line in enumerate(lines)]
    if not any(value is not None for line in lines for value in line.values):
        return ""
    aim = _aim(document, metrics)
    return line_chart(title, unit_of(present[0]), times, lines, moments, span, **aim)


def _lines(metric: str, columns: dict[str, list[float | None]], *, alone: bool) -> list[Line]:
    """A line for each tag value, or one of all where nothing is told apart."""
    head = "" if alone else title_of(metric)
    parts = [
        (value, columns[name]) for name in columns for whose, value in (_parts(name),) if whose == metric and value
    ]
    if not parts:
        return [Line(head, columns[metric], "")]
    return [
        Line(" ".join(filter(None, (head, _spoken(value)))), values, "" if head else _STYLES.get(value, ""))
        for value, values in parts
    ]


def _spoken(value: str) -> str:
    return value.upper() if value in ("p2p", "sfu", "stun", "rtcp") else value


def _aim(document: Document, metrics: Sequence[str]) -> dict[str, Any]:
    """The target of a row that judges the mean of one of these; percentiles and shares are another scale."""
    for kpi in document["kpis"]:
        metric = (kpi["metric"] or "").partition("{")[0]
        same_unit = metric in METRICS and METRICS[metric].unit == kpi["unit"]
        if metric in metrics and same_unit and kpi["aggregate"] == "mean" and kpi["target"] is not None:
            whose = _spoken((kpi["metric"] or "").partition("=")[2].rstrip("}"))
            return {"target": kpi["target"], "goal": " ".join(filter(None, (whose, "target", target(kpi))))}
    return {}
