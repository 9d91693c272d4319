"""The cases run in processes of their own: see `tests.loadtest.gevent_cases`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

CASES = "tests.loadtest.gevent_cases"


def run(*cases: str, log: Path = Path(os.devnull), **environment: str) -> None:
    command = [sys.executable, "-W", "error::DeprecationWarning:loadtest", "-m", CASES, ",".join(cases), str(log)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=90, check=False, env=os.environ | environment
    )
    assert done.returncode == 0, f"{cases}:\n{done.stdout}\n{done.stderr}"


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_link() -> None:
    run(
        "answers_find_who_asked",
        "nobody_waits_in_the_hub",
        "a_crash_fails_all_who_wait",
        "its_last_words_are_told",
        "what_is_no_protocol_ends_it",
        "its_own_error_is_raised",
        "one_that_clings_is_killed",
        "a_pipe_that_is_full_stops_nobody",
    )


def test_no_engine_outlives_a_worker_that_is_killed() -> None:
    command = [sys.executable, "-m", CASES, "hold_a_real_engine"]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    engine = int(worker.stdout.readline())
    try:
        assert runs(engine)
        worker.send_signal(signal.SIGKILL)
        worker.wait(timeout=10)
        deadline = time.monotonic() + 30
        while runs(engine) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not runs(engine)
    finally:
        worker.stdout.close()
        worker.kill()
        worker.wait(timeout=10)
        if runs(engine):
            os.kill(engine, signal.SIGKILL)
