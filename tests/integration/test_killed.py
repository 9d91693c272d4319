"""A real run that is killed without a word: the next start finds what it had measured."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

_PROBE = (sys.executable, "-W", "error", "-c", "from probe.cli import main; main()")
_SCENARIO = """
name: killed
topology: p2p
meetings: 1
participants: 2
settle: 60
observe: {depth: headers, pictures: 0}
"""


def _written(folder: Path) -> Path | None:
    """The run's samples, if some of a call are on disk."""
    found = (path for path in folder.glob("spool/*/samples.jsonl") if b"round_trip_time_seconds" in path.read_bytes())
    return next(found, None)


async def _samples(folder: Path) -> Path:
    while True:
        if (path := _written(folder)) is not None:
            return path
        await asyncio.sleep(0.05)


async def _told(*arguments: str, environment: dict[str, str]) -> Any:
    child = await asyncio.create_subprocess_exec(
        *_PROBE, *arguments, "--json", env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(child.communicate(), 60)
    assert child.returncode == 0, err.decode()
    return json.loads(out)


@pytest.mark.parametrize("processes", ["1", "2"])
async def test_a_killed_runs_measurements_are_in_the_history(tmp_path: Path, processes: str) -> None:
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path)}
    del environment["MEETPROBE_HISTORY"]
    (tmp_path / "killed.yaml").write_text(_SCENARIO.replace("meetings: 1", f"meetings: {processes}"))
    run = await asyncio.create_subprocess_exec(
        *_PROBE, "run", "--scenario", str(tmp_path / "killed.yaml"), "--quiet", "--processes", processes, env=environment
    )  # fmt: skip
    try:
        samples = await asyncio.wait_for(_samples(tmp_path / "meetprobe"), 60)
        listed = await _told("history", "list", environment=environment)
        assert listed["runs"] == [], "a running run is left alone"
    finally:
        run.kill()
        await run.wait()
    assert run.returncode == -signal.SIGKILL
    listed = await _told("history", "list", environment=environment)
    (found,) = listed["runs"]
    assert found["id"] == samples.parent.name
    assert (found["scenario"], found["interrupted"], found["trustworthy"]) == ("killed", True, False)
    assert not samples.exists()
    document = await _told("history", "show", found["id"], environment=environment)
    assert document["metrics"]["join_success_ratio"]["count"] >= 2
    assert document["metrics"]["round_trip_time_seconds"]["count"] >= 1
