"""The report at a terminal."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reports.cadence.audiences import AUDIENCES
from reports.cadence.model import Cadence, Change, Mark, Row
from reports.cadence.sparkline import sparkline
from reports.cadence.words import (
    ARROWS,
    GROUP_COLUMNS,
    SECTIONS,
    SYMBOLS,
    VERDICTS,
    at_horizon,
    change,
    changes,
    group_figures,
    headline,
    horizons,
    interval,
    measured,
    measured_notes,
    not_measured,
    quality_figures,
    quality_mark,
    runs,
    span,
    target,
    told_runs,
    with_figure,
    without_figure,
)
from reports.terminal_style import new_table, plain, show
from reports.words import UNKNOWN

_STYLES = {Mark.ON: "green", Mark.NEAR: "yellow", Mark.BELOW: "red", Mark.UNKNOWN: "dim"}
_CHANGE_STYLES = {Change.BETTER: "green", Change.WORSE: "red", Change.SAME: "dim", Change.UNKNOWN: "dim"}
_SEVERITY_STYLES = {"critical": "bold red", "warning": "yellow"}


_NARROW = 110
"""Columns of a terminal: fewer and the widest tables take another form."""


class _Fitting:
    """What `build(narrow)` makes, once it is known how wide it may be."""

    def __init__(self, build: Callable[[bool], RenderableType]) -> None:
        self._build = build

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._build(options.max_width < _NARROW - 2)  # a section is set in by two


def print_cadence(report: Cadence, console: Console) -> None:
    """Print the report, fitted to the console's width."""
    mark, sentence = headline(report)
    console.print(Text(f"{plain(report.platform)}: {plain(report.title)}", style="bold"))
    console.print(Text(f"{span(report)} · {report.profile} at {report.horizon}", style="dim"))
    console.print(Text(f"{SYMBOLS[mark]} {plain(sentence)}", style=f"bold {_STYLES[mark]}"))
    console.print(Text(told_runs(report.counts), style="dim"))
    for name in AUDIENCES[report.audience].sections:
        body = _PARTS[name](report)
        if body is not None:
            title = [Text(SECTIONS[name], style="bold")] if SECTIONS[name] else []
            for line in (Text(""), *title, Padding(body, (0, 0, 0, 2))):
                console.print(line)


def _mark(mark: Mark) -> Text:
    return Text(SYMBOLS[mark], style=_STYLES[mark])


def _cards(report: Cadence) -> Table | None:
    table = new_table(header=False)
    for row in with_figure(report):
        value = Text(show(row.value, row.unit), style=f"bold {_STYLES[row.mark]}")
        trend = Text(sparkline(row.trend), style="cyan")
        table.add_row(_mark(row.mark), Text(plain(row.title)), value, target(row), trend)
    return table if table.row_count else None


def _promises(report: Cadence) -> RenderableType | None:
    return _Fitting(lambda narrow: _table_of_promises(report, narrow=narrow)) if with_figure(report) else None


def _table_of_promises(report: Cadence, *, narrow: bool) -> Table:
    """Where it is narrow, changes stand under the row and trends nowhere."""
    table = new_table()
    table.add_column("")
    table.add_column("KPI", ratio=1)
    for title in ("value", "target"):
        table.add_column(title, justify="right", no_wrap=True)
    for title in ("verdict",) if narrow else ("verdict", "change", "trend"):
        table.add_column(title, no_wrap=title != "change")
    for row in with_figure(report):
        value = Text(show(row.value, row.unit), style=_STYLES[row.mark])
        name = _with_evidence(row, report, with_change=narrow)
        more = () if narrow else (_change(row), Text(sparkline(row.trend), style="cyan"))
        table.add_row(_mark(row.mark), name, value, target(row), VERDICTS[row.status], *more)
    return table


def _with_evidence(row: Row, report: Cadence, *, with_change: bool) -> Text:
    name = Text(plain(row.title))
    if AUDIENCES[report.audience].evidence:
        sure = f"{interval(row)} · " if interval(row) else ""
        name.append(f"\n{sure}{plain(row.evidence)}", style="dim")
    if with_change and row.change in (Change.BETTER, Change.WORSE):
        name.append("\n").append_text(_change(row))
    return name


def _change(row: Row) -> Text:
    return Text(change(row), style=_CHANGE_STYLES[row.change])


def _unjudged(report: Cadence) -> Table | None:
    table = new_table(header=False)
    for row in report.unjudged:
        table.add_row(Text(plain(row.title)), show(row.value, row.unit), _change(row), sparkline(row.trend))
    return table if report.unjudged else None


