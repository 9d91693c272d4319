"""`probe run` into a history, `probe history` and `probe report` out of it."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from probe.measure.summary import Summary
from probe.model.errors import ServerUnreachable
from reports.store.outbox import Folder, abandoned
from tests.reports.build import BUSY, attempts, good_run, result
from tests.reports.store.build import history
from tests.test_cli import Ended, Played, played, probe  # noqa: F401 - fixtures

# ruff: noqa: F811


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder whose history is where `tests.reports.store.build.history` looks for it."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("MEETPROBE_HISTORY")
    return tmp_path / "meetprobe"


def test_a_run_is_stored_under_the_id_that_it_reports(home: Path, played: Played, probe: Any) -> None:
    ended = probe("run", "--json", "--label", "branch=main", "--label", "commit=ab12", "--network", "dsl")
    assert ended.code == 0
    with history(home) as found:
        (run,) = found.runs()
        assert found.document(run.id) == ended.document
    assert ended.document["run"]["id"] == run.id != "a1b2c3"
    assert run.labels == {"branch": "main", "commit": "ab12", "network": "dsl"}
    assert run.network == "dsl"
    assert played.options is not None
    assert played.options.spool == home / "spool" / run.id
    assert list((home / "spool").iterdir()) == [], "what is stored needs no spool"


def test_with_out_the_samples_are_there(home: Path, played: Played, probe: Any, tmp_path: Path) -> None:
    assert probe("run", "--out", tmp_path / "out").code == 0
    assert played.options is not None
    assert played.options.spool == tmp_path / "out"
    with history(home) as found:
        assert json.loads((tmp_path / "out" / "report.json").read_text())["run"]["id"] == found.run("latest").id


def test_none_leaves_no_trace(home: Path, played: Played, probe: Any) -> None:
    ended = probe("run", "--json", "--history", "none")
    assert ended.document["run"]["id"] == "a1b2c3"
    assert not home.exists()
    assert played.options is not None
    assert played.options.spool is None


def test_a_backfill_is_filed_under_its_time(home: Path, played: Played, probe: Any) -> None:
    ended = probe("run", "--json", "--started-at", "2026-11-15T03:00:00+01:00")
    assert ended.document["run"]["started_at"] == "2026-11-15T02:00:00+00:00"
    with history(home) as found:
        run = found.run("latest")
        assert run.started_at.isoformat() == "2026-11-15T02:00:00+00:00"
        assert run.labels == {"backfilled": "yes"}
        assert all(finding.ok for finding in found.findings([run.id])[run.id])


def test_evidence_of_earlier_runs_decides(home: Path, played: Played, probe: Any) -> None:
    def join_success(*arguments: str) -> dict[str, Any]:
        document = probe("run", "--json", *arguments).document
        row: dict[str, Any] = next(kpi for kpi in document["kpis"] if kpi["kpi"] == "join_success")
        return row

    summary = good_run()
    attempts(summary, "join_success_ratio", 40, 40, topology="p2p")
    played.outcome = result(summary)
    for day in range(10, 15):
        assert join_success("--started-at", f"2026-11-{day}T02:00:00Z")["status"] == "inconclusive"
    tail = ("--started-at", "2026-11-15T02:00:00Z", "--evidence", "3d")
    pooled = join_success(*tail)
    assert (pooled["status"], pooled["count"]) == ("pass", 4 * 46)
    assert "4 runs pooled" in pooled["evidence"]
    assert join_success(*tail, "--network", "dsl")["count"] == 46, "another network is another evidence"
    assert join_success(*tail, "--url", "ws://127.0.0.1:9")["count"] == 46, "and so is another server"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--evidence", "7"), "--evidence: '7' is no span of time"),
        (("--evidence", "0d"), "'0d' is no span of time"),
        (("--evidence", "7d", "--history", "none"), "no history to pool from"),
        (("--started-at", "yesterday"), "--started-at: 'yesterday' is no time"),
        (("--label", "main"), "'main' is no label"),
        (("--label", "network=x"), "'network=x' is no label"),
        (("--history", "mysql://x/y"), "no history is kept in mysql"),
        (("--history", "/proc/nowhere/history.db"), "can't be opened"),
    ],
)
def test_wrong_options_are_found_before_the_run(
    home: Path, played: Played, probe: Any, arguments: tuple[str, ...], said: str
) -> None:
    ended = probe("run", *arguments)
    assert (ended.code, played.options) == (2, None)
    assert said in ended.err


def test_a_run_that_failed_before_it_measured_is_forgotten_by_the_next(home: Path, played: Played, probe: Any) -> None:
    played.outcome = ServerUnreachable("refused")
    assert probe("run").code == 4
    played.outcome = result()
    assert probe("run").code == 0
    with history(home) as found:
        assert len(found.runs()) == 1
    assert list(abandoned(home / "spool")) == []


def test_a_history_that_fails_at_the_end_costs_nothing(
    home: Path, played: Played, probe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report is told, and the next start stores the run."""
    from reports.store.history import History

    def full(self: History, entry: object) -> bool:
        from probe.model.errors import MeasurementError

        raise MeasurementError("database or disk is full", phase="history")

    with monkeypatch.context() as patched:
        patched.setattr(History, "add", full)
        ended = probe("run", "--json")
    assert ended.code == 0
    assert "disk is full" in ended.err
    listed = probe("history", "list", "--json")
    assert [run["id"] for run in json.loads(listed.out)["runs"]] == [ended.document["run"]["id"]]
    assert "waits in" in ended.err
    assert "could not be stored then; all of it is now in the history" in listed.err


