"""docs/staging.md is held to the code: its scenarios, commands, phases and error texts."""

from __future__ import annotations

import importlib.util
import re
import shlex
from typing import Any

import pytest
import typer

from probe.cli import app
from probe.cli_platform import TOKEN_VARIABLE
from probe.client.joining import HINTS
from probe.measure.join import PHASES
from probe.model.scenario_files import parse_scenario, scenario_names
from probe.model.yaml_file import parse_yaml
from reports.targets.files import check_choice, load_profile
from sfu_shim.cli import app as shim
from tests.docs.test_docs import ROOT, code, named, tables
from tests.signalling.test_no_connection import TOLD

PAGE = (ROOT / "docs" / "staging.md").read_text(encoding="utf-8")
YAMLS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
NAMES = [re.search(r"^name: (.+)$", text, re.MULTILINE)[1] for text in YAMLS]  # type: ignore[index]


def commands(begin: str) -> list[list[str]]:
    """The words after `begin` of all commands that begin so, without what the shell makes of the rest."""
    found: list[str] = []
    for kind, block in re.findall(r"^```(console|sh)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        prompt = r"[\w-]*\$ " if kind == "console" else ""
        found += re.findall(rf"^{prompt}{begin} (.*)$", block, re.MULTILINE)
    return [shlex.split(line.removesuffix("&"), comments=True) for line in found]


@pytest.mark.parametrize("text", YAMLS, ids=NAMES)
def test_every_scenario_is_one_that_a_run_would_take(text: str) -> None:
    scenario = parse_scenario(parse_yaml(text, source="staging.md"), source="staging.md")
    check_choice(load_profile(scenario.targets), scenario.horizon, scenario.judges)


def test_scenarios_and_commands_go_together() -> None:
    told = {words[words.index("--scenario") + 1] for words in commands("probe run") if "--scenario" in words}
    assert {name.removesuffix(".yaml") for name in told if name.endswith(".yaml")} == set(NAMES)
    assert {name for name in told if not name.endswith(".yaml")} <= set(scenario_names())
    assert len(set(NAMES)) == len(NAMES) == PAGE.count("```yaml")


def test_every_command_has_the_options_that_it_is_given() -> None:
    root: Any = typer.main.get_command(app)
    runs, compares, servers = (commands(begin) for begin in ("probe run", "probe compare", "sfu-shim"))
    assert len(runs) > 15
    assert len(runs) + len(compares) == len(commands("probe"))
    for words in runs:
        root.commands["run"].make_context("probe run", words)
    for words in compares:
        root.commands["compare"].make_context("probe compare", words)
    for words in servers:
        typer.main.get_command(shim).make_context("sfu-shim", words)


def test_options_and_variables_that_the_text_names_exist() -> None:
    root: Any = typer.main.get_command(app)
    known = {
        option for one in (*root.commands["run"].params, *typer.main.get_command(shim).params) for option in one.opts
    }
    prose = re.sub(r"^```.*?^```", "", PAGE, flags=re.DOTALL | re.MULTILINE)
    options = {word for span in code(prose) for word in re.findall(r"(?<!\S)--[a-z-]+(?![a-z-]*\.)", span)}
    elsewhere = {"--no-install-recommends", "--allow-loopback-peers"}  # of apt-get and of coturn
    assert len(options) > 8
    assert options - known - elsewhere == set()
    assert set(re.findall(r"\bMEETPROBE_\w+", PAGE)) == {TOKEN_VARIABLE}


def test_what_runs_from_a_checkout_is_there() -> None:
    modules = [words[0] for words in commands("python -m")]
    assert modules
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []
    scripts = [words[0] for words in commands("node")]
    assert scripts
    assert [name for name in scripts if not (ROOT / name).is_file()] == []


def test_every_phase_of_a_join_is_in_the_checklist_with_its_hint() -> None:
    rows = named(tables(PAGE, "phase", "in brackets"))
    assert [phase for phase in rows if phase in PHASES] == list(PHASES)
    assert {phase: rows[phase][0] for phase in HINTS} == HINTS
    assert all(cells[1] for cells in rows.values())


@pytest.mark.parametrize("case", ["certificate", "no TLS", "refused", "name", "proxy"])
def test_why_there_is_no_connection_is_told_in_the_code_s_words(case: str) -> None:
    assert f"`signalling_connect: {TOLD[case][1]}`" in PAGE
