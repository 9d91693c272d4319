"""A run's folder until the history has it, with processes that are really killed."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from probe.model.errors import ConfigError
from reports.store.outbox import abandoned, begin
from reports.store.recovery import recover
from reports.targets.files import load_profile
from tests.reports.store.build import entry, history, timed

_CHILD = """
import json, sys, time
from pathlib import Path
from probe.model.samples import Sample
from probe.spool import Spool
from reports.store.entry import Entry
from reports.store.outbox import begin

base, header, samples, done = Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
folder = begin(base, header)
spool = Spool(Path(header["samples"]).parent if header.get("samples") else folder.path)
for number in range(samples):
    spool.add(Sample("join_success_ratio", 1.0, number / 10, {"topology": "p2p"}))
    spool.add(Sample("connection_success_ratio", 1.0, number / 10, {"topology": "p2p"}))
spool.flush()
if done:
    told = json.loads(done)
    folder.put(Entry(told["document"], told["summary"], told["labels"], told["slices"]))
print("ready", flush=True)
time.sleep(60)
"""


def header(name: str, where: Path, **changes: Any) -> dict[str, Any]:
    told = {
        "id": name,
        "started_at": "2026-11-15T02:00:00+00:00",
        "scenario": "p2p",
        "target": "embedded",
        "version": "0.1.0",
        "history": str(where / "history.db"),
        "labels": {"branch": "main"},
        "profile": load_profile("video-platform").model_dump(mode="json", exclude_unset=True),
        "horizon": "6m",
        "judges": None,
        "strict": False,
        "samples": None,
    }
    return {**told, **changes}


class Running:
    """A run in a process of its own, as far as its folder is concerned."""

    def __init__(self, base: Path, told: dict[str, Any], samples: int = 0, done: str = "") -> None:
        arguments = [sys.executable, "-c", _CHILD, str(base), json.dumps(told), str(samples), done]
        self._process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        self._process.kill()
        assert self._process.wait(10) == -signal.SIGKILL
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def test_a_killed_runs_samples_come_into_the_history(base: Path, tmp_path: Path) -> None:
    running = Running(base, header("killed", tmp_path), samples=30)
    said: list[str] = []
    with history(tmp_path) as found:
        assert recover(base, found, said.append) == 0, "while it runs nobody takes it"
        running.kill()
        assert recover(base, found, said.append) == 1
        run = found.run("killed")
        assert (run.interrupted, run.trustworthy, run.counts, run.exit_code) == (True, False, False, 4)
        assert (run.duration_seconds, run.labels) == (2.9, {"branch": "main"})
        document = found.document("killed")
        assert document["metrics"]["join_success_ratio"]["count"] == 30
        assert document["notes"][0].startswith("recovered: the process was killed after 3 s")
        assert recover(base, found, said.append) == 0
    assert said == ["run killed of 2026-11-15T02:00:00+00:00 was killed; what it had measured is now in the history"]
    assert list(base.iterdir()) == []


def test_a_run_that_was_killed_before_it_measured_leaves_nothing(base: Path, tmp_path: Path) -> None:
    Running(base, header("early", tmp_path)).kill()
    with history(tmp_path) as found:
        assert recover(base, found, print) == 0
        assert found.runs() == []
    assert list(base.iterdir()) == []


def test_a_run_that_was_killed_while_it_was_stored_is_stored_whole(base: Path, tmp_path: Path) -> None:
    whole = entry(slices=timed(0.02, 0.03).to_dict())
    parts = {"document": whole.document, "summary": whole.summary, "labels": {}, "slices": whole.slices}
    done = json.dumps(parts)
    for _ in range(2):  # the second time the history has it: killed between storing and tidying
        Running(base, header("a1b2c3", tmp_path), samples=1, done=done).kill()
        with history(tmp_path) as found:
            recover(base, found, lambda sentence: None)
            assert found.document("a1b2c3") == whole.document
            assert found.slices(["a1b2c3"])["a1b2c3"].to_dict() == whole.slices
            assert len(found.runs()) == 1
    assert list(base.iterdir()) == []


def test_samples_in_a_folder_of_the_users(base: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    Running(base, header("outside", tmp_path, samples=str(out / "samples.jsonl")), samples=5).kill()
    with history(tmp_path) as found:
        assert recover(base, found, lambda sentence: None) == 1
        assert found.run("outside").duration_seconds == 0.4
    assert (out / "samples.jsonl").exists(), "what is the user's stays"


def test_samples_that_a_later_run_wrote_over_are_not_taken(base: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    Running(base, header("outside", tmp_path, samples=str(out / "samples.jsonl")), samples=5).kill()
    (out / "report.json").write_text(json.dumps({"run": {"id": "later"}}))
    with history(tmp_path) as found:
        assert recover(base, found, lambda sentence: None) == 0
        assert found.runs() == []


def test_a_run_of_another_history_is_left_to_it(base: Path, tmp_path: Path) -> None:
    Running(base, header("elsewhere", tmp_path / "other"), samples=5).kill()
    with history(tmp_path) as found:
        assert recover(base, found, print) == 0
    assert [path.name for path in base.iterdir()] == ["elsewhere"]


def test_what_cannot_be_read_is_told_and_left(base: Path, tmp_path: Path) -> None:
    Running(base, header("torn", tmp_path), samples=5).kill()
    Running(base, header("whole", tmp_path), samples=5).kill()
    (base / "torn" / "run.json").write_text("{")
    said: list[str] = []
    with history(tmp_path) as found:
        assert recover(base, found, said.append) == 1
    assert "torn can't be stored" in said[0]
    assert [path.name for path in base.iterdir()] == ["torn"]


def test_a_folder_is_held_by_one(base: Path, tmp_path: Path) -> None:
    folder = begin(base, header("mine", tmp_path))
    assert list(abandoned(base)) == []
    folder.close()
    folder.close()
    (taken,) = abandoned(base)
    assert taken.header["id"] == "mine"
    assert list(abandoned(base)) == [], "the first taker has it"
    taken.remove()
    taken.remove()
    assert list(abandoned(base)) == []


def test_no_folder_no_abandoned(base: Path) -> None:
    assert list(abandoned(base)) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("")
    with pytest.raises(ConfigError, match="can't write there") as refused:
        begin(tmp_path / "spool", header("x", tmp_path))
    assert "--history none" in refused.value.hint


def _refuse(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_folder_that_a_full_disk_can_not_hold_leaves_nothing(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", _refuse)
    with pytest.raises(ConfigError, match="No space left on device"):
        begin(base, header("x", tmp_path))
    assert list(base.iterdir()) == []


def test_an_entry_that_a_full_disk_can_not_hold_leaves_no_part(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = begin(base, header("x", tmp_path))
    monkeypatch.setattr(os, "fsync", _refuse)
    with pytest.raises(OSError, match="No space left"):
        folder.put(entry())
    assert {path.name for path in folder.path.iterdir()} == {"lock", "run.json"}
    folder.remove()


def test_another_users_folder_is_left_to_that_user(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Running(base, header("hers", tmp_path), samples=5).kill()
    Running(base, header("mine", tmp_path), samples=5).kill()
    real = os.open

    def guarded(path: Any, *rest: Any, **more: Any) -> int:
        if "hers" in str(path):
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", guarded)
    with history(tmp_path) as found:
        assert recover(base, found, lambda sentence: None) == 1
    assert [path.name for path in base.iterdir()] == ["hers"]


def test_a_base_that_can_not_be_looked_through_is_told(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Running(base, header("mine", tmp_path), samples=5).kill()

    def refuse(_: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    said: list[str] = []
    with history(tmp_path) as found, monkeypatch.context() as patch:
        patch.setattr(Path, "iterdir", refuse)
        assert recover(base, found, said.append) == 0
    assert said == [f"what killed runs may have left in {base} can't be looked through: Permission denied"]
