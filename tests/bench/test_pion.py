"""Pion's rows: what is missing, when it is built, and how its counts are read. Nothing is built or run here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.bench import pion
from tests.bench.row import NotInstalled, PeerFailed, Row

FOUND = {
    "participants": 40,
    "seconds": 5.0,
    "setup_cpu_seconds": 0.2,
    "cpu_seconds": 1.0,
    "packets_received": 20_000,
    "packets_sent": 20_001,
    "idle_rss_bytes": 8_000_000,
    "rss_bytes": 58_000_000,
    "processors": 2,
}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one, and libraries that are there."""
    (tmp_path / "gocode/src/github.com/pion/webrtc").mkdir(parents=True)
    monkeypatch.setattr(pion, "LIBRARIES", tmp_path / "gocode")
    monkeypatch.setenv("MEETPROBE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _compiler(monkeypatch: pytest.MonkeyPatch, code: int = 0) -> list[list[str]]:
    """A stand-in for `go`; the list fills with its command lines."""
    calls: list[list[str]] = []

    def run(command: list[str], *, cwd: Path, env: dict[str, str], **_: Any) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        assert (cwd / "main.go").is_file()
        assert (cwd / "go.mod").is_file()
        assert env["GO111MODULE"] == env["GOPROXY"] == "off"
        Path(command[command.index("-o") + 1]).write_text("program")
        return subprocess.CompletedProcess(command, code, "", "main.go:1: broken")

    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(subprocess, "run", run)
    return calls


def test_without_a_compiler_it_is_missing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(NotInstalled, match=r"apt-get install golang-go golang-github-pion-webrtc\.v3-dev"):
        pion.measure(100, 10.0)


def test_without_the_libraries_it_is_missing(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _compiler(monkeypatch)
    monkeypatch.setattr(pion, "LIBRARIES", tmp_path / "nowhere")
    with pytest.raises(NotInstalled):
        pion.program()


def test_it_is_built_by_debians_sources(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = _compiler(monkeypatch)
    assert pion.program().parent == cache
    [command] = calls
    assert command[:2] == ["/usr/bin/go", "build"]


def test_a_build_that_fails_says_what_the_compiler_says(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _compiler(monkeypatch, code=1)
    with pytest.raises(PeerFailed, match=r"go says: main\.go:1: broken"):
        pion.program()
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(("processors", "name"), [(0, "pion"), (1, "pion-1")])
def test_a_row_from_its_counts(monkeypatch: pytest.MonkeyPatch, processors: int, name: str) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], *, deadline: float) -> dict[str, Any]:
        commands.append(command)
        return FOUND

    monkeypatch.setattr(pion, "program", lambda: Path("/there/pion_peer"))
    monkeypatch.setattr(pion, "run_json", run)
    assert pion.measure(41, 5.0, processors=processors) == Row(
        name,
        "every packet authenticated, decrypted, read and discarded",
        40,
        cpu_us_per_packet=50.0,
        cpu_core_per_participant=0.005,
        join_cpu_seconds=0.005,
        rss_bytes_per_participant=1_250_000.0,
        packets_per_second=100.0,
    )
    options = ["-calls", "20", "-seconds", "5", "-video", "57", "-processors", str(processors)]
    assert commands == [["/there/pion_peer", *options]]
