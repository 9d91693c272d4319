"""Where the time of a join goes: phase by phase, each beginning where the one before it ended."""

from __future__ import annotations

from reports.document import Document
from reports.html_base import Cell, number_cell, section, table, tag, text
from reports.readings import PHASES
from reports.words import show

_NOTE = "Mean of all joins, from the wish to join to the first picture of somebody else. A bar begins where the phases before it ended."


def join_waterfall(document: Document) -> str:
    """The section; empty where nobody joined a meeting with somebody in it."""
    metrics = document["metrics"]
    by = metrics.get("join_phase_seconds", {}).get("by", {})
    known = [(words, by[f"phase={name}"]) for name, words in PHASES if f"phase={name}" in by]
    total = sum(figures["mean"] for _, figures in known)
    if total <= 0:
        return ""
    rows, elapsed = [], 0.0
    for words, figures in known:
        bar = _bar(elapsed / total, figures["mean"] / total)
        rows.append(_row(words, bar, figures["mean"], figures["p95"]))
        elapsed += figures["mean"]
    joins = metrics.get("join_duration_seconds")
    if joins:
        rows.append(_row(f"in all ({joins['count']} joins)", _bar(0.0, 1.0, "total"), joins["mean"], joins["p95"]))
    return section("Time to join", table(("phase", "", "mean", "p95"), rows, cards=False), note=_NOTE, id_="join")


def _row(words: str, bar: str, mean: float, high: float) -> list[Cell]:
    return [
        Cell(text(words), kind="title"),
        Cell(bar, kind="wide"),
        number_cell(show(mean, "seconds"), mean),
        number_cell(show(high, "seconds"), high),
    ]


def _bar(begin: float, length: float, style: str = "") -> str:
    place = f"margin-left:{100 * min(begin, 0.995):.2f}%;width:{100 * max(min(length, 1 - begin), 0.005):.2f}%"
    return tag("div", tag("div", class_=f"bar {style}".strip(), style=place), class_="lane")
