"""Whole runs on the embedded shim: what they hold, and what must be true on loopback.

No assertion depends on the speed of the machine: where the generator itself says that it was short of breath, what it measured
is held against nobody.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from probe.model.metrics import METRICS
from probe.model.progress import Progress
from probe.model.result import RunResult
from probe.model.samples import TAG_NAMES
from probe.model.scenario import Media, VideoMedia
from probe.run import RunOptions, run_scenario
from tests.integration.small import AUDIO, SMALL, VIDEO, bugs, count, mean, scenario

ALL_METRICS = (
    "join_success_ratio", "join_duration_seconds", "join_phase_seconds", "connection_success_ratio",
    "p2p_connection_success_ratio", "round_trip_time_seconds", "one_way_delay_seconds", "jitter_seconds",
    "packet_loss_ratio", "residual_loss_ratio", "audio_mos_lq", "audio_mos_cq", "audio_quality_score", "video_mos",
    "video_quality_score", "video_psnr_db", "video_ssim", "frame_rate", "freeze_ratio", "send_bitrate_bps",
    "receive_bitrate_bps", "megabytes_per_participant_hour", "migration_success_ratio", "migration_duration_seconds",
    "migration_audio_gap_seconds", "migration_video_gap_seconds", "connection_stability_ratio", "p2p_usage_ratio",
    "concurrent_participants_peak", "cost_saving_ratio", "bandwidth_saving_ratio",
)  # fmt: skip

STEADY: dict[str, Any] = {"settle": 1.6, "after": 0.1}
"""Long enough for every score."""


def _run(options: RunOptions | None = None, tell: Any = None, **changes: Any) -> RunResult:
    async def bounded() -> RunResult:
        async with asyncio.timeout(45.0):
            return await run_scenario(scenario(**changes), options or RunOptions(), tell)

    return asyncio.run(bounded())


def _all_went_well(result: RunResult, participants: int) -> None:
    """What no load of this machine may change."""
    assert not result.errors
    assert not result.interrupted
    assert len(result.participants) == participants
    assert all(entry["joined"] and not entry["drops"] for entry in result.participants)
    for metric in ("join_success_ratio", "connection_success_ratio", "connection_stability_ratio"):
        assert mean(result, metric) == 1.0, metric
    assert count(result, "join_success_ratio") == count(result, "connection_stability_ratio") == participants


def _skip_if_breathless(result: RunResult) -> None:
    if not result.health["trustworthy"]:
        pytest.skip(f"the generator was not well: {result.health['reasons']}")


# the whole thing


@pytest.fixture(scope="module")
def hybrid(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunResult, list[Progress], list[dict[str, Any]]]:
    """Two meet on P2P, a third visits: the room moves to the SFU and back."""
    folder: Path = tmp_path_factory.mktemp("spool")
    told: list[Progress] = []
    result = _run(
        RunOptions(spool=folder), told.append,
        visitors=1, settle=2.3, visit=2.0, after=1.6, migration_deadline=8.0, join_deadline=8.0,
    )  # fmt: skip
    lines = (folder / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    return result, told, [json.loads(line) for line in lines]


Hybrid = tuple[RunResult, list[Progress], list[dict[str, Any]]]


def test_hybrid_goes_well(hybrid: Hybrid) -> None:
    result, _, _ = hybrid
    _all_went_well(result, 3)
    assert [(m["from"], m["to"], m["success"]) for m in result.migrations] == [
        ("p2p", "sfu", True), ("sfu", "p2p", True),
    ]  # fmt: skip
    assert mean(result, "migration_success_ratio") == 1.0
    assert result.summary["concurrent_participants_peak"]["max"] == 3


@pytest.mark.parametrize("metric", ALL_METRICS)
def test_hybrid_holds_every_metric(hybrid: Hybrid, metric: str) -> None:
    result, _, _ = hybrid
    assert count(result, metric) > 0
    assert result.summary[metric]["unit"] == METRICS[metric].unit


def test_tags_are_those_of_the_registry(hybrid: Hybrid) -> None:
    result, _, _ = hybrid
    for metric, found in result.summary.items():
        used = {tag.partition("=")[0] for tag in found["by"]}
        assert used <= set(TAG_NAMES) & set(METRICS[metric].tags), metric


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("packet_loss_ratio", 0), ("packets_duplicated", 0), ("frame_id_wrong", 0),
        ("frame_id_unread_ratio", 0), ("freeze_count", 0), ("freeze_ratio", 0), ("frames_lost", 0),
        ("migration_frames_lost", 0), ("p2p_connection_success_ratio", 1), ("nack_count", 0),
    ],
)  # fmt: skip
def test_what_must_be_true_on_loopback(hybrid: Hybrid, metric: str, value: float) -> None:
    result, _, _ = hybrid
    _skip_if_breathless(result)
    found = result.summary[metric]
    assert (found["min"], found["max"]) == (value, value)


def test_what_must_be_near_on_loopback(hybrid: Hybrid) -> None:
    result, _, _ = hybrid
    _skip_if_breathless(result)
    assert 0 < result.summary["round_trip_time_seconds"]["p50"] < 0.005
    # A few packets that this process sent late count as lost in the playout buffer, before they make it untrustworthy.
    assert result.summary["residual_loss_ratio"]["by"]["kind=video"]["max"] == 0
    assert mean(result, "residual_loss_ratio", "kind=audio") < 0.03
    assert result.summary["audio_mos_lq"]["max"] == pytest.approx(4.40, abs=0.01)
    assert result.summary["one_way_delay_seconds"]["by"]["kind=video"]["p50"] < 0.1
    assert result.summary["migration_video_gap_seconds"]["max"] < 0.1 + 0.2  # a frame of 10 fps, and the 0.2 s
    assert result.summary["migration_audio_gap_seconds"]["max"] < 0.02 + 0.2
    assert mean(result, "frame_rate", "topology=p2p") == pytest.approx(10, rel=0.05)
    assert mean(result, "frame_rate", "topology=sfu") == pytest.approx(10, rel=0.05)


def test_counts_follow_from_the_scenario(hybrid: Hybrid) -> None:
    """Connections: the pair's twice, three participants to the SFU once each. Stretches of watching: each of
    the pair sees the other on P2P, on the SFU and on P2P again, and visitor and core see each other on the SFU."""
    result, _, _ = hybrid
    assert count(result, "connection_success_ratio", "topology=p2p") == 2
    assert count(result, "connection_success_ratio", "topology=sfu") == 3
    assert count(result, "frame_rate", "topology=p2p") == 4
    assert count(result, "frame_rate", "topology=sfu") == 6
    assert count(result, "packet_loss_ratio", "topology=p2p") == 8
    assert count(result, "packet_loss_ratio", "topology=sfu") == 12
    assert count(result, "audio_mos_lq") == 10
    assert count(result, "join_duration_seconds") == 2  # the first one in met nobody
    assert count(result, "migration_video_gap_seconds") == 4
    assert count(result, "p2p_usage_ratio") == count(result, "cost_saving_ratio") == 1
    assert 0.3 < mean(result, "p2p_usage_ratio") < 0.9
    assert 0 < mean(result, "bandwidth_saving_ratio") < 1


def test_join_phases_add_up(hybrid: Hybrid) -> None:
    result, _, _ = hybrid
    timed = [entry for entry in result.participants if entry["join_duration_seconds"] is not None]
    assert len(timed) == 2
    for entry in timed:
        assert sum(entry["join_phases"].values()) == pytest.approx(entry["join_duration_seconds"], abs=0.02)
        assert set(entry["join_phases"]) == {
            "signalling_connect", "room_join", "offer_answer", "ice_gathering", "ice_connected", "dtls_connected",
            "first_rtp", "first_keyframe", "first_decoded",
        }  # fmt: skip


def test_progress_tells_who_is_where(hybrid: Hybrid) -> None:
    _, told, _ = hybrid
    assert told[0].step == "preparing media"
    states = {who.state for progress in told for who in progress.participants}
    assert {"p2p", "sfu"} <= states
    last = told[-1]
    assert (last.joins, last.joins_failed, last.migrations, last.migrations_failed) == (3, 0, 2, 0)
    shown = [who for progress in told for who in progress.participants]
    assert any(who.audio_score is not None and who.audio_score > 4 for who in shown)
    assert any(who.video_score is not None for who in shown)
    assert any(who.round_trip_seconds for who in shown)


def test_the_spool_holds_every_sample(hybrid: Hybrid) -> None:
    result, _, lines = hybrid
    spooled: dict[str, int] = {}
    for line in lines:
        spooled[line["m"]] = spooled.get(line["m"], 0) + line.get("n", 1)
    assert spooled == {metric: found["count"] for metric, found in result.summary.items()}
    assert all(0 <= line["t"] < 60 for line in lines)


# other meetings


def test_three_on_the_sfu() -> None:
    result = _run(topology="sfu", participants=3, **STEADY)
    _all_went_well(result, 3)
    assert not result.migrations
    assert count(result, "connection_success_ratio", "topology=sfu") == 3
    assert not count(result, "p2p_connection_success_ratio")
    assert mean(result, "p2p_usage_ratio") == pytest.approx(0.0, abs=0.1)  # but for the first one's first moment
    assert count(result, "frame_rate", "topology=sfu") == 6
    assert not count(result, "frame_rate", "topology=p2p")


def test_a_mesh_of_three() -> None:
    result = _run(topology="p2p", participants=3, **STEADY)
    _all_went_well(result, 3)
    assert not result.migrations
    assert count(result, "p2p_connection_success_ratio") == 3
    assert mean(result, "p2p_usage_ratio") == 1.0
    assert mean(result, "bandwidth_saving_ratio") == pytest.approx(1.0)
    assert count(result, "frame_rate", "topology=p2p") == 6


def test_two_meetings_for_two_rounds() -> None:
    result = _run(topology="p2p", meetings=2, rounds=2, meeting_spacing=0.1, settle=0.5, after=0.0)
    _all_went_well(result, 8)
    assert len({entry["meeting"] for entry in result.participants}) == 4
    assert result.summary["concurrent_participants_peak"]["max"] == 4


def test_audio_alone() -> None:
    result = _run(visitors=1, media=Media(video=None, audio=AUDIO), settle=1.6, visit=0.5, after=0.2)
    _all_went_well(result, 3)
    assert [m["success"] for m in result.migrations] == [True, True]
    assert count(result, "join_duration_seconds") == 2
    assert count(result, "audio_mos_lq") > 0
    for metric in ("frame_rate", "video_mos", "video_psnr_db", "migration_video_gap_seconds"):
        assert not count(result, metric)
    assert not count(result, "send_bitrate_bps", "kind=video")
    phases = {tag for tag in result.summary["join_phase_seconds"]["by"] if tag.startswith("phase=")}
    assert "phase=first_rtp" in phases
    assert "phase=first_decoded" not in phases


@pytest.mark.parametrize("depth", ["frames", "headers"])
def test_lesser_depths_see_the_same_meeting(depth: str) -> None:
    result = _run(visitors=1, observe=depth, settle=0.8, visit=0.7, after=0.4)
    _all_went_well(result, 3)
    assert [m["success"] for m in result.migrations] == [True, True]
    assert count(result, "join_duration_seconds") == 2
    for metric in (
        "packet_loss_ratio", "jitter_seconds", "round_trip_time_seconds", "frame_rate", "freeze_ratio",
        "one_way_delay_seconds", "migration_video_gap_seconds", "migration_audio_gap_seconds",
    ):  # fmt: skip
        assert count(result, metric) > 0, metric
    for metric in ("video_psnr_db", "video_ssim", "video_mos", "frame_id_unread_ratio"):
        assert not count(result, metric), metric
    assert count(result, "video_score_estimated") > 0
    _skip_if_breathless(result)
    assert mean(result, "frame_rate") == pytest.approx(10, rel=0.1)
    assert result.summary["packet_loss_ratio"]["max"] == 0


def test_h264() -> None:
    video = VideoMedia(**(VIDEO.model_dump() | {"codec": "H264"}))
    result = _run(visitors=1, media=Media(video=video, audio=None), settle=0.8, visit=0.7, after=0.4)
    _all_went_well(result, 3)
    assert [m["success"] for m in result.migrations] == [True, True]
    assert not count(result, "audio_mos_lq")
    assert count(result, "video_psnr_db") > 20
    _skip_if_breathless(result)
    assert result.summary["frame_id_wrong"]["max"] == 0
    assert result.summary["frame_id_unread_ratio"]["max"] == 0


def test_the_same_media_is_shared() -> None:
    """A second run of the same media takes it from the cache: it must not be spoilt by the first."""
    result = _run(topology="p2p", media=SMALL, settle=0.5, after=0.0)
    _all_went_well(result, 2)
    assert not bugs(result)
