from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from probe.measure.summary import Summary
from probe.model.errors import ConfigError
from reports.compare import FALSE_ALARMS, benjamini_hochberg, compare
from reports.compare_view import print_comparison
from reports.document import Document, build_document
from reports.jsonout import write_report
from reports.targets.files import load_profile
from reports.words import signed
from tests.reports.build import BUSY, add, attempts, result

PROFILE = load_profile("video-platform")


def run(seed: int, *, slower: float = 0.0, loss: float = 0.0, joins: int = 12, **changes: Any) -> Document:
    """A run's report: its joins and streams scatter around a level that is the run's own."""
    rng, summary = np.random.default_rng(seed), Summary()
    level = 0.25 * (1 + 0.03 * rng.standard_normal())
    attempts(summary, "connection_success_ratio", joins, joins)
    attempts(summary, "join_success_ratio", joins, joins)
    add(summary, "join_duration_seconds", level + slower + 0.01 * rng.random(joins))
    for phase, share in (("ice_connected", 0.4), ("dtls_connected", 0.6)):
        add(summary, "join_phase_seconds", share * (level + slower) + 0.004 * rng.random(joins), phase=phase)
    add(summary, "packet_loss_ratio", np.clip(loss + 0.004 * rng.standard_normal(4 * joins), 0, 1))
    add(summary, "round_trip_time_seconds", 0.02 * (1 + 0.05 * rng.standard_normal()) + 0.002 * rng.random(40 * joins))
    add(summary, "p2p_usage_ratio", [0.5])
    return build_document(result(summary, id=f"run{seed}", **changes), PROFILE, "6m")


def worse(comparison: dict[str, Any]) -> set[str]:
    return {one["metric"] for one in comparison["changes"] if one["verdict"] == "worse"}


def test_an_injected_loss_is_found_between_two_single_runs() -> None:
    found = compare([run(1)], [run(2, loss=0.02)])
    assert worse(found) == {"packet_loss_ratio"}
    assert found["verdict"]["exit_code"] == 3
    loss = found["changes"][0]
    assert (loss["figure"], loss["unit"], loss["better"]) == ("mean", "ratio", "lower")
    low, high = loss["interval"]
    assert low < loss["difference"] < high
    assert loss["difference"] == pytest.approx(loss["after"] - loss["before"])
    assert any("2 runs: how much runs differ by themselves is assumed" in note for note in found["notes"])


def test_forty_milliseconds_of_join_time_are_found_in_a_few_runs() -> None:
    found = compare([run(seed) for seed in range(5)], [run(seed, slower=0.04) for seed in range(10, 13)])
    assert worse(found) == {"join_duration_seconds", "join_phase_seconds"}
    assert found["notes"] == []
    figures = {(one["metric"], one["figure"]) for one in found["changes"]}
    assert {("join_duration_seconds", "p50"), ("round_trip_time_seconds", "p95")} <= figures
    assert ("join_duration_seconds", "p95") not in figures  # of twelve values
    back = compare([run(seed, slower=0.04) for seed in range(5)], [run(seed) for seed in range(10, 13)])
    assert (back["verdict"]["exit_code"], back["verdict"]["worse"]) == (0, 0)
    assert {one["metric"] for one in back["changes"] if one["verdict"] == "better"} == worse(found)


def test_repeats_of_the_same_thing_are_quiet() -> None:
    singles = [compare([run(seed)], [run(seed + 1000)]) for seed in range(60)]
    windows = [
        compare([run(100 * seed + n) for n in range(4)], [run(100 * seed + n + 50) for n in range(2)])
        for seed in range(30)
    ]
    assert sum(one["verdict"]["exit_code"] != 0 for one in singles) <= 1
    assert sum(one["verdict"]["exit_code"] != 0 for one in windows) <= 1


def test_a_run_is_the_same_as_itself() -> None:
    found = compare([run(1)], [run(1)])
    assert found["verdict"] == {"exit_code": 0, "worse": 0, "better": 0, "same": len(found["changes"])}
    assert all(one["p"] == 1.0 for one in found["changes"])


