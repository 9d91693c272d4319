"""A campaign under Locust itself, in processes of their own: Locust patches whatever imports it."""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode

import jsonschema
import pytest

from reports.document import Document, schema

ROOT = Path(__file__).parents[2]
STAND_IN = ROOT / "tests" / "loadtest" / "stand_in.py"
DEADLINE = 60.0
LAST = 7


@contextmanager
def locust(behaviour: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`locust -f stand_in.py` with those options; killed if it is still there in the end."""
    command = [sys.executable, "-m", "locust", "-f", str(STAND_IN), "--only-summary", "--metrics-port", "0", *options]
    environment = os.environ | {"STAND_IN": behaviour, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    pipe = subprocess.PIPE
    child = subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield child
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # with the workers that it has forked
        child.communicate()


def campaign(behaviour: str, *options: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a whole campaign without web UI."""
    with locust(behaviour, "--headless", "--host", "ws://127.0.0.1:9", *options) as child:
        told, warned = child.communicate(timeout=DEADLINE)
        return child.returncode, told, warned


def document_in(folder: Path) -> Document:
    found: Document = json.loads((folder / "report.json").read_text())
    jsonschema.validate(found, schema())
    return found


def evidence(document: Document, kpi: str) -> str:
    return str(next(row["evidence"] for row in document["kpis"] if row["kpi"] == kpi))


def another_document_in(folder: Path, first: Document) -> Document:
    """Locust says that it has stopped before the last report is in."""
    deadline = time.monotonic() + DEADLINE
    while (found := document_in(folder))["run"]["id"] == first["run"]["id"] and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_a_good_campaign(tmp_path: Path) -> None:
    code, told, warned = campaign("good", "-u", "4", "-r", "10", "-t", "2s", "--out", str(tmp_path))
    assert code == 0, warned
    document = document_in(tmp_path)
    assert document["verdict"]["exit_code"] == 0
    assert document["metrics"]["nack_count"]["count"] == LAST, "the last report came before the end"
    assert document["metrics"]["concurrent_participants_peak"]["max"] == 4.0
    assert " readings of 2 meetings, " in evidence(document, "p2p_latency"), "the master said what it wants to know"
    assert 2.0 <= document["run"]["duration_seconds"] < 10.0
    assert not document["run"]["interrupted"]
    assert "missed" in told.splitlines()[0], "stdout is the verdict"
    assert "Targets" in told
    assert "<html" in (tmp_path / "report.html").read_text()
    rows = list(csv.DictReader((tmp_path / "kpis.csv").read_text().splitlines()))
    assert len(rows) == len(document["kpis"])


@pytest.mark.parametrize(
    ("behaviour", "expected", "said"),
    [
        ("slow", 3, "target missed"),
        ("busy", 4, "worker 1 (local): event-loop lag p99 200 ms"),
        ("damaged", 1, "not a stored delta"),
        ("broken user", 1, "a user of ours"),
    ],
)
def test_exit_codes(behaviour: str, expected: int, said: str) -> None:
    code, told, warned = campaign(behaviour, "-u", "2", "-r", "10", "-t", "2s")
    assert code == expected, warned
    assert said in " ".join((told + warned).split())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-u", "20", "--host", "ws://192.0.2.1"), "--allow-target 192.0.2.1"),
        (("-u", "20", "--shape", "ramp"), "add --run-time"),
        (("-u", "2", "--targets", "nonsense"), "nonsense"),
        (("-u", "2", "-r", "200"), "--max-rate 200"),
    ],
)
def test_what_may_not_be_is_refused_before_anything_is_spawned(
    options: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    code, _, warned = campaign("good", "-t", "2s" if "ramp" not in options else "0s", "--out", str(tmp_path), *options)
    assert code == 2, warned
    assert said in " ".join(warned.split())
    assert "Ramping" not in warned
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("behaviour", "expected"), [("good", 2), ("slow", 3)])
def test_a_report_that_can_not_be_written_costs_nothing_else(tmp_path: Path, behaviour: str, expected: int) -> None:
    (tmp_path / "out" / "kpis.csv").mkdir(parents=True)
    where, history = str(tmp_path / "out"), tmp_path / "history.db"
    options = ("-u", "2", "-r", "10", "-t", "2s", "--out", where, "--history", str(history))
    code, told, warned = campaign(behaviour, *options)
    assert code == expected, warned
    assert "the report is not written: " in warned
    assert "the campaign is in the history" in warned
    assert "Targets" in told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    options = ("--headless", "--host", "ws://127.0.0.1:9", "-u", "2", "-r", "10", "-t", "1m", "--out", str(tmp_path))
    with locust("good", *options) as child:
        assert child.stderr is not None
        for line in child.stderr:
            if "All users spawned" in line:
                break
        time.sleep(1.5)
        child.send_signal(number)
        child.communicate(timeout=DEADLINE)
    assert child.returncode == 0
    document = document_in(tmp_path)
    assert document["run"]["interrupted"]
    assert document["metrics"]["nack_count"]["count"] == LAST


