"""What was found as one JSON document, `meetprobe/capacity/1`. Its JSON Schema is `reports/schema/capacity-1.json`."""

from __future__ import annotations

from typing import Any

from probe.capacity.figures import Point
from probe.capacity.measure import Capacity

SCHEMA = "meetprobe/capacity/1"
_FIGURES = (
    "participants", "processes", "seconds", "cpu_core_per_participant", "cpu_us_per_packet", "join_cpu_seconds",
    "rss_bytes_per_participant", "loop_lag_p99_seconds", "pacing_error_p99_seconds", "decode_delay_p99_seconds",
    "decode_overload", "socket_drops", "packets_sent", "packets_received", "packets_lost", "joins_per_second",
    "join_seconds_p95", "join_failures", "cpu_cores", "cpu_wait_ratio", "server_cpu_cores", "other_cpu_cores",
    "authenticated_share", "native", "trustworthy",
)  # fmt: skip


def build_document(
    found: Capacity, *, version: str, started_at: str, duration_seconds: float, python: str, system: str
) -> dict[str, Any]:
    """The figures at the top are those of the largest point that held; where none held, of the smallest that was read."""
    options, work = found.options, found.options.work
    best = found.best or Point(options.participants or 0, options.processes)
    return {
        "schema": SCHEMA,
        "version": version,
        "started_at": started_at,
        "duration_seconds": duration_seconds,
        "python": python,
        "system": system,
        "processors": found.processors,
        "topology": work.topology,
        "meeting_size": work.meeting_size,
        "depth": work.depth,
        "sent": work.sent,
        "authenticate": work.authenticate,
        "join_rate": work.join_rate,
        **point_figures(best),
        "max_trusted_participants": found.max_trusted,
        "participants_per_core": found.per_core,
        "limiting_factor": found.limiting_factor,
        "points": [point_figures(point) for point in found.points],
        "errors": [*found.bugs, *sorted({error for point in found.points for error in point.errors})],
        "exit_code": found.exit_code,
    }


def point_figures(point: Point) -> dict[str, Any]:
    """One point: base units, null where nothing was read."""
    return {name: getattr(point, name) for name in _FIGURES} | {"reasons": [trouble.text for trouble in point.troubles]}
