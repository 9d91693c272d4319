"""Marks, colours and small shapes of the terminal report."""

from __future__ import annotations

from rich.table import Table

from reports.words import MARKS, SIGNS, UNKNOWN, plain, show

STYLES = {"pass": "green", "fail": "red", "inconclusive": "yellow", "not_judged": "dim"}
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def bar(share: float, width: int) -> str:
    """A horizontal bar of `share` (0-1) of `width` cells, in eighths of a cell."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    full, rest = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")


def new_table(*, header: bool = True) -> Table:
    """A table without frames: two spaces between columns, indented under its section."""
    return Table(
        box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=header, header_style="dim", show_edge=False
    )


__all__ = ["MARKS", "SIGNS", "STYLES", "UNKNOWN", "bar", "new_table", "plain", "show"]
