"""The joins of both sides of a comparison as two waterfalls, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from reports.compare_join import IN_ALL
from reports.readings import PHASES
from reports.terminal_style import UNKNOWN, bar, new_table, show
from reports.words import signed

_SIDES = {"before": "A", "after": "B"}
_NAMES = dict(PHASES) | {IN_ALL: "in all"}
_FIGURES = 52
"""Cells of a line that the words and figures take."""
_NARROWEST, _WIDEST = 8, 36
"""Cells of a side's bars."""
_STYLES = {"worse": "red", "better": "green"}


def waterfalls(join: Sequence[Mapping[str, Any]], width: int) -> Table | None:
    """Both on one scale: a bar begins where the phases before it ended. None where a side has no join."""
    totals = [sum(one[side] or 0.0 for one in join if one["phase"] != IN_ALL) for side in _SIDES]
    if not all(totals):
        return None
    cells = min((width - _FIGURES) // 2, _WIDEST)
    table, elapsed = _table(cells >= _NARROWEST), dict.fromkeys(_SIDES, 0.0)
    for one in join:
        row: list[str | Text] = [_NAMES.get(one["phase"], one["phase"])]
        for side in _SIDES:
            row.append(show(one[side], "seconds"))
            if cells >= _NARROWEST:
                row.append(_bar(one, side, elapsed[side], cells / max(totals)))
            elapsed[side] += one[side] or 0.0
        table.add_row(*row, _change(one))
    return table


def _table(drawn: bool) -> Table:
    table = new_table()
    table.add_column("join, mean")
    for name in _SIDES.values():
        table.add_column(name, justify="right", no_wrap=True)
        if drawn:
            table.add_column("", no_wrap=True)
    table.add_column("change", justify="right", no_wrap=True)
    return table


def _bar(one: Mapping[str, Any], side: str, begin: float, scale: float) -> Text:
    """`scale`: cells of a second. The shortest phase can be seen."""
    value = one[side]
    if one["phase"] == IN_ALL or value is None:
        return Text("")
    return Text(" " * int(begin * scale) + (bar(1.0, round(value * scale)) or "▏"), style="cyan")


def _change(one: Mapping[str, Any]) -> Text:
    """Coloured where it is more than noise."""
    if one["before"] is None or one["after"] is None:
        return Text(UNKNOWN)
    return Text(signed(one["after"] - one["before"], "seconds"), style=_STYLES.get(one["verdict"], "dim"))