def test_a_spool_without_room_does_not_keep_a_run_from_the_history(
    home: Path, played: Played, probe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Folder, entry: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Folder, "put", full)
    ended = probe("run", "--json", "--quiet")
    assert ended.code == 0
    assert "the run can't be held here until it is stored: [Errno 28] No space left on device" in ended.err
    with history(home) as found:
        assert found.run("latest").id == ended.document["run"]["id"]
    assert list((home / "spool").iterdir()) == []


def test_a_report_that_can_not_be_written_is_kept_all_the_same(
    home: Path, played: Played, probe: Any, tmp_path: Path
) -> None:
    (tmp_path / "out" / "report.json").mkdir(parents=True)
    ended = probe("run", "--quiet", "--out", tmp_path / "out")
    assert ended.code == 2
    assert "No target missed" in ended.out
    with history(home) as found:
        assert found.run("latest").exit_code == 0


# probe history


@pytest.fixture
def week(home: Path, played: Played, probe: Any) -> Path:
    """Seven nights: the fifth on a slow network, the sixth on a busy machine, in the seventh nobody got in."""
    for day in range(7):
        changes: dict[str, Any] = {"health": BUSY} if day == 5 else {}
        if day == 6:
            changes = {"migrations": (), "participants": ()}
        summary = Summary() if day == 6 else good_run()
        if day == 6:
            attempts(summary, "join_success_ratio", 0, 6, topology="p2p")
        played.outcome = replace(result(summary), **changes)
        network = ("--network", "dsl") if day == 4 else ()
        probe("run", "--started-at", f"2026-11-{10 + day}T02:00:00Z", *network)
    return home


def test_list(week: Path, probe: Any) -> None:
    ended: Ended = probe("history", "list")
    lines = [line.split() for line in ended.out.splitlines()]
    assert [line[2] for line in lines[1:8]] == [f"2026-11-{day}" for day in range(16, 9, -1)]
    assert lines[1][-3:] == ["nobody", "got", "in"]
    assert lines[2][-2:] == ["not", "trustworthy"]
    assert lines[3][5] == "dsl"
    assert lines[4][-1] == "ok"
    assert "data quality: completeness" in ended.out


@pytest.mark.parametrize(
    ("arguments", "days"),
    [
        ((), [16, 15, 14, 13, 12, 11, 10]),
        (("--limit", "2"), [16, 15]),
        (("--since", "2026-11-15"), [16, 15]),
        (("--network", "dsl"), [14]),
        (("--scenario", "hybrid", "--limit", "1"), [16]),
        (("--scenario", "p2p"), []),
        (("--target", "embedded", "--limit", "1"), [16]),
    ],
)
def test_list_filters(week: Path, probe: Any, arguments: tuple[str, ...], days: list[int]) -> None:
    runs = json.loads(probe("history", "list", "--json", *arguments).out)["runs"]
    assert [int(run["started_at"][8:10]) for run in runs] == days


def test_an_empty_history_says_so(home: Path, probe: Any) -> None:
    nothing = f"no such runs in {home / 'history.db'}\n"
    assert probe("history", "list").out == nothing
    assert probe("history", "trend", "join_time").out == nothing
    empty = probe("history", "trend", "join_time", "--json").out
    assert json.loads(empty) == {"name": "join_time", "unit": "", "points": []}
    assert probe("history", "show", "latest").code == 2


