"""What real browsers among the participants saw, beside what we saw."""

from __future__ import annotations

from typing import Any

from reports.beside import APART, TITLE, figures_of, name_of, readings_of
from reports.document import Document
from reports.html_base import Cell, number_cell, section, table, text

_NOTE = (
    "Means of what Chromium measured by itself in the same meetings, and of what our participants measured. Nothing here is judged, and no "
    "difference is marked: a few browsers don't tell how much browsers differ among each other. An emulated network lies before our "
    "participants only."
)
_HEADER = ("", "browser", "ours", "difference", "readings", "what sets them apart")


def browsers(document: Document) -> str:
    """The section; empty where no browser took part."""
    rows = [_row(row) for row in document.get("browsers") or ()]
    return section(TITLE, table(_HEADER, rows), note=_NOTE, id_="browsers")


def _row(row: dict[str, Any]) -> list[Cell]:
    keys = ("browser", "ours", "difference")
    figures = (number_cell(shown, row[key]) for key, shown in zip(keys, figures_of(row), strict=True))
    counts = Cell(text(readings_of(row)), kind="number")
    return [Cell(text(name_of(row)), kind="title"), *figures, counts, Cell(text(APART.get(row["metric"], "")))]
