"""Readings and points as the tests need them."""

from __future__ import annotations

from typing import Any

from probe.capacity.figures import Point, Reading

CALM: dict[str, Any] = {
    "joined": 100, "join_failures": 0, "join_cpu_seconds": 0.4, "join_seconds_p95": 0.06, "first_joined": 10.0,
    "last_joined": 10.99, "seconds": 10.0, "cpu_seconds": 2.0, "waited_seconds": 0.05, "packets_sent": 107_000, "packets_received": 107_000,
    "packets_lost": 0, "streams": 200, "streams_measured": 200, "socket_drops": 0, "loop_lag_p99_seconds": 0.002,
    "pacing_error_p99_seconds": 0.001, "decode_overload": 0, "decode_delay_p99_seconds": 0.0, "rss_bytes": 50_000_000,
    "native": True, "packets_authenticated": 1070,
}  # fmt: skip


def reading(**changes: Any) -> Reading:
    """A process with 100 participants in one-to-one calls for ten seconds, and everything is well."""
    return Reading(**CALM | changes)


def point(*readings: Reading, participants: int = 100, **changes: Any) -> Point:
    """Those readings, or a calm one."""
    found = readings or (reading(),)
    values: dict[str, Any] = {"streams_expected": 2 * participants, "server_cpu_cores": 0.01, "other_cpu_cores": 0.1}
    return Point(participants, len(found), readings=found, **values | changes)


def held(participants: int, **changes: Any) -> Point:
    """A calm point of that size."""
    scale = participants / 100
    sizes = {"joined": participants, "streams": 2 * participants, "streams_measured": 2 * participants}
    counts = {
        name: round(CALM[name] * scale)
        for name in ("packets_sent", "packets_received", "packets_authenticated", "rss_bytes")
    }
    return point(reading(**sizes | counts | changes), participants=participants)


def broken(participants: int, **changes: Any) -> Point:
    """One whose loop was late."""
    return held(participants, **{"loop_lag_p99_seconds": 0.046, "cpu_seconds": 9.7} | changes)
