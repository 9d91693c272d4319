"""`probe history`: tables of stored runs, one run in full, a figure over time, and forgetting."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from probe.cli_keep import instant, span, take_in
from probe.model.errors import ConfigError
from reports.cadence.sparkline import sparkline
from reports.cadence.trend import Point, Trend, points, told_of
from reports.html import render_html
from reports.jsonout import prepare_folder, to_json
from reports.store.entry import StoredRun
from reports.store.history import History, Wanted, open_history
from reports.store.location import history_url
from reports.store.quality import Finding, overall, sign_of, unit_of
from reports.terminal import print_report
from reports.terminal_style import MARKS, STYLES, new_table, plain, show
from reports.writing import write_all

_OUTCOMES = {0: ("pass", "ok"), 1: ("fail", "bug"), 3: ("fail", "missed")}


@dataclass(frozen=True, slots=True)
class Choice:
    """Which history, and which runs of it."""

    history: str | None = None
    since: str | None = None
    scenario: str = ""
    target: str = ""
    network: str | None = None
    limit: int = 20

    def wanted(self, now: datetime) -> Wanted:
        since = moment(self.since, now, "--since") if self.since else None
        return Wanted(
            since=since, scenario=self.scenario, target=self.target, network=self.network, limit=self.limit
        )  # fmt: skip


def moment(told: str, now: datetime, who: str) -> datetime:
    """A span before now ("7d"), or a time. Raises ConfigError naming `who` said so."""
    try:
        return now - span(told, who)
    except ConfigError:
        pass
    try:
        return instant(told, who)
    except ConfigError as error:
        raise ConfigError(error.message, who=who, hint="write 7d, 2026-11-15 or 2026-11-15T02:00:00Z") from error


@contextmanager
def opened(told: str | None) -> Iterator[History]:
    """The history that is meant, with what killed runs left behind. Raises ConfigError when that is none."""
    url = history_url(told, os.environ)
    if url is None:
        raise ConfigError("there is no history", who="--history none", hint="give a file or a URL")
    with open_history(url) as history:
        take_in(history)
        yield history


def list_runs(choice: Choice, as_json: bool) -> None:
    """Newest first, and how good the data is over all of them."""
    with opened(choice.history) as history:
        runs = history.runs(choice.wanted(datetime.now(UTC)))
        found = history.findings([run.id for run in runs])
        name, nothing = history.name, _no_runs(history)
    if as_json:
        sys.stdout.write(json_text({"history": name, "runs": [run.to_dict() for run in runs]}))
        return
    console = Console()
    if not runs:
        console.print(nothing, soft_wrap=True)
        return
    console.print(_table(runs))
    console.print(_overall([finding for some in found.values() for finding in some]), soft_wrap=True)


def _no_runs(history: History) -> Text:
    return Text(f"no such runs in {plain(history.name)}", style="dim")


def _table(runs: list[StoredRun]) -> Table:
    table = new_table()
    for title in ("", "run", "began (UTC)"):
        table.add_column(title, no_wrap=True)
    table.add_column("scenario")
    table.add_column("network")
    table.add_column("target", ratio=1)
    table.add_column("took", justify="right", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    for run in runs:
        status, words = _outcome(run)
        began, took = f"{run.started_at:%Y-%m-%d %H:%M}", f"{run.duration_seconds:.0f} s"
        mark = Text(MARKS[status], style=STYLES[status])
        where = (plain(run.scenario), plain(run.network or "–"), plain(run.target))
        table.add_row(mark, run.id, began, *map(Text, where), took, words)
    return table


def _outcome(run: StoredRun) -> tuple[str, str]:
    if run.interrupted:
        return "inconclusive", "interrupted"
    if not run.measured:
        return "fail", "nobody got in"
    if not run.trustworthy:
        return "inconclusive", "not trustworthy"
    return _OUTCOMES.get(run.exit_code, ("inconclusive", "undecided"))


def _overall(findings: list[Finding]) -> Text:
    text = Text("\ndata quality: ", style="dim")
    for number, one in enumerate(overall(findings)):
        status = "pass" if one.ok else "fail"
        text.append(f"{', ' if number else ''}{one.dimension} ", style="dim")
        text.append(f"{show(one.value, unit_of(one.dimension))} {MARKS[status]}", style=STYLES[status])
    return text


def show_run(told: str | None, name: str, as_json: bool, html: Path | None, out: Path | None) -> None:
    """The report as it was then, by the renderers as they are now."""
    with opened(told) as history:
        run = history.run(name)
        document = history.document(run.id)
        findings = history.findings([run.id])[run.id]
    if html is not None:
        _write(html, render_html(document))
    if out is not None:
        prepare_folder(out)
        write_all(document, out)
    if as_json:
        sys.stdout.write(to_json(document))
        return
    console = Console()
    print_report(document, console)
    words = ", ".join(f"{key}={value}" for key, value in run.labels.items())
    stored = f"\nstored {run.stored_at:%Y-%m-%d %H:%M} UTC{f' · {plain(words)}' if words else ''}"
    console.print(Text.assemble(("\nData quality", "bold"), (stored, "dim")))
    for finding in findings:
        console.print(_finding(finding), soft_wrap=True)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"can't write there: {error.strerror}", who=str(path)) from error


def _finding(finding: Finding) -> Text:
    status = "pass" if finding.ok else "fail"
    unit, sign = unit_of(finding.dimension), sign_of(finding.dimension)
    text = Text.assemble((f"  {MARKS[status]} ", STYLES[status]), f"{finding.dimension:<13}")
    text.append(f"{show(finding.value, unit):>8}  {sign} {show(finding.limit, unit)}", style="dim")
    return text.append(f"  {plain(finding.message)}" if finding.message else "")


def trend(choice: Choice, name: str, as_json: bool) -> None:
    """One line per run, oldest first, and all of them as a sparkline."""
    with opened(choice.history) as history:
        runs = list(reversed(history.runs(choice.wanted(datetime.now(UTC)))))
        nothing = _no_runs(history)
        found = points(name, runs, history) if runs else Trend(name, "", [])
    if as_json:
        sys.stdout.write(
            json_text({"name": name, "unit": found.unit, "points": [point.to_dict() for point in found.points]})
        )
        return
    console, known = Console(), [point.value for point in found.points if point.value is not None]
    if not runs:
        console.print(nothing, soft_wrap=True)
        return
    if not known:
        console.print(Text(f"no stored run has {name}", style="dim"))
        return
    console.print(
        Text.assemble((plain(found.title), "bold"), "  ", (sparkline([p.value for p in found.points]), "cyan"))
    )
    console.print(Text(told_of(known, found.unit), style="dim"))
    console.print(_points(found.points, found.unit))


def _points(found: list[Point], unit: str) -> Table:
    table = new_table()
    for title in ("began (UTC)", "run", "scenario", "network"):
        table.add_column(title, no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("of", justify="right")
    for point in found:
        run = point.run
        where = (Text(plain(run.scenario)), Text(plain(run.network or "–")))
        table.add_row(f"{run.started_at:%Y-%m-%d %H:%M}", run.id, *where, show(point.value, unit), str(point.count))
    return table


def prune(told: str | None, keep: str, yes: bool) -> None:
    """Forget what is older, after asking. Raises ConfigError for a time that isn't one."""
    before = moment(keep, datetime.now(UTC), "--keep")
    with opened(told) as history:
        count = history.count_before(before)
        runs = f"{count} run{'' if count == 1 else 's'} from before {before:%Y-%m-%d %H:%M} UTC"
        if count and not yes and not _sure(runs):
            typer.echo("nothing is forgotten")
            return
        forgotten = history.prune(before) if count else 0
    typer.echo(f"forgot {forgotten} of {runs}" if count else f"nothing to forget: {runs}")


def _sure(runs: str) -> bool:
    """Raises ConfigError where nobody answers."""
    try:
        return typer.confirm(f"Forget {runs} for good?")
    except typer.Abort as error:
        raise ConfigError("nobody answers", who="history prune", hint="--yes forgets without asking") from error


def json_text(value: object) -> str:
    """One readable JSON document, ending with a newline."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
