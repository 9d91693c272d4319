"""Which ways the connections took, in the page."""

from __future__ import annotations

from reports.connections import HEADER, TITLE, PairRow, pair_rows
from reports.document import Document
from reports.html_base import Cell, number_cell, section, table, text
from reports.words import show

_NOTE = (
    "The types of the candidates that carried each connection, and the time from the exchange of descriptions until ICE and DTLS "
    "were up. relay: through TURN, with the way to our TURN server; srflx, prflx: through a NAT."
)


def connections(document: Document) -> str:
    """The section; empty where nothing was connected."""
    return section(TITLE, table(HEADER, map(_row, pair_rows(document)), sorts=True), note=_NOTE, id_="connections")


def _row(row: PairRow) -> list[Cell]:
    return [
        Cell(text(row.pair), row.pair, kind="title"),
        number_cell(str(row.count), row.count),
        number_cell(show(row.mean, "seconds"), row.mean),
        number_cell(show(row.high, "seconds"), row.high),
    ]
