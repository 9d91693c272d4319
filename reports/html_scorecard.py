"""The targets one by one: met or missed, by how much, and how sure that is; at all horizons of the profile."""

from __future__ import annotations

from typing import Any

from reports.document import Document
from reports.html_base import Cell, badge, number_cell, section, table, tag, text
from reports.html_range import range_bar
from reports.words import MARKS, UNKNOWN, show, target

_ORDER = ("fail", "inconclusive", "pass")
"""What needs somebody comes first."""
_MOST_HORIZONS = 4
_NOTE = (
    "The dot is what was measured, the bar where the true value lies with 90 % confidence, the green side what the target asks for. "
    "Met or missed it is when the whole bar is on one side, else it is not proven yet: more attempts would tell."
)


def scorecard(document: Document) -> str:
    """The judged rows, then what this run does not judge, folded away."""
    judged = [kpi for status in _ORDER for kpi in document["kpis"] if kpi["status"] == status]
    horizons = _horizons(document, judged)
    header = ("", "target for", "measured", "against the target", "count", *(name for name, _ in horizons))
    reasons = {kpi["evidence"] for kpi in judged}
    common = reasons.pop() if len(reasons) == 1 and len(judged) > 1 else ""  # a reason that all share is told once
    rows = [_row(kpi, horizons, "" if common else kpi["evidence"]) for kpi in judged]
    shown = (tag("p", text(f"All of them: {common}."), class_="note") if common else "") + table(header, rows)
    return section("Targets", shown, _unjudged(document), note=_NOTE if rows else "", id_="targets")


def _horizons(document: Document, judged: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Title and key of a column each: the horizon that was judged, and the first others at which something is promised."""
    mine = document["run"]["horizon"] or ""
    promised = (horizons.items() for horizons in (kpi.get("horizons", {}) for kpi in judged))
    names = list(dict.fromkeys(name for row in promised for name, one in row if one["target"] is not None))
    others = [name for name in names if name != mine][: _MOST_HORIZONS - 1]
    shown = [name for name in names if name == mine or name in others] or [mine]
    return [(f"judged: {name}" if name == mine else name, name) for name in shown]


def _row(kpi: dict[str, Any], horizons: list[tuple[str, str]], evidence: str) -> list[Cell]:
    title = tag("b", text(kpi["title"])) + (tag("small", text(evidence)) if evidence else "")
    if kpi["benchmark"]:
        title += tag("small", text(f"to compare: {kpi['benchmark']}"), class_="benchmark")
    return [
        Cell(badge(kpi["status"]), kind="status"),
        Cell(title, kind="title"),
        Cell(text(show(kpi["value"], kpi["unit"])), kind=f"number value {kpi['status']}"),
        Cell(range_bar(kpi) or UNKNOWN, kind="wide"),
        number_cell(f"{kpi['count']}", kpi["count"]),
        *(_horizon_cell(kpi, name) for _, name in horizons),
    ]


def _horizon_cell(kpi: dict[str, Any], name: str) -> Cell:
    """The target there, with the mark of its verdict; the horizon that counts stands out."""
    mine = name == kpi["horizon"]
    other = kpi.get("horizons", {}).get(name)
    aim, status = (kpi["target"], kpi["status"]) if mine or other is None else (other["target"], other["status"])
    kind = "number aim mine" if mine else "number aim"
    if aim is None or (not mine and other is None):
        return Cell(UNKNOWN, kind=kind)
    mark = tag("span", text(MARKS[status]), class_=f"dot {status}")
    return Cell(f"{mark} {text(target({**kpi, 'target': aim}))}", kind=kind)


def _unjudged(document: Document) -> str:
    """Rows without a verdict with the reason, and what no probe can measure."""
    rows = [
        [
            Cell(tag("b", text(kpi["title"])), kind="title"),
            number_cell(show(kpi["value"], kpi["unit"]), kpi["value"]),
            Cell(text(target(kpi)), kind="number"),
            Cell(text(kpi["evidence"])),
        ]
        for kpi in document["kpis"]
        if kpi["status"] == "not_judged"
    ]
    parts = [table(("target for", "here", "target", "why it is not judged"), rows)] if rows else []
    if document["external"]:
        listed = ", ".join(str(name) for name in document["external"])
        parts.append(tag("p", text(f"No probe can measure: {listed}."), class_="note"))
    if not parts:
        return ""
    title = f"{len(rows)} more that this run does not judge" if rows else "What no probe can measure"
    return tag("details", tag("summary", text(title)), *parts)
