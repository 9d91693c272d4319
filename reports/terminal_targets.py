"""The scorecard of the terminal report."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports.document import Document
from reports.terminal_style import MARKS, STYLES, new_table, plain, show
from reports.words import interval, target

_WIDE = 112
"""From here on the evidence has a column of its own; below it stands under the row."""
_MOST_EXTERNAL = 6


def scorecard(document: Document, width: int) -> RenderableType | None:
    """The judged rows, fitted to `width`; None when there are none. A reason that all share is told once, below."""
    judged = [kpi for kpi in document["kpis"] if kpi["status"] != "not_judged"]
    if not judged:
        return None
    reasons = {plain(kpi["evidence"]) for kpi in judged}
    if len(reasons) > 1 or len(judged) == 1:
        return _rows(judged, width >= _WIDE, evidence=True)
    return Group(_rows(judged, wide=False, evidence=False), Text(f"   all rows: {reasons.pop()}", style="yellow"))


def _rows(judged: list[dict[str, Any]], wide: bool, evidence: bool) -> Table:
    """Evidence goes into a column of its own when `wide`, else below the row's title."""
    table = new_table()
    table.add_column("", width=1, no_wrap=True)
    table.add_column("", ratio=1 if evidence and not wide else None, overflow="fold")
    for name in ("value", "target", "90 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    if wide:
        table.add_column("evidence", ratio=1)
    for kpi in judged:
        _add(table, kpi, wide, plain(kpi["evidence"]) if evidence else "")
    return table


def _add(table: Table, kpi: dict[str, Any], wide: bool, evidence: str) -> None:
    status = kpi["status"]
    mark, style = Text(MARKS[status], style=STYLES[status]), STYLES[status]
    title = Text(plain(kpi["title"]))
    if evidence and not wide:
        title.append(f"\n{evidence}", style="dim")
    value = Text(show(kpi["value"], kpi["unit"]), style=style)
    cells: list[RenderableType] = [mark, title, value, target(kpi), interval(kpi)]
    table.add_row(*cells, *([Text(evidence, style="dim")] if wide else []))


def unjudged(document: Document) -> Table | None:
    """Rows that the run does not judge, with their reasons, dimmed; what no probe measures in one line below."""
    rows = [kpi for kpi in document["kpis"] if kpi["status"] == "not_judged"]
    if not rows and not document["external"]:
        return None
    table = new_table(header=False)
    table.add_column(width=1, no_wrap=True)
    table.add_column(overflow="fold")
    for kpi in rows:
        value = f" (here {show(kpi['value'], kpi['unit'])})" if kpi["value"] is not None else ""
        title, reason = plain(kpi["title"]), plain(kpi["evidence"])
        table.add_row(Text(MARKS["not_judged"], style="dim"), Text(f"{title}{value}: {reason}", style="dim"))
    if document["external"]:
        names, hidden = document["external"][:_MOST_EXTERNAL], len(document["external"]) - _MOST_EXTERNAL
        more = f" and {hidden} more" if hidden > 0 else ""
        listed = ", ".join(plain(name) for name in names)
        table.add_row("", Text(f"not measured by this probe: {listed}{more}", style="dim"))
    return table
