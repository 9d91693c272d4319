"""The profile's alerts: what somebody must hear of now."""

from __future__ import annotations

from typing import Any

from reports.document import Document
from reports.html_base import Cell, number_cell, section, table, tag, text
from reports.words import show

_MARKS = {"firing": ("fail", "✗ firing"), "suspected": ("inconclusive", "? suspected")}
_NOTE = "An alert fires when its condition holds beyond doubt, and is suspected when it holds for too few readings to be sure."


def alerts(document: Document) -> str:
    """Those that fire or might; the others in a line. Empty where the document has none."""
    found: list[dict[str, Any]] = document.get("alerts") or []
    rows = [_row(alert) for state in _MARKS for alert in found if alert["state"] == state]
    told = [_others(found, state, words) for state, words in (("quiet", "Quiet"), ("unknown", "Not known here"))]
    return section("Alerts", table(("", "alert", "condition", "was", "why"), rows), *told, note=_NOTE, id_="alerts")


def _row(alert: dict[str, Any]) -> list[Cell]:
    style, words = _MARKS[alert["state"]]
    title = tag("b", text(alert["title"])) + tag("small", text(alert["severity"]))
    return [
        Cell(tag("span", text(words), class_=f"badge {style}"), kind="status"),
        Cell(title, kind="title"),
        Cell(text(alert["condition"])),
        number_cell(show(alert["value"], alert["unit"]), alert["value"]),
        Cell(text(alert["reason"])),
    ]


def _others(found: list[dict[str, Any]], state: str, words: str) -> str:
    titles = [str(alert["title"]) for alert in found if alert["state"] == state]
    return tag("p", text(f"{words}: {', '.join(titles)}."), class_="note") if titles else ""
