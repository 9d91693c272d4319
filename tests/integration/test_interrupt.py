"""Ctrl-C: a run in a process of its own ends within seconds and keeps what it measured."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from typing import Any

import pytest

_CHILD = """
import asyncio, json, sys
from probe.run import RunOptions, run_scenario
from tests.integration.small import scenario

def tell(progress):
    if all(who.state == sys.argv[1] and who.frame_rate for who in progress.participants) and progress.participants:
        print("now", flush=True)

changes = json.loads(sys.argv[2])
result = asyncio.run(run_scenario(scenario(**changes), RunOptions(), tell))
print(json.dumps([result.interrupted, dict(result.summary), [e.to_dict() for e in result.errors],
                  list(result.participants), list(result.migrations)]))
"""


async def _interrupt(number: signal.Signals, state: str, times: int = 1, **changes: Any) -> list[Any]:
    """Start a run, wait until everybody is in that state and has seen video, send the signal; the child's last line."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", _CHILD, state, json.dumps(changes), stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    try:
        async with asyncio.timeout(60.0):
            line = await child.stdout.readline()
            assert line == b"now\n", (line, (await child.communicate())[1].decode())
            sent = time.monotonic()
            for _ in range(times):
                child.send_signal(number)
                await asyncio.sleep(0.002)  # impatience: the leaving must not be cut short
            out, err = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    assert time.monotonic() - sent < 10.0
    assert child.returncode == 0, err.decode()
    assert err.decode() == ""
    found: list[Any] = json.loads(out.decode().splitlines()[-1])
    return found


@pytest.mark.parametrize(
    ("number", "state", "times", "changes"),
    [
        (signal.SIGINT, "p2p", 1, {"settle": 60.0}),
        (signal.SIGTERM, "sfu", 1, {"settle": 60.0, "topology": "sfu"}),
        (signal.SIGINT, "sfu", 2, {"visitors": 1, "visit": 60.0}),
        (signal.SIGHUP, "p2p", 2, {"settle": 60.0}),
    ],
    ids=["in-call", "terminated", "twice-during-a-visit", "terminal-gone"],
)
async def test_what_was_measured_is_kept(
    number: signal.Signals, state: str, times: int, changes: dict[str, Any]
) -> None:
    interrupted, summary, errors, participants, migrations = await _interrupt(number, state, times, **changes)
    there = 3 if "visitors" in changes else 2
    assert interrupted is True
    assert errors == []
    assert summary["join_success_ratio"]["count"] == there
    assert summary["connection_stability_ratio"]["mean"] == 1.0
    assert summary["connection_stability_ratio"]["count"] == there
    assert summary["frame_rate"]["count"] >= there
    assert all(entry["joined"] and entry["stay_seconds"] > 0 for entry in participants)
    assert all(move["success"] for move in migrations)  # a move cut short by Ctrl-C is nobody's failure
