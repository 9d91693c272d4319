"""How the platform's interface answered, in the terminal report."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from reports.calls import call_rows, errors_of, most_telling, times_of
from reports.document import Document
from reports.terminal_style import UNKNOWN, new_table, plain

_MOST = 5


def calls(document: Document) -> Table | None:
    """A row for all calls, and for those that tell most; None where nothing was called."""
    rows, left = most_telling(call_rows(document), _MOST)
    if not rows:
        return None
    table = new_table()
    table.add_column("", overflow="fold")
    for name in ("calls", "mean", "p95"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("errors", overflow="fold")
    for row in rows:
        mean, _, high, _ = times_of(row)
        failed = errors_of(row)
        shown = Text(failed, style="dim" if failed == UNKNOWN else "red")
        table.add_row(plain(row.title), str(row.count), mean, high, shown)
    if left:
        table.add_row(Text(f"and {left} more", style="dim"))
    return table
