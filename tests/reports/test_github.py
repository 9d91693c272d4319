"""What GitHub reads: workflow commands, and the step's summary."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from probe.model.errors import ConfigError
from reports.github import append_summary, command, workflow_commands
from reports.markdown import render_markdown
from tests.reports.build import BUSY
from tests.reports.full import full_document

_COMMAND = re.compile(r"::(?P<level>error|warning|notice) title=(?P<title>[^:,]*)::(?P<message>.*)")


def read(line: str) -> tuple[str, str, str]:
    match = _COMMAND.fullmatch(line)
    assert match, line
    parts = [match["level"]]
    for text in (match["title"], match["message"]):
        for code, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
            text = text.replace(code, character)
        parts.append(text)
    return parts[0], parts[1], parts[2]


def test_missed_targets_are_errors_and_undecided_ones_warnings() -> None:
    document = full_document()
    document["kpis"][6].update({"status": "fail", "value": 4.5, "evidence": "at most 4.6, 100 %"})
    found = [read(line) for line in workflow_commands(document)]
    assert found[0] == ("error", f"{document['kpis'][6]['title']} missed", "4.50, target ≥ 4.70: at most 4.6, 100 %")
    assert [level for level, _, _ in found] == ["error", *["warning"] * 5]


def test_a_run_that_says_nothing_is_one_error() -> None:
    assert [read(line) for line in workflow_commands(full_document(health=BUSY))] == [
        ("error", "No verdict: the generator can't be trusted", "event-loop lag p99 220 ms, limit 50 ms")
    ]


def test_all_is_well() -> None:
    document = full_document()
    document["kpis"] = [kpi for kpi in document["kpis"] if kpi["status"] == "pass"]
    document["verdict"]["inconclusive"] = 0
    assert [read(line) for line in workflow_commands(document)] == [
        ("notice", "All targets met: 3 proven", "hybrid: pass")
    ]


def test_no_more_than_github_shows() -> None:
    document = full_document()
    document["kpis"] = [{**document["kpis"][0], "status": "fail"} for _ in range(40)]
    found = [read(line) for line in workflow_commands(document)]
    assert len(found) == 10
    assert found[-1] == ("error", "and more", "31 more targets missed")


def test_nothing_ends_a_line_or_a_title_early() -> None:
    line = command("error", "a: b, c\n::set-output::", "100 %\r\n::error::x")
    assert "\n" not in line
    assert read(line) == ("error", "a: b, c\n::set-output::", "100 %\r\n::error::x")


def test_the_summary_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("before\n", encoding="utf-8")
    document = full_document()
    assert append_summary(document, {"GITHUB_STEP_SUMMARY": str(path)}) == path
    assert path.read_text(encoding="utf-8") == "before\n" + render_markdown(document)
    assert append_summary(document, {}) is None


def test_a_summary_that_can_not_be_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't write there"):
        append_summary(full_document(), {"GITHUB_STEP_SUMMARY": str(tmp_path / "no" / "x")})