def test_show(week: Path, probe: Any, tmp_path: Path) -> None:
    (run,) = json.loads(probe("history", "list", "--json", "--network", "dsl").out)["runs"]
    ended = probe("history", "show", run["id"][:6], "--html", tmp_path / "page.html", "--out", tmp_path / "all")
    assert ended.code == 0
    assert f"run {run['id']}" in ended.out
    assert "backfilled=yes" in ended.out
    assert ended.out.count("✓ ") > 5
    assert run["id"] in (tmp_path / "page.html").read_text()
    document = probe("history", "show", run["id"], "--json").document
    assert document["run"]["id"] == run["id"]
    assert json.loads((tmp_path / "all" / "report.json").read_text()) == document


def test_trend_of_a_metric_and_of_a_kpi(week: Path, probe: Any) -> None:
    told = json.loads(probe("history", "trend", "join_duration_seconds", "--json").out)
    assert told["unit"] == "seconds"
    values = [point["value"] for point in told["points"]]
    assert values == [pytest.approx(0.275)] * 6 + [None]
    told = json.loads(probe("history", "trend", "join_success", "--json").out)
    assert [point["value"] for point in told["points"]] == [1.0] * 6 + [0.0]
    tagged = json.loads(probe("history", "trend", "round_trip_time_seconds{topology=sfu}", "--json").out)
    assert tagged["points"][0]["count"] == 40
    text = probe("history", "trend", "join_success").out
    assert "██████▁" in text
    assert "7 values, 0 % to 100 %, last 0 %" in text


def test_a_time_that_is_none_says_how_to_write_one(home: Path, probe: Any) -> None:
    ended = probe("history", "list", "--since", "7")
    assert ended.code == 2
    assert "write 7d, 2026-11-15 or 2026-11-15T02:00:00Z" in ended.err


def test_trend_of_what_is_not_there(week: Path, probe: Any) -> None:
    ended = probe("history", "trend", "join_sucess")
    assert ended.code == 2
    assert "did you mean 'join_success'" in ended.err
    assert probe("history", "trend", "video_vmaf").out == "no stored run has video_vmaf\n"


@pytest.mark.parametrize(("answer", "code", "said"), [("n\n", 0, "nothing is forgotten"), ("", 2, "nobody answers")])
def test_prune_asks(week: Path, probe: Any, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, said: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    ended = probe("history", "prune", "--keep", "2026-11-15")
    assert ended.code == code
    assert said in ended.out + ended.err
    assert len(json.loads(probe("history", "list", "--json").out)["runs"]) == 7


def test_prune(week: Path, probe: Any) -> None:
    ended = probe("history", "prune", "--keep", "2026-11-15", "--yes")
    assert ended.out == "forgot 5 of 5 runs from before 2026-11-15 00:00 UTC\n"
    assert len(json.loads(probe("history", "list", "--json").out)["runs"]) == 2
    assert probe("history", "prune", "--keep", "2026-11-15").out.startswith("nothing to forget: 0 runs")
    assert probe("history", "prune", "--keep", "soon").code == 2


# probe report


@pytest.mark.parametrize("audience", ["engineering", "product", "leadership", "board"])
def test_a_report_in_every_form(week: Path, probe: Any, tmp_path: Path, audience: str) -> None:
    arguments = ("report", "--audience", audience, "--period", "week", "--until", "2026-11-17")
    assert "P2P Video Platform" in probe(*arguments).out
    for name in ("page.html", "page.md", "page.json"):
        ended = probe(*arguments, "--out", tmp_path / name)
        assert (ended.code, ended.out) == (0, "")
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "page.md").read_text().startswith("# P2P Video Platform: ")
    told = json.loads((tmp_path / "page.json").read_text())
    assert (told["audience"], told["counts"]["all"], told["counts"]["counted"]) == (audience, 7, 5)
    assert json.loads(probe(*arguments, "--json").out) == told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--audience", "bord"), "did you mean 'board'"),
        (("--period", "decade"), "unknown period 'decade'"),
        (("--out", "page.pdf"), "end it in .html, .md or .json"),
        (("--profile", "video-plattform"), "did you mean 'video-platform'"),
        (("--horizon", "9m"), "unknown horizon"),
        (("--until", "soon"), "--until: 'soon' is no time"),
        (("--history", "none"), "there is no history"),
        (("--out", "/proc/page.md"), "can't write there"),
    ],
)
def test_wrong_options_of_a_report(home: Path, probe: Any, arguments: tuple[str, ...], said: str) -> None:
    ended = probe("report", *arguments)
    assert ended.code == 2
    assert said in ended.err


def test_a_report_of_nothing_says_so(home: Path, probe: Any) -> None:
    ended = probe("report", "--audience", "leadership")
    assert ended.code == 0
    assert "No runs are stored of this week" in ended.out
