"""Runs on processes of their own: the same figures as on one, and what happens when one is gone.

No assertion depends on the speed of the machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probe.child_process import ChildProcess
from probe.model.errors import MediaError
from probe.model.progress import Progress
from probe.model.result import RunResult
from probe.model.scenario import AudioMedia, Media
from probe.run import RunOptions, run_scenario
from tests.integration.small import VIDEO, bugs, count, mean, scenario

_CALLS: dict[str, Any] = {
    "topology": "p2p", "settle": 1.6, "after": 0.1, "meeting_spacing": 0.1, "join_deadline": 10.0,
    "observe": "frames",
}  # fmt: skip


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> dict[str, ChildProcess]:
    """All that are started, by name."""
    found: dict[str, ChildProcess] = {}
    start = ChildProcess.start

    async def remembered(name: str, module: str, *arguments: str) -> ChildProcess:
        found[name] = await start(name, module, *arguments)
        return found[name]

    monkeypatch.setattr(ChildProcess, "start", remembered)
    return found


async def _run(processes: int, tell: Any = None, spool: Path | None = None, **changes: Any) -> RunResult:
    async with asyncio.timeout(60.0):
        options = RunOptions(spool=spool, processes=processes)
        return await run_scenario(scenario(**(_CALLS | changes)), options, tell)


def _once_in_call(act: Callable[[], None], joins: int) -> Callable[[Progress], None]:
    """`act` when so many have joined, once."""
    pending = [act]

    def tell(progress: Progress) -> None:
        if progress.joins >= joins and pending:
            pending.pop()()

    return tell


def _all_ended(children: dict[str, ChildProcess]) -> bool:
    return all(child.ended.done() for child in children.values())


async def test_two_processes_measure_what_one_does(tmp_path: Path, children: dict[str, ChildProcess]) -> None:
    told: list[Progress] = []
    one = await _run(1, meetings=2)
    two = await _run(2, told.append, spool=tmp_path, meetings=2)
    assert set(children) == {"embedded server", "process 1", "process 2"}
    assert _all_ended(children)
    assert [child.ended.result() for child in children.values()] == [0, 0, 0]
    assert not one.errors
    assert not two.errors
    assert set(one.summary) == set(two.summary)
    for metric in (
        "join_success_ratio", "join_duration_seconds", "join_phase_seconds", "connection_success_ratio",
        "p2p_connection_success_ratio", "connection_stability_ratio", "packet_loss_ratio", "jitter_seconds",
        "frame_rate", "freeze_count", "audio_mos_lq", "megabytes_per_participant_hour", "p2p_usage_ratio",
        "cost_saving_ratio", "concurrent_participants_peak",
    ):  # fmt: skip
        assert count(one, metric) == count(two, metric) > 0, metric
    for metric in ("join_success_ratio", "connection_stability_ratio", "p2p_usage_ratio", "bandwidth_saving_ratio"):
        assert mean(one, metric) == mean(two, metric) == 1.0, metric
    for result in (one, two):
        assert mean(result, "concurrent_participants_peak") == 4
        meetings = [str(entry["meeting"]).rpartition("-")[2] for entry in result.participants]
        assert meetings == ["1", "1", "2", "2"]
        assert len({str(entry["meeting"]).rpartition("-")[0] for entry in result.participants}) == 1
    assert [entry["process"] for entry in two.health["processes"]] == [1, 2]
    assert "held by 2 processes" in two.notes
    assert told[-1].joins == 4
    assert max(len(progress.participants) for progress in told) == 4
    lines = [json.loads(line) for line in (tmp_path / "samples.jsonl").read_text(encoding="utf-8").splitlines()]
    spooled = dict.fromkeys(two.summary, 0)
    for line in lines:
        spooled[line["m"]] += line.get("n", 1)
    assert spooled == {metric: found["count"] for metric, found in two.summary.items()}
    assert all(0 <= line["t"] < 60 for line in lines)


async def test_a_killed_and_a_hanging_process_leave_the_others_results(
    children: dict[str, ChildProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probe.engine.remote.SILENCE", 3.0)

    def harm() -> None:
        os.kill(children["process 2"].pid, signal.SIGKILL)
        os.kill(children["process 3"].pid, signal.SIGSTOP)

    result = await _run(3, _once_in_call(harm, joins=6), meetings=3, settle=3.0)
    assert _all_ended(children)
    assert [(error.phase, error.who, error.message) for error in result.errors] == [
        ("process", "process 2", "was ended by SIGKILL; its meeting is missing from the figures"),
        ("process", "process 3", "said nothing for 3 s; its meeting is missing from the figures"),
    ]
    assert not result.health["trustworthy"]
    reasons = [reason for reason in result.health["reasons"] if "missing from the figures" in reason]
    assert [reason.partition(":")[0] for reason in reasons] == ["process 2", "process 3"]
    assert len(result.participants) == 2
    assert count(result, "join_success_ratio") == count(result, "connection_stability_ratio") == 2
    assert mean(result, "connection_stability_ratio") == 1.0
    assert count(result, "frame_rate") == 2


async def test_a_process_that_crashes_is_a_bug(children: dict[str, ChildProcess]) -> None:
    """It is told what no parent says: it refuses, says why and ends."""

    def confuse() -> None:
        children["process 2"].send(b'{"type": "dance"}\n')
        os.kill(children["process 1"].pid, signal.SIGSEGV)

    result = await _run(2, _once_in_call(confuse, joins=4), meetings=2)
    assert not result.participants
    assert not result.health["trustworthy"]
    assert bugs(result) == ["was ended by SIGSEGV; its meeting is missing from the figures"]
    refusal = "unknown message 'dance'; valid: hold, close, deliver; its meeting is missing from the figures"
    assert [error.message for error in result.errors if error.phase == "process"] == [refusal]


@pytest.mark.parametrize("processes", [1, 2])
async def test_without_the_embedded_server_the_run_ends(children: dict[str, ChildProcess], processes: int) -> None:
    def harm() -> None:
        os.kill(children["embedded server"].pid, signal.SIGKILL)

    result = await _run(processes, _once_in_call(harm, joins=4), meetings=2, settle=40.0)
    said = "was ended by SIGKILL during the run; the meetings were called off"
    assert [error.message for error in result.errors if error.who == "embedded server"] == [said]
    assert f"embedded server: {said}" in result.health["reasons"]
    assert not result.health["trustworthy"]
    assert len(result.participants) == 4


async def test_an_interrupt_reaches_all_and_loses_nothing(children: dict[str, ChildProcess]) -> None:
    def interrupt() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    result = await _run(2, _once_in_call(interrupt, joins=4), meetings=2, settle=40.0)
    assert result.interrupted
    assert not result.errors
    assert count(result, "connection_stability_ratio") == 4
    assert mean(result, "connection_stability_ratio") == 1.0
    assert all(entry["joined"] and entry["stay_seconds"] > 0 for entry in result.participants)
    assert [child.ended.result() for child in children.values()] == [0, 0, 0]


async def test_what_a_stage_refuses_is_raised_here(children: dict[str, ChildProcess], tmp_path: Path) -> None:
    sound = tmp_path / "sound.wav"
    sound.write_bytes(b"not a sound")
    with pytest.raises(MediaError, match=r"sound\.wav"):
        await _run(2, meetings=2, media=Media(video=VIDEO, audio=AudioMedia(seconds=2, file=sound)))
    assert len(children) == 3
    assert _all_ended(children)
