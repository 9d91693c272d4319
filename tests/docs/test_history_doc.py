"""docs/history.md is held to the code: dimensions and limits, audiences and periods, options and tables."""

from __future__ import annotations

import re
from typing import Any

import typer

from probe.cli import app
from reports.cadence.audiences import AUDIENCES
from reports.cadence.noise import FEWEST_RUNS
from reports.cadence.period import PERIODS
from reports.store.quality import LIMITS
from reports.store.tables import metadata
from tests.docs.test_docs import ROOT, code, named, tables

PAGE = (ROOT / "docs" / "history.md").read_text(encoding="utf-8")


def test_dimensions_and_limits() -> None:
    rows = named(tables(PAGE, "dimension"))
    shares = {name: f"{100 * limit:g} %" for name, limit in LIMITS.items() if name != "freshness"}
    assert {name: cells[-1].split(" ", 1)[1] for name, cells in rows.items()} == {**shares, "freshness": "5 min"}
    assert LIMITS["freshness"] == 300.0


def test_audiences_and_periods() -> None:
    rows = named(tables(PAGE, "`--audience`"))
    assert {name: (cells[0], code(cells[1])[0]) for name, cells in rows.items()} == {
        name: (audience.title, audience.period) for name, audience in AUDIENCES.items()
    }
    (line,) = re.findall(r"`--period` may be any of (.*?);", PAGE, re.DOTALL)
    assert code(line) == list(PERIODS)
    assert {4: "Below four\nruns"}[FEWEST_RUNS] in PAGE


def test_tables() -> None:
    assert set(named(tables(PAGE, "table"))) == set(metadata.tables)


def test_every_command_in_the_page_is_one_that_probe_has() -> None:
    root: Any = typer.main.get_command(app)
    calls = re.findall(r"^probe (\w+)((?: [^#\n]*)?)", PAGE, re.MULTILINE)
    assert len(calls) == 10
    for name, rest in calls:
        command, words = root.commands[name], rest.split()
        if hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        command.make_context("probe", words)