def test_find_the_limit(tmp_path: Path) -> None:
    options = ("-u", "40", "-r", "20", "--shape", "find-limit", "--step-users", "10", "--step-time", "5s")
    code, _, warned = campaign("limit", *options, "--out", str(tmp_path))
    assert code == 0, warned
    document = document_in(tmp_path)
    assert document["notes"][0].startswith("10 participants held all targets; at 20 join_time failed: p95 of ")
    assert not document["run"]["interrupted"]


def test_workers_report_to_the_end(tmp_path: Path) -> None:
    port = str(free_port())
    options = ("-u", "4", "-r", "10", "-t", "2s", "--processes", "2", "--master-bind-port", port, "--master-port", port)
    code, _, warned = campaign("good", *options, "--out", str(tmp_path))
    assert code == 0, warned
    document = document_in(tmp_path)
    assert document["metrics"]["nack_count"]["count"] == 2 * LAST, "Locust's master would not have waited for it"
    assert document["metrics"]["concurrent_participants_peak"]["max"] == 4.0
    assert document["health"]["trustworthy"]
    assert "driven by 2 workers" in document["notes"]
    assert " readings of 4 meetings, " in evidence(document, "p2p_latency")


def test_a_killed_worker_leaves_no_verdict(tmp_path: Path) -> None:
    port = str(free_port())
    shared = ("--headless", "--host", "ws://127.0.0.1:9", "-u", "4", "-r", "10", "-t", "8s", "--out", str(tmp_path))
    worker = ("--worker", "--master-port", port)
    with (
        locust("good", *shared, "--master", "--expect-workers", "2", "--master-bind-port", port) as master,
        locust("good", *worker) as one,
        locust("good", *worker),
    ):
        assert master.stderr is not None
        for line in master.stderr:
            if "All users spawned" in line:
                break
        time.sleep(1.5)
        one.kill()
        master.communicate(timeout=DEADLINE)
    assert master.returncode == 4
    document = document_in(tmp_path)
    (reason,) = document["health"]["reasons"]
    assert reason.endswith("lost: nothing was heard of it any more")
    assert document["metrics"]["nack_count"]["count"] == LAST


class Page:
    """Locust's web UI, as a browser speaks to it."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}"

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self._base}{path}", timeout=DEADLINE) as answer:
            return json.load(answer)

    def post(self, path: str, **form: str) -> Any:
        with urllib.request.urlopen(f"{self._base}{path}", urlencode(form).encode(), timeout=DEADLINE) as answer:
            return json.load(answer)

    def wait(self, state: str, users: int | None = None) -> None:
        deadline = time.monotonic() + DEADLINE
        stats: dict[str, Any] = {"state": "not there", "user_count": 0}
        while time.monotonic() < deadline:
            with suppress(URLError):  # it is said to be starting before it listens
                stats = self.get("/stats/requests")
            if stats["state"] == state and users in (None, stats["user_count"]):
                return
            time.sleep(0.1)
        raise AssertionError(f"never {state} with {users} users: {stats['state']}, {stats['user_count']}")


def test_the_web_ui_starts_changes_and_ends_campaigns(tmp_path: Path) -> None:
    port = free_port()
    options = ("--web-host", "127.0.0.1", "--web-port", str(port), "--out", str(tmp_path), "--host", "ws://127.0.0.1:9")
    with locust("good", *options) as child:
        assert child.stderr is not None
        for line in child.stderr:
            if "Starting web interface" in line:
                break
        page = Page(port)
        page.wait("ready")
        assert page.post("/swarm", user_count="2", spawn_rate="10")["success"]
        page.wait("running", 2)
        assert page.post("/swarm", user_count="5", spawn_rate="10")["success"]
        page.wait("running", 5)
        page.post("/stop")
        first = document_in(tmp_path)
        assert first["metrics"]["concurrent_participants_peak"]["max"] == 5.0
        assert not first["run"]["interrupted"]
        page.post("/swarm", user_count="3", spawn_rate="10", run_time="2s")
        page.wait("running", 3)
        page.wait("stopped")
        second = another_document_in(tmp_path, first)
        assert second["metrics"]["concurrent_participants_peak"]["max"] == 3.0
        assert 2.0 <= second["run"]["duration_seconds"] < 10.0
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=DEADLINE)
    assert child.returncode == 0
