"""Whole meetings of which only headers are read: by the compiled path and by Python's, which must tell the same.

No assertion depends on the speed of the machine: where the generator itself says that it was short of breath, what it measured
is held against nobody.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from probe import native
from probe.model.result import RunResult
from probe.run import RunOptions, run_scenario
from tests.integration.small import bugs, count, mean, scenario

NEITHER = {
    "video_psnr_db",
    "video_ssim",
    "video_mos",
    "frame_id_wrong",
    "frame_decode_seconds",
    "frame_assembly_seconds",
}
BY_SCENARIO = (
    "join_success_ratio", "join_duration_seconds", "connection_success_ratio", "connection_stability_ratio", "frame_rate",
    "freeze_ratio", "packet_loss_ratio", "residual_loss_ratio", "burst_ratio", "packets_duplicated", "nack_count",
    "migration_success_ratio", "migration_video_gap_seconds", "migration_audio_gap_seconds",
    "migration_duration_seconds", "megabytes_per_participant_hour", "p2p_usage_ratio", "cost_saving_ratio",
)  # fmt: skip
"""How many samples these have follows from who meets whom, not from how fast the machine is."""

MEETINGS: dict[str, dict[str, Any]] = {
    "p2p": {"topology": "p2p", "settle": 2.3, "after": 0.1},
    "hybrid": {
        "visitors": 1,
        "settle": 1.7,
        "visit": 1.7,
        "after": 1.3,
        "migration_deadline": 8.0,
        "join_deadline": 8.0,
    },
}


async def _run(meeting: str) -> RunResult:
    async with asyncio.timeout(45.0):
        return await run_scenario(scenario(observe="headers", **MEETINGS[meeting]), RunOptions())


@pytest.fixture(scope="module")
def runs() -> dict[str, dict[bool, RunResult]]:
    """By meeting: in Python, and where it is built by the compiled path."""
    found: dict[str, dict[bool, RunResult]] = {}
    for meeting in MEETINGS:
        for compiled in sorted({False, native.available()}):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(native, "available", lambda compiled=compiled: compiled)
                found.setdefault(meeting, {})[compiled] = asyncio.run(_run(meeting))
    return found


Runs = dict[str, dict[bool, RunResult]]
every_run = pytest.mark.parametrize(
    ("meeting", "compiled"), [(m, c) for m in MEETINGS for c in (False, True)], ids=lambda value: str(value)
)


def _one(runs: Runs, meeting: str, compiled: bool) -> RunResult:
    if compiled not in runs[meeting]:
        pytest.skip("the compiled packet path is not built here")
    return runs[meeting][compiled]


@every_run
def test_it_goes_well(runs: Runs, meeting: str, compiled: bool) -> None:
    result = _one(runs, meeting, compiled)
    assert not result.errors
    assert not bugs(result)
    assert all(entry["joined"] and not entry["drops"] for entry in result.participants)
    assert [(m["from"], m["to"], m["success"]) for m in result.migrations] == (
        [("p2p", "sfu", True), ("sfu", "p2p", True)] if meeting == "hybrid" else []
    )
    assert NEITHER.isdisjoint(result.summary)


@every_run
def test_nothing_is_lost_on_loopback(runs: Runs, meeting: str, compiled: bool) -> None:
    result = _one(runs, meeting, compiled)
    if not result.health["trustworthy"]:
        pytest.skip(f"the generator was not well: {result.health['reasons']}")
    for metric in ("packet_loss_ratio", "packets_duplicated", "nack_count", "freeze_count"):
        assert result.summary[metric]["max"] == 0, metric
    assert result.summary["residual_loss_ratio"]["by"]["kind=video"]["max"] == 0
    assert mean(result, "frame_rate") == pytest.approx(10, rel=0.05)
    assert result.summary["one_way_delay_seconds"]["by"]["kind=video"]["p50"] < 0.1


@every_run
def test_every_packet_was_counted(runs: Runs, meeting: str, compiled: bool) -> None:
    """50 packets of audio and at least 10 of video a second, in each direction."""
    result = _one(runs, meeting, compiled)
    packets, pictures = result.notes[-2:]
    seconds = 2.3 if meeting == "p2p" else 5.0
    assert int(packets.split()[2]) > 2 * 60 * seconds * 0.9
    assert "none refused" in packets
    assert "no pictures were decoded" in pictures


@pytest.mark.parametrize("meeting", MEETINGS)
def test_both_paths_tell_the_same(runs: Runs, meeting: str) -> None:
    python, compiled = (_one(runs, meeting, way) for way in (False, True))
    assert set(compiled.summary) == set(python.summary)
    for metric in BY_SCENARIO:
        assert count(compiled, metric) == count(python, metric), metric
        tags = {tag: found["count"] for tag, found in python.summary.get(metric, {}).get("by", {}).items()}
        assert {tag: count(compiled, metric, tag) for tag in tags} == tags, metric
    assert count(python, "packet_loss_ratio") == (4 if meeting == "p2p" else 20)
