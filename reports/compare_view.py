"""A comparison for people at a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.compare_join_view import waterfalls
from reports.targets.quantity import show_quantity
from reports.terminal_style import new_table, plain
from reports.words import signed

_STYLES = {"worse": ("✗", "red"), "better": ("✓", "green"), "same": ("–", "dim")}

_WIDE = 110
"""Columns from which on the interval has one of its own; below, it stands under the change, and names stay whole."""


def print_comparison(comparison: dict[str, Any], console: Console) -> None:
    """The verdict, what changed, where joins spent their time, and what to know about it."""
    console.print(headline(comparison))
    changed = [one for one in comparison["changes"] if one["verdict"] != "same"]
    if changed:
        console.print()
        console.print(_table(changed, narrow=console.width < _WIDE))
    joins = waterfalls(comparison["join"], console.width)
    if joins is not None:
        console.print()
        console.print(joins)
        console.print()
    same = comparison["verdict"]["same"]
    lines = [f"{same} figures did not change beyond noise"] if same else []
    lines += _not_compared(comparison["not_compared"])
    for line in [*lines, *comparison["notes"]]:
        console.print(Text(plain(line), style="dim"), soft_wrap=True)


def _not_compared(reasons: dict[str, str]) -> list[str]:
    """A line per reason."""
    names: dict[str, list[str]] = {}
    for name, why in reasons.items():
        names.setdefault(why, []).append(name)
    return [f"not compared: {', '.join(some)} ({why})" for why, some in names.items()]


def headline(comparison: dict[str, Any]) -> Text:
    """One sentence, and of what."""
    verdict = comparison["verdict"]
    if verdict["exit_code"] == 4:
        text = Text("? Nothing could be compared", style="bold yellow")
    elif verdict["worse"]:
        better = f", {verdict['better']} better" if verdict["better"] else ""
        text = Text(f"✗ {_figures(verdict['worse'])} got worse{better}", style="bold red")
    elif verdict["better"]:
        text = Text(f"✓ Nothing got worse, {_figures(verdict['better'])} better", style="bold green")
    else:
        text = Text("✓ Nothing changed beyond noise", style="bold green")
    sides = f"A: {_runs(comparison['before'])} · B: {_runs(comparison['after'])}"
    return text.append(f"\n{plain(sides)}", style="dim")


def _figures(count: int) -> str:
    return f"{count} figure{'' if count == 1 else 's'}"


def _runs(runs: list[dict[str, Any]]) -> str:
    if not runs:
        return "no run"
    first = f"{runs[0]['scenario']} of {runs[0]['started_at']}"
    return f"run {runs[0]['id']}, {first}" if len(runs) == 1 else f"{len(runs)} runs, the first {first}"


def _table(changed: list[dict[str, Any]], *, narrow: bool) -> Table:
    table = new_table()
    table.add_column("", width=1, no_wrap=True)
    table.add_column("figure", ratio=1, overflow="fold")
    for name in ("A", "B", *(("change, 95 % interval",) if narrow else ("change", "95 % interval"))):
        table.add_column(name, justify="right", no_wrap=True)
    for one in changed:
        mark, style = _STYLES[one["verdict"]]
        tag = f"{{{one['tag']}}}" if one["tag"] else ""
        name = f"{one['figure']} of {one['metric']}{tag}"
        low, high = one["interval"]
        shown = [show_quantity(one[key], one["unit"]) for key in ("before", "after")]
        interval = f"{signed(low, one['unit'])} … {signed(high, one['unit'])}"
        change = Text(_change(one), style=style)
        told = (Text.assemble(change, "\n", interval),) if narrow else (change, Text(interval))
        table.add_row(Text(mark, style=style), plain(name), *shown, *told)
    return table


def _change(one: dict[str, Any]) -> str:
    relative = one["relative"]
    share = f" ({relative:+.0%})" if relative is not None and abs(relative) < 100 else ""
    return signed(one["difference"], one["unit"]) + share
