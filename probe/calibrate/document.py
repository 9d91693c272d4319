"""The calibration as one JSON document."""

from __future__ import annotations

from typing import Any

from probe.calibrate.calibration import Calibration

SCHEMA = "meetprobe/calibration/1"


def build_document(
    found: Calibration, *, version: str, started_at: str, duration_seconds: float, python: str, system: str
) -> dict[str, Any]:
    """`rows` as they were compared; `exit_code` is what the command ends with."""
    return {
        "schema": SCHEMA,
        "version": version,
        "started_at": started_at,
        "duration_seconds": duration_seconds,
        "python": python,
        "system": system,
        "depth": found.options.depth,
        "load": found.options.load,
        "verdict": found.verdict,
        "exit_code": found.exit_code,
        "rows": [row.to_dict() for row in found.rows],
        "health": found.health,
        "errors": [*found.bugs, *found.errors],
    }