def _unmeasured(report: Cadence) -> Table | None:
    table = new_table(header=False)
    for reason, titles in without_figure(report):
        table.add_row(Text(plain("; ".join(titles))), Text(plain(reason), style="dim"))
    return table if table.row_count else None


def _changes(report: Cadence) -> Text | None:
    lines = [Text(f"{ARROWS[kind]} {plain(words)}", style=_CHANGE_STYLES[kind]) for kind, words in changes(report)]
    return Text("\n").join(lines) if lines else None


def _alerts(report: Cadence) -> Text | None:
    lines = [
        Text.assemble(
            (f"{one.severity:<12}", _SEVERITY_STYLES.get(one.severity, "")),
            f"{plain(one.title)}: {show(one.value, one.unit)}",
            (f"  ({plain(one.condition)})", "dim"),
        )
        for one in report.alerts
    ]
    return Text("\n").join(lines) if lines else None


def _groups(report: Cadence) -> RenderableType | None:
    if not report.groups:
        return None
    return _Fitting(lambda narrow: _told_groups(report) if narrow else _table_of_groups(report))


def _table_of_groups(report: Cadence) -> Table:
    table = new_table()
    for title in ("scenario", "network"):
        table.add_column(title)
    for title in ("runs", "missed", *(heading for _, heading, _ in GROUP_COLUMNS)):
        table.add_column(title, justify="right", no_wrap=True)
    for group in report.groups:
        counts = (str(group.runs), str(group.missed))
        table.add_row(Text(plain(group.scenario)), Text(plain(group.network or "–")), *counts, *group_figures(group))
    return table


def _told_groups(report: Cadence) -> Text:
    """A paragraph each: the table's columns would hide each other."""
    lines = []
    for group in report.groups:
        where = plain(f"{group.scenario}, {group.network}" if group.network else group.scenario)
        figures = zip((heading for _, heading, _ in GROUP_COLUMNS), group_figures(group), strict=True)
        told = ", ".join(f"{heading} {figure}" for heading, figure in figures if figure != UNKNOWN)
        lines.append(Text.assemble((where, "bold"), f": {runs(group.runs)}, {group.missed} missed; {told}"))
    return Text("\n").join(lines)


def _failures(report: Cadence) -> Table | None:
    table = new_table()
    for title in ("times", "runs"):
        table.add_column(title, justify="right")
    table.add_column("phase", no_wrap=True)
    table.add_column("what was said", ratio=1)
    for one in report.failures:
        table.add_row(str(one.count), str(one.runs), Text(plain(one.phase)), Text(plain(one.message)))
    return table if report.failures else None


def _runs(report: Cadence) -> Text:
    before = f"before: {told_runs(report.before)}"
    return Text(f"{told_runs(report.counts)}\n{before}\nagainst {plain(', '.join(report.targets)) or 'nothing'}")


def _data(report: Cadence) -> Table | None:
    table = new_table(header=False)
    for one in report.data:
        table.add_row(_mark(quality_mark(one)[0]), one.dimension, *quality_figures(one))
    return table if report.counts.all else None


def _horizons(report: Cadence) -> Table | None:
    names = horizons(report)
    table = new_table()
    table.add_column("KPI", ratio=1)
    for title in ("measured", *names):
        table.add_column(title, justify="right", no_wrap=True)
    for row in (*report.rows, *report.unjudged):
        cells = []
        for name in names:
            mark, words = at_horizon(row, name)
            cells.append(Text(words, style=_STYLES[mark]))
        table.add_row(Text(plain(row.title)), measured(row), *cells)
    return table if report.rows or report.unjudged else None


def _milestones(report: Cadence) -> Text | None:
    lines = [f"{plain(name)}: {plain(words)}" for name, words in report.milestones.items()]
    return Text("\n".join(lines)) if lines else None


def _external(report: Cadence) -> Text | None:
    return Text(plain(", ".join(not_measured(report))), style="dim") if not_measured(report) else None


def _notes(report: Cadence) -> Text:
    return Text("\n".join(plain(note) for note in measured_notes(report)), style="dim")


_PARTS: dict[str, Callable[[Cadence], RenderableType | None]] = {
    "alerts": _alerts,
    "promises": _promises,
    "changes": _changes,
    "groups": _groups,
    "failures": _failures,
    "runs": _runs,
    "data": _data,
    "unjudged": _unjudged,
    "unmeasured": _unmeasured,
    "cards": _cards,
    "horizons": _horizons,
    "milestones": _milestones,
    "external": _external,
    "notes": _notes,
}
