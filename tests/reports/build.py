"""Summaries, rows and results to test the verdict and the renderers with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from probe.measure.summary import Summary
from probe.model.result import RunError, RunResult
from probe.model.samples import Sample
from probe.model.validation import validate
from reports.targets.profile import Kpi

HEALTHY: dict[str, Any] = {
    "trustworthy": True,
    "reasons": [],
    "loop_lag_p99_seconds": 0.002,
    "pacing_error_p99_seconds": 0.001,
    "socket_drops": 0,
    "cpu_ratio": 0.42,
    "decode_overload": 0,
}
BUSY: dict[str, Any] = {**HEALTHY, "trustworthy": False, "reasons": ["event-loop lag p99 220 ms, limit 50 ms"]}


def add(summary: Summary, metric: str, values: Iterable[float], **tags: str) -> None:
    for time, value in enumerate(values):
        summary.add(Sample(metric, float(value), float(time), tags))


def attempts(summary: Summary, metric: str, good: int, total: int, **tags: str) -> None:
    add(summary, metric, [1.0] * good + [0.0] * (total - good), **tags)


def good_run() -> Summary:
    """What an undisturbed hybrid run of two meetings leaves behind."""
    found = Summary()
    attempts(found, "join_success_ratio", 6, 6, topology="p2p")
    add(found, "join_duration_seconds", [0.2, 0.25, 0.3, 0.35], topology="p2p")
    phases = ("signalling_connect", "room_join", "offer_answer", "ice_connected", "dtls_connected", "first_decoded")
    for phase in phases:
        add(found, "join_phase_seconds", [0.04, 0.05, 0.06], phase=phase, topology="p2p")
    attempts(found, "connection_success_ratio", 8, 8, topology="p2p")
    attempts(found, "connection_success_ratio", 6, 6, topology="sfu")
    attempts(found, "p2p_connection_success_ratio", 8, 8)
    for topology, rtt in (("p2p", 0.0005), ("sfu", 0.002)):
        add(
            found,
            "round_trip_time_seconds",
            [rtt * (1 + n % 5 / 10) for n in range(40)],
            topology=topology,
            kind="video",
        )
        add(found, "one_way_delay_seconds", [0.004 + n % 7 / 1000 for n in range(40)], topology=topology, kind="video")
        add(found, "video_quality_score", [4.7 + n % 3 / 100 for n in range(20)], topology=topology)
        add(found, "audio_quality_score", [4.88 + n % 2 / 100 for n in range(20)], topology=topology)
        add(found, "packet_loss_ratio", [0.0] * 8, topology=topology, kind="video")
        add(found, "send_bitrate_bps", [990_000.0, 1_010_000.0], topology=topology, kind="video")
        add(found, "receive_bitrate_bps", [50_000.0], topology=topology, kind="audio")
    attempts(found, "connection_stability_ratio", 6, 6)
    attempts(found, "migration_success_ratio", 2, 2, transition="p2p>sfu")
    attempts(found, "migration_success_ratio", 2, 2, transition="sfu>p2p")
    add(found, "p2p_usage_ratio", [0.5])
    add(found, "cost_saving_ratio", [0.33])
    add(found, "bandwidth_saving_ratio", [0.39])
    add(found, "megabytes_per_participant_hour", [900.0, 950.0], topology="p2p")
    add(found, "concurrent_participants_peak", [6.0])
    return found


def migration(number: int = 1, *, success: bool = True, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "meeting": f"room-{number}",
        "from": "p2p" if number % 2 else "sfu",
        "to": "sfu" if number % 2 else "p2p",
        "start_seconds": 8.0,
        "success": success,
        "reason": "" if success else "b got no video from a on the new path",
        "duration_seconds": 0.4,
        "audio_gap_seconds": 0.06,
        "video_gap_seconds": 0.08 if success else None,
        "frames_lost": 1,
        "frames_repeated": 2,
        "mos_dip": 0.1,
        "streams": [],
    }
    return {**found, **changes}


def result(summary: Summary | None = None, **changes: Any) -> RunResult:
    fields: dict[str, Any] = {
        "id": "a1b2c3",
        "started_at": "2026-11-22T03:04:05+00:00",
        "duration_seconds": 24.0,
        "scenario": "hybrid",
        "target": "embedded",
        "version": "0.1.0",
        "health": HEALTHY,
        "summary": (good_run() if summary is None else summary).to_dict(),
        "migrations": tuple(migration(n) for n in (1, 2, 3, 4)),
        "participants": ({"id": "a", "name": "a", "meeting": "room-1", "joined": True, "topology": "p2p"},),
        "errors": (),
        "notes": (),
    }
    return RunResult(**{**fields, **changes})


UNREACHABLE = RunError("signalling_connect", "ws://127.0.0.1:1", "connection refused", 6)


def kpi(
    metric: str = "join_success_ratio", aggregate: str = "ratio", comparison: str = ">=", now: Any = 0.98, **more: Any
) -> Kpi:
    row = {"id": "row", "title": "Row", "metric": metric, "aggregate": aggregate, "comparison": comparison}
    return validate(Kpi, {**row, "targets": {"now": now}, **more}, source="test")
