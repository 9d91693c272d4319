"""How the platform's signalling and HTTP interface answered, call by call."""

from __future__ import annotations

from reports.calls import HEADER, TITLE, CallRow, call_rows, errors_of, times_of
from reports.document import Document
from reports.html_base import Cell, number_cell, section, table, tag, text

_NOTE = (
    "The calls by which participants joined, stayed and left, and the scenario's own checks: from the request to the whole answer. A call "
    "that had no answer has no time; it is an error."
)


def calls(document: Document) -> str:
    """The section; empty where nothing was called."""
    shown = table(HEADER, map(_row, call_rows(document)), sorts=True)
    return section(TITLE, shown, note=_NOTE, id_="calls")


def _row(row: CallRow) -> list[Cell]:
    times = (number_cell(shown, value) for shown, value in zip(times_of(row), row.times, strict=True))
    return [
        Cell(text(row.title) if row.call else tag("b", text(row.title)), row.call, kind="title"),
        number_cell(str(row.count), row.count),
        *times,
        number_cell(str(row.limited), row.limited),
        Cell(text(errors_of(row)), float(row.failed)),
    ]
