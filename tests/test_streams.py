"""A reader that has left before the first line: nothing is said of it, and the exit code is the verdict's. A disk that is full: that
is said, and 0 would not be true."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reports.jsonout import write_report
from tests.reports.test_compare import run

_PROBE = [sys.executable, "-c", "from probe.cli import main; main()"]


def ended(arguments: list[str], both: bool) -> tuple[int, bytes]:
    """Exit code, and what was said on stderr, of a probe that nobody listens to; `both`: on stderr neither."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        errors = writer if both else subprocess.PIPE
        done = subprocess.run([*_PROBE, *arguments], stdout=writer, stderr=errors, timeout=60, check=False)
    finally:
        os.close(writer)
    return done.returncode, done.stderr or b""


@pytest.mark.parametrize("both", [False, True], ids=["stdout", "both"])
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_the_verdict_survives_its_reader(tmp_path: Path, form: list[str], both: bool) -> None:
    for name, document in (("a", run(1)), ("b", run(2, loss=0.02))):
        (tmp_path / name).mkdir()
        write_report(document, tmp_path / name)
    assert ended(["compare", str(tmp_path / "a"), str(tmp_path / "b"), *form], both) == (3, b"")


def test_wrong_usage_is_still_2() -> None:
    assert ended(["run", "--scenario", "nowhere"], True)[0] == 2
    code, said = ended(["run", "--scenario", "nowhere"], False)
    assert code == 2
    assert b"nowhere" in said


def test_what_somebody_reads_comes_whole() -> None:
    done = subprocess.run([*_PROBE, "scenarios", "list"], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "hybrid" in done.stdout.decode()


_FULL = Path("/dev/full")
full = pytest.mark.skipif(not _FULL.exists(), reason="this system has no /dev/full")


@full
@pytest.mark.parametrize(("arguments", "code"), [(["scenarios"], 2), (["run", "--scenario", "nowhere", "--json"], 2)])
def test_a_full_disk_is_told_and_not_called_a_bug(arguments: list[str], code: int) -> None:
    with _FULL.open("wb") as disk:
        done = subprocess.run([*_PROBE, *arguments], stdout=disk, stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == code
    assert done.stderr.decode().splitlines()[-1] == "✗ stdout: can't be written to: No space left on device"
    assert b"Traceback" not in done.stderr


@full
def test_a_full_disk_does_not_change_a_verdict(tmp_path: Path) -> None:
    for name, document in (("a", run(1)), ("b", run(2, loss=0.02))):
        (tmp_path / name).mkdir()
        write_report(document, tmp_path / name)
    with _FULL.open("wb") as disk:
        arguments = ["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--json"]
        done = subprocess.run([*_PROBE, *arguments], stdout=disk, stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == 3


@full
def test_a_full_disk_under_stderr_stops_nothing() -> None:
    with _FULL.open("wb") as disk:
        done = subprocess.run(
            [*_PROBE, "run", "--scenario", "nowhere", "--json"],
            stdout=subprocess.PIPE,
            stderr=disk,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2
    assert b"nowhere" in done.stdout


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_closed_streams_lead_nowhere(tmp_path: Path, form: list[str]) -> None:
    for name, document in (("a", run(1)), ("b", run(2, loss=0.02))):
        (tmp_path / name).mkdir()
        write_report(document, tmp_path / name)
    words = [*_PROBE, "compare", str(tmp_path / "a"), str(tmp_path / "b"), *form]
    done = subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *words], timeout=60, check=False)
    assert done.returncode == 3


def test_what_is_opened_later_does_not_become_stdout(tmp_path: Path) -> None:
    program = """
import os, sys
from probe.streams import let_readers_leave
let_readers_leave()
with open(sys.argv[1], "wb") as file:
    os.write(1, b"a library complains")
    os.write(2, b"so it does")
"""
    words = [sys.executable, "-c", program, str(tmp_path / "mine")]
    done = subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *words], timeout=60, check=False)
    assert (done.returncode, (tmp_path / "mine").read_bytes()) == (0, b"")
