"""Many processes write at once, and one is killed in the middle of it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.reports.store.build import history

_WRITER = """
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tests.reports.store.build import history, night
from tests.reports.build import good_run

who, runs = int(sys.argv[2]), int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
with history(Path(sys.argv[1])) as found:
    for number in range(runs):
        found.add(night(number, id=f"w{who}-{number}"))
        print(number, flush=True)
"""


@contextmanager
def writers(folder: Path, count: int, runs: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that have begun to write at the same moment; none of them is left at the end."""
    with ExitStack() as stack:
        found = [stack.enter_context(_started(folder, who, runs)) for who in range(count)]
        for one in found:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        for one in found:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        yield found


@contextmanager
def _started(folder: Path, who: int, runs: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-W", "error", "-c", _WRITER, str(folder), str(who), str(runs)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as one:
        try:
            yield one
        finally:
            one.kill()


def test_six_processes_make_one_history_at_the_same_moment(tmp_path: Path) -> None:
    """Its schema too: none of them finds it made."""
    with writers(tmp_path, 6, 3) as found:
        for one in found:
            _, err = one.communicate(timeout=100)
            assert (one.returncode, err) == (0, "")
    with history(tmp_path) as stored:
        assert len(stored.runs()) == 18


def test_a_writer_that_is_killed_leaves_whole_runs(tmp_path: Path) -> None:
    with writers(tmp_path, 1, 10_000) as (one,):
        assert one.stdout is not None
        told = [one.stdout.readline() for _ in range(3)]
        one.kill()
        told += one.communicate(timeout=100)[0].splitlines()
    with history(tmp_path) as stored:
        runs = stored.runs()
        assert len(runs) >= len(told), "what was said to be stored is stored"
        assert len({len(rows) for rows in stored.verdicts([run.id for run in runs]).values()}) == 1
        assert {len(rows) for rows in stored.findings([run.id for run in runs]).values()} == {5}
    connection = sqlite3.connect(tmp_path / "history.db")
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    finally:
        connection.close()
