"""Real browsers beside us, in the terminal report."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from reports.beside import figures_of, name_of, readings_of
from reports.document import Document
from reports.terminal_style import new_table, plain

_WIDE = 72
"""From here on there is room for how many readings were taken."""


def browsers(document: Document, width: int) -> Table | None:
    """A row for everything that both have seen; None where no browser took part."""
    rows = document.get("browsers") or []
    if not rows:
        return None
    table = new_table()
    table.add_column("", overflow="fold")
    for name in ("browser", "ours", "difference", *(("readings",) if width >= _WIDE else ())):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        theirs, ours, difference = figures_of(row)
        counts = (Text(readings_of(row), style="dim"),) if width >= _WIDE else ()
        table.add_row(plain(name_of(row)), theirs, ours, difference, *counts)
    return table
