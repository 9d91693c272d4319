"""Marks, colours and small shapes of the terminal report."""

from __future__ import annotations

from rich.table import Table

from reports.targets.quantity import show_quantity

MARKS = {"pass": "✓", "fail": "✗", "inconclusive": "?", "not_judged": "–"}
STYLES = {"pass": "green", "fail": "red", "inconclusive": "yellow", "not_judged": "dim"}
SIGNS = {">=": "≥", "<=": "≤", ">": ">", "<": "<"}
UNKNOWN = "–"
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def plain(text: object) -> str:
    """`text` without control characters: what servers and files say must not steer the terminal."""
    return "".join(char if char.isprintable() else " " for char in str(text))


def show(value: float | None, unit: str) -> str:
    """A quantity, or the dash of what is not known."""
    return UNKNOWN if value is None else show_quantity(value, unit)


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