def test_what_cannot_be_compared_is_named() -> None:
    other = run(2)
    del other["metrics"]["round_trip_time_seconds"]
    found = compare([run(1)], [other])
    assert found["not_compared"]["round_trip_time_seconds"] == "measured by 1 of 1 and 0 of 1 runs"
    assert found["not_compared"]["p2p_usage_ratio"] == "single values, of which nobody knows how much they scatter"


def test_runs_that_say_nothing_are_left_out() -> None:
    busy, nothing = run(2, health=BUSY), run(3)
    nothing["verdict"]["measured"] = False
    found = compare([run(1), run(4)], [busy, run(5)])
    assert [one["id"] for one in found["after"]] == ["run5"]
    assert "B: run run2 left out: its generator could not be trusted" in found["notes"]
    alone = compare([run(1)], [nothing])
    assert alone["verdict"]["exit_code"] == 4
    assert "B: run run3 left out: it measured nothing" in alone["notes"]


def test_what_else_differs_is_said() -> None:
    found = compare([run(1)], [run(2, scenario="sfu")])
    assert "scenario differs: hybrid against sfu" in found["notes"]


def test_benjamini_hochberg_by_hand() -> None:
    assert benjamini_hochberg([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])
    assert benjamini_hochberg([]) == []
    assert FALSE_ALARMS == 0.01


def printed(comparison: dict[str, Any], width: int = 120) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        print_comparison(comparison, console)
    return captured.get()


def test_the_terminal_tells_what_changed() -> None:
    shown = printed(compare([run(1)], [run(2, loss=0.02)]))
    assert shown.startswith("✗ 1 figure got worse\nA: run run1, hybrid of 2026-11-22T03:04:05+00:00")
    assert "mean of packet_loss_ratio" in shown
    assert "✓ Nothing changed beyond noise" in printed(compare([run(1)], [run(1)]))
    assert "? Nothing could be compared" in printed(compare([], [run(1)]))
    better = printed(compare([run(1, loss=0.02)], [run(2)]))
    assert "✓ Nothing got worse, 1 figure better" in better
    assert [signed(0.04, "seconds"), signed(-0.02, "ratio"), signed(0.0, "fps")] == ["+40 ms", "-2 %", "0 fps"]


def test_a_narrow_terminal_keeps_names_whole() -> None:
    comparison = compare([run(1)], [run(2, loss=0.02)])
    (changed,) = (one for one in comparison["changes"] if one["verdict"] == "worse")
    low, high = (signed(end, changed["unit"]) for end in changed["interval"])
    wide, narrow = printed(comparison).splitlines(), printed(comparison, 80).splitlines()
    (row,) = (line for line in wide if "mean of packet_loss_ratio" in line)
    assert row.endswith(f"{low} … {high}")
    (place,) = (number for number, line in enumerate(narrow) if "mean of packet_loss_ratio" in line)
    assert narrow[place].rstrip().endswith("%)")
    assert narrow[place + 1].strip() == f"{low} … {high}"


def test_the_command_reads_files_folders_and_folders_of_folders(tmp_path: Path) -> None:
    from probe.cli import app
    from probe.cli_compare import read_runs

    for name, document in (("a/1", run(1)), ("a/2", run(2)), ("b", run(3, loss=0.05))):
        (tmp_path / name).mkdir(parents=True)
        write_report(document, tmp_path / name)
    assert [len(read_runs(tmp_path / one)) for one in ("a", "b", "b/report.json")] == [2, 1, 1]
    ended = CliRunner().invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--json"])
    assert ended.exit_code == 3
    assert worse(json.loads(ended.stdout)) == {"packet_loss_ratio"}
    shown = CliRunner().invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "a")])
    assert shown.exit_code == 0
    assert "2 runs" in shown.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "is not JSON"), ("{}", "is not a report of meetprobe"), ('{"schema": "meetprobe/report/1"}', "has no run")],
)
def test_what_is_no_report_is_named(tmp_path: Path, text: str, said: str) -> None:
    from probe.cli_compare import read_runs

    (tmp_path / "report.json").write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_runs(tmp_path)
    with pytest.raises(ConfigError, match="can't be read"):
        read_runs(tmp_path / "nothing.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"has no report\.json"):
        read_runs(tmp_path / "empty")
