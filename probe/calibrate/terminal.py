"""The calibration for people: of each reading the row that came nearest to its tolerance, and all that are out."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from probe.calibrate.calibration import Calibration
from probe.calibrate.rows import Row
from reports.terminal_style import new_table, plain

_NUMBERS = re.compile(r"(, of \d+| of a \d+ ms blackout)")
_VERDICTS = {
    "pass": ("✓ every reading is within its tolerance", "bold green"),
    "fail": ("✗ readings are out of their tolerance", "bold red"),
    "inconclusive": ("? nothing can be said", "bold yellow"),
    "bug": ("✗ a bug in meetprobe", "bold red"),
}


def print_calibration(found: Calibration, console: Console, *, every: bool = False) -> None:
    """`every`: all rows, not the worst of each reading alone."""
    groups = worst_rows(found.rows)
    shown = [(row, 1) for row in found.rows] if every else groups
    table = new_table()
    for name in ("", "reading", "rows", "worst in", "truth", "read", "error", "tolerance"):
        table.add_column(name, justify="right" if name in ("rows", "truth", "read", "error", "tolerance") else "left")
    for row, count in shown:
        figures = (row.truth, row.measured, row.error, row.tolerance)
        cells = (plain(row.reading if every else reading_of(row)), str(count), plain(row.profile))
        mark = Text("✓", "green") if row.ok else Text("✗", "red")
        table.add_row(mark, *cells, *(show(figure, row.unit) for figure in figures), style="" if row.ok else "red")
    console.print(table)
    out = [row for row in found.rows if not row.ok]
    text, style = _VERDICTS[found.verdict]
    console.print(Text(f"\n{text}: {len(found.rows) - len(out)} of {len(found.rows)} rows are right", style))
    for reason in (*found.health.get("reasons", ()), *found.errors, *found.bugs):
        console.print(Text(f"  {plain(reason)}", "yellow"))


def reading_of(row: Row) -> str:
    """The reading without what differs from call to call."""
    return _NUMBERS.sub(lambda match: "" if match[0].startswith(",") else " of a blackout", row.reading)


def worst_rows(rows: Iterable[Row]) -> list[tuple[Row, int]]:
    """Of each reading the row whose error takes up most of its tolerance, and how many rows it stands for."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(reading_of(row), []).append(row)
    return [(max(group, key=_strain), len(group)) for group in groups.values()]


def _strain(row: Row) -> tuple[bool, float, float]:
    """Of rows that are equally right, the one in which there was most to read."""
    return not row.ok, round(abs(row.error) / row.tolerance, 3) if row.tolerance else abs(row.error), abs(row.truth)


def show(value: float, unit: str) -> str:
    """A figure of a row; times in milliseconds, bitrates in kbit/s."""
    if unit == "s":
        return f"{value * 1000:.2f} ms"
    if unit == "bit/s":
        return f"{value / 1000:.2f} kbit/s"
    number = f"{value:.0f}" if float(value).is_integer() else f"{value:.4f}"
    return f"{number} {unit}".rstrip()
