"""`probe compare` with runs of the history."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from probe.cli import app
from probe.cli_compare_stored import Sides
from probe.model.errors import ConfigError
from reports.document import Document
from reports.jsonout import write_report
from tests.reports.store.build import NIGHT, entry, history, night


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the history is, and nothing else; the working folder is empty."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("MEETPROBE_HISTORY", str(tmp_path / "history.db"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


@pytest.fixture
def nights(home: Path) -> Path:
    """Ten nights, one of another scenario, one against another server, one with a network of its own; the last is night9."""
    changes: dict[int, dict[str, Any]] = {3: {"scenario": "p2p"}, 4: {"target": "ws://elsewhere"}}
    with history(home) as stored:
        for number in range(10):
            labels = {"network": "dsl"} if number == 5 else {}
            assert stored.add(night(number, labels=labels, **changes.get(number, {})))
    return home


def ids(documents: Sequence[Document]) -> list[str]:
    return [document["run"]["id"] for document in documents]


def read(before: str, after: str) -> tuple[list[str], list[str]]:
    with Sides(None) as sides:
        left, right = sides.read(before, after)
    return ids(left), ids(right)


def test_runs_by_id_beginning_and_from_the_last_on(nights: Path) -> None:
    assert read("night3", "night4") == (["night3"], ["night4"])
    assert read("last~1", "last") == (["night8"], ["night9"])
    assert read("last~9", "latest") == (["night0"], ["night9"])
    with history(nights) as stored:
        stored.add(entry(id="feed1234", started_at=(NIGHT - timedelta(days=50)).isoformat()))
    assert read("feed", "last~0") == (["feed1234"], ["night9"])


def test_a_baseline_is_of_the_runs_like_b_before_it(nights: Path) -> None:
    assert read("baseline:7d", "last") == (["night2", "night6", "night7", "night8"], ["night9"])
    assert read("baseline:48h", "night7") == (["night6"], ["night7"])
    with history(nights) as stored:
        stored.add(night(4, id="dsl4", labels={"network": "dsl"}))
    assert read("baseline:2w", "night5") == (["dsl4"], ["night5"])


def test_a_baseline_of_a_report_in_a_file(nights: Path) -> None:
    document = night(8, id="elsewhere").document
    write_report(document, nights / "here")
    assert read("baseline:2d", "report.json") == (["night6", "night7"], ["elsewhere"])


def test_files_win(nights: Path) -> None:
    (nights / "here" / "last").mkdir()
    write_report(night(1, id="mine").document, nights / "here" / "last")
    assert read("night2", "last") == (["night2"], ["mine"])


def test_files_need_no_history(home: Path) -> None:
    write_report(night(1).document, home / "here")
    assert read("report.json", ".") == (["night1"], ["night1"])
    assert not (home / "history.db").exists()


def test_pictures_are_left_where_they_are(home: Path) -> None:
    shown = night(1)
    shown.document["worst_frames"] = [{"image": "data:image/png;base64,AA==", "participant": "a", "time_seconds": 1.0}]
    with history(home) as stored:
        stored.add(shown)
    with Sides(None) as sides:
        [[left], _] = sides.read("last", "last")
    assert "worst_frames" not in left


def test_the_command_says_what_was_compared(nights: Path) -> None:
    ended = CliRunner().invoke(app, ["compare", "baseline:7d", "last", "--json"])
    assert ended.exit_code == 0, ended.output
    found = json.loads(ended.stdout)
    assert [one["id"] for one in found["before"]] == ["night2", "night6", "night7", "night8"]
    assert [one["id"] for one in found["after"]] == ["night9"]
    other = CliRunner().invoke(app, ["compare", "last", "last", "--history", str(nights / "other.db")])
    assert isinstance(other.exception, ConfigError)
    assert other.exception.message == "the history has 0 runs"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("nigth1", "last", "unknown run 'nigth1'"),
        ("night", "last", "beginning of several runs"),
        ("last~10", "last", "the history has 10 runs"),
        ("last~1000", "last", "further than 999 runs"),
        ("baseline:7", "last", "baseline:7: '7' is no span of time"),
        ("baseline:1d", "night0", "no run of hybrid against"),
        ("last", "baseline:7d", "can only be A"),
        ("./night1", "last", "can't be read"),
        ("night1.json", "last", "can't be read"),
    ],
)
def test_what_is_meant_must_be_clear(nights: Path, before: str, after: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read(before, after)


def test_an_unknown_name_says_what_is_allowed(nights: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        read("before", "last")
    assert (
        "a file or folder, the id of a stored run or its beginning, last, last~N, or (for A) baseline:7d"
        in raised.value.hint
    )


def test_a_window_of_unlike_runs_has_no_baseline(nights: Path) -> None:
    for name, number, scenario in (("a", 2, "hybrid"), ("b", 3, "p2p")):
        (nights / "here" / "mixed" / name).mkdir(parents=True)
        write_report(night(number, scenario=scenario).document, nights / "here" / "mixed" / name)
    with pytest.raises(ConfigError, match="several scenarios"):
        read("baseline:7d", "mixed")
