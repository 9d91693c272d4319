from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.loadtest.test_link import run

_LOCUSTFILE = Path(__file__).parents[2] / "loadtest" / "locustfile.py"


def test_plugin() -> None:
    run("workers_are_briefed", "users_are_chosen_at_the_start", "locust_s_side_knows_no_asyncio")


def test_options_come_through_locust_s_parser() -> None:
    run("options_come_through_locust_s_parser", MEETPROBE_MAX_DURATION="2h")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_under_stdout_is_no_bug() -> None:
    command = [sys.executable, "-m", "locust", "-f", str(_LOCUSTFILE), "--list"]
    with Path("/dev/full").open("wb") as disk:
        done = subprocess.run(
            command, stdout=disk, stderr=subprocess.PIPE, cwd=_LOCUSTFILE.parents[1], timeout=60, check=False
        )
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
