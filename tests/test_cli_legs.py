"""`probe run` on legs, with runs that are played: what each leg is given, what is told and written, which exit code remains."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from probe.cli_legs import worst
from probe.model.result import RunResult
from probe.model.scenario import Scenario
from reports.document import schema
from tests.reports.build import attempts, good_run, result
from tests.test_cli import Options, Played, played, probe

__all__ = ["played", "probe"]  # fixtures

SCENARIO = """
name: calls
ice:
  servers:
    - urls: [turn:t.example, turns:t.example]
      username: ann
      credential_env: LEGS_PASSWORD
"""


class Legs(Played):
    """Keeps what every leg was given; `outcomes` by leg."""

    def __init__(self) -> None:
        super().__init__()
        self.scenarios: list[Scenario] = []
        self.all_options: list[Options] = []
        self.outcomes: dict[str, RunResult | BaseException] = {}

    async def run_scenario(self, scenario: Scenario, options: Options, progress: Any = None) -> RunResult:
        self.scenarios.append(scenario)
        self.all_options.append(options)
        self.outcome = self.outcomes.get(scenario.name, result())
        return await super().run_scenario(scenario, options, progress)


@pytest.fixture
def legs(played: Played, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Legs:
    import sys

    found = Legs()
    monkeypatch.setattr(sys.modules["probe.run"], "run_scenario", found.run_scenario)
    monkeypatch.setenv("LEGS_PASSWORD", "secret")
    monkeypatch.chdir(tmp_path)
    Path("calls.yaml").write_text(SCENARIO)
    Path("all.yaml").write_text(SCENARIO + "legs: [udp-blocked, direct, relay-only]\n")
    return found


def _failing() -> RunResult:
    summary = good_run()
    attempts(summary, "join_success_ratio", 0, 60, topology="p2p")
    return result(summary)


def test_each_leg_is_a_run_of_its_own(legs: Legs, probe: Any) -> None:
    ended = probe("run", "--scenario", "all.yaml", "--out", "out", "--dump-stats", "dumps")
    assert ended.code == 0
    found = [(one.name, one.ice.policy, one.ice.udp) for one in legs.scenarios]
    assert found == [
        ("calls direct", "all", True),
        ("calls relay-only", "relay", True),
        ("calls udp-blocked", "all", False),
    ]
    names = ("direct", "relay-only", "udp-blocked")
    assert [options.spool for options in legs.all_options] == [Path("out") / name for name in names]
    assert [options.dump_stats for options in legs.all_options] == [Path("dumps") / name for name in names]
    assert all((Path("out") / name / "report.json").is_file() for name in names)
    lines = ended.out.rstrip().splitlines()[-4:]
    assert [line.split(maxsplit=2)[:2] for line in lines] == [["Legs"], *(["✓", name] for name in names)]
    assert ended.out.count("No target missed") == 6  # of each its own headline, and the line at the end


def test_the_option_chooses(legs: Legs, probe: Any) -> None:
    ended = probe("run", "--scenario", "all.yaml", "--leg", "relay-only", "--leg", "relay-only")
    assert [one.name for one in legs.scenarios] == ["calls relay-only"]
    assert "Legs" not in ended.out
    assert probe("run", "--scenario", "calls.yaml").code == 0
    assert legs.scenarios[-1].name == "calls"


def test_json_is_a_document_a_line(legs: Legs, probe: Any) -> None:
    import jsonschema

    ended = probe("run", "--scenario", "calls.yaml", "--leg", "direct", "--leg", "udp-blocked", "--json")
    documents = [json.loads(line) for line in ended.out.splitlines()]
    assert [document["run"]["scenario"] for document in documents] == [result().scenario] * 2
    for document in documents:
        jsonschema.Draft202012Validator(schema()).validate(document)


def test_the_worst_leg_decides_and_the_others_still_run(legs: Legs, probe: Any) -> None:
    legs.outcomes["calls direct"] = _failing()
    ended = probe("run", "--scenario", "all.yaml")
    assert ended.code == 3
    assert len(legs.scenarios) == 3
    assert "✗ direct" in ended.out
    assert "✓ relay-only" in ended.out


def test_the_history_knows_the_leg(legs: Legs, probe: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    history = ("--history", tmp_path / "history.db")
    probe("run", "--scenario", "calls.yaml", "--leg", "relay-only", "--label", "branch=main", *history)
    (stored,) = json.loads(probe("history", "list", "--json", *history).out)["runs"]
    assert stored["labels"] == {"branch": "main", "leg": "relay-only"}


def test_nothing_runs_after_an_interruption(legs: Legs, probe: Any) -> None:
    legs.outcomes["calls relay-only"] = KeyboardInterrupt()
    ended = probe("run", "--scenario", "all.yaml")
    assert ended.code == 4
    assert len(legs.scenarios) == 2
    assert ended.out.rstrip().splitlines()[-1].split() == ["udp-blocked", "not", "run"]


def test_nothing_is_sent_before_all_legs_are_right(legs: Legs, probe: Any) -> None:
    Path("no_stream.yaml").write_text(SCENARIO.replace(", turns:t.example", ""))
    ended = probe("run", "--scenario", "no_stream.yaml", "--leg", "direct", "--leg", "udp-blocked", "--json")
    assert ended.code == 2
    assert legs.scenarios == []
    assert "ice.udp false needs a TURN server over TCP or TLS" in ended.err
    (document,) = [json.loads(line) for line in ended.out.splitlines()]
    assert document["verdict"]["exit_code"] == 2
    unknown = probe("run", "--scenario", "calls.yaml", "--leg", "relay")
    assert unknown.code == 2
    assert "unknown leg 'relay', did you mean 'relay-only'?" in unknown.err


def test_a_relay_of_the_platform_can_t_be_known_before(legs: Legs, probe: Any) -> None:
    Path("bare.yaml").write_text("name: bare\n")
    assert probe("run", "--scenario", "bare.yaml", "--leg", "relay-only").code == 2
    assert probe("run", "--scenario", "bare.yaml", "--leg", "relay-only", "--url", "ws://127.0.0.1:9").code == 0


@pytest.mark.parametrize(
    ("codes", "code"), [([], 0), ([0, 0], 0), ([0, 4], 4), ([4, 3, 0], 3), ([3, 2], 2), ([4, 3, 2, 1], 1)]
)
def test_the_worst_code(codes: list[int], code: int) -> None:
    assert worst(codes) == code
