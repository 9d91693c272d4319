"""A reader that has left before the first line: nothing is said of it, and the exit code is the verdict's."""

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
