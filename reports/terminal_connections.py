"""Which ways the connections took, in the terminal report."""

from __future__ import annotations

from rich.table import Table

from reports.connections import HEADER, pair_rows
from reports.document import Document
from reports.terminal_style import new_table, plain, show


def connections(document: Document) -> Table | None:
    """None where nothing was connected."""
    rows = pair_rows(document)
    if not rows:
        return None
    table = new_table()
    for position, name in enumerate(HEADER):
        table.add_column(name, justify="right" if position else "left", no_wrap=True)
    for row in rows:
        table.add_row(plain(row.pair), str(row.count), show(row.mean, "seconds"), show(row.high, "seconds"))
    return table
