"""The workflows: they parse, their scripts are shell, and every command and option in them is one that probe has."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from probe.cli import app
from probe.model.scenario_files import scenario_names
from reports.cadence.audiences import AUDIENCES
from reports.cadence.period import PERIODS

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github" / "workflows" / "nightly.yml"
GITLAB = ROOT / "docs" / "ci" / "gitlab-ci.yml"
FILES = [pytest.param(path, id=path.name) for path in (GITHUB, GITLAB)]


def load(path: Path) -> dict[Any, Any]:
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def scripts(path: Path) -> list[str]:
    """Every piece of shell in the file; what the CI puts in stands as a word."""
    told = load(path)
    if path == GITLAB:
        return list(told["nightly"]["script"])
    steps = told["jobs"]["measure"]["steps"]
    return [re.sub(r"\$\{\{.*?\}\}", "word", step["run"]) for step in steps if "run" in step]


def calls(path: Path) -> Iterator[list[str]]:
    """The words of every call of probe."""
    for script in scripts(path):
        for line in script.replace("\\\n", " ").splitlines():
            if line.strip().startswith("probe "):
                told = re.sub(r'\$\{MEETPROBE_URL:\+(--url) "\$MEETPROBE_URL"\}', r"\1 ws://x", line)
                yield shlex.split(told.split("||")[0])[1:]


@pytest.mark.parametrize("path", FILES)
def test_every_call_is_one_that_probe_has(path: Path) -> None:
    """Parsed by the command line itself, without running anything."""
    root: Any = typer.main.get_command(app)
    found = list(calls(path))
    assert {words[0] for words in found} == {"run", "report", "history"}
    for words in found:
        command = root
        while hasattr(command, "commands"):
            name = words.pop(0)
            assert name in command.commands, name
            command = command.commands[name]
        parsed = command.make_context("probe", list(words)).params
        assert parsed.get("scenario") in (None, "", *scenario_names())
        assert parsed.get("audience") in (None, *AUDIENCES)
        assert parsed.get("period") in (None, *PERIODS)


@pytest.mark.parametrize("path", FILES)
def test_the_scripts_are_shell(path: Path) -> None:
    for script in scripts(path):
        checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, timeout=30)
        assert (checked.returncode, checked.stderr) == (0, ""), script


def test_github_runs_on_a_schedule_keeps_the_history_and_fails_on_3() -> None:
    told = load(GITHUB)
    assert told[True]["schedule"], "YAML 1.1 reads `on` as true"
    steps = {step.get("name", step.get("uses")): step for step in told["jobs"]["measure"]["steps"]}
    for name in ("Tell", "Keep the history", "Keep the reports"):
        assert steps[name]["if"] == "always()"
    assert steps["Bring the history"]["with"]["path"] == steps["Keep the history"]["with"]["path"] == "data"
    assert "GITHUB_STEP_SUMMARY" in steps["Tell"]["run"]


@pytest.mark.parametrize(("code", "ends"), [("0", 0), ("3", 3), ("4", 0), ("2", 2), ("1", 1)])
def test_the_verdict_step_ends_as_the_run_says(code: str, ends: int) -> None:
    (step,) = (step for step in load(GITHUB)["jobs"]["measure"]["steps"] if step.get("name") == "Verdict")
    script = re.sub(r"\$\{\{.*?\}\}", code, step["run"])
    assert subprocess.run(["bash", "-e", "-c", script], capture_output=True, timeout=30).returncode == ends


def test_gitlab_fails_on_3_and_not_on_4() -> None:
    job = load(GITLAB)["nightly"]
    assert job["allow_failure"] == {"exit_codes": 4}
    assert job["artifacts"]["reports"] == {"junit": "report/junit.xml"}
    assert job["cache"]["paths"] == ["data"]
