"""What a run hands over: plain data, so that it can cross a pipe, be stored, or be judged again with other targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class RunError:
    """One kind of failure: the phase it happened in, who failed, what was said, and how often."""

    phase: str
    who: str
    message: str
    count: int = 1

    def to_dict(self) -> dict[str, Any]:
        return {"phase": self.phase, "who": self.who, "message": self.message, "count": self.count}


def counted_errors(counts: Mapping[tuple[str, str, str], int]) -> tuple[RunError, ...]:
    """Errors counted by (phase, who, message), most frequent first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(RunError(phase, who, message, count) for (phase, who, message), count in ordered)


@dataclass(frozen=True, slots=True)
class RunResult:
    """A finished, interrupted or failed run.

    `started_at` is UTC in ISO 8601, `duration_seconds` the time from the first join to the last leave. `target` is the
    server's URL, "embedded" for the shim that the run started itself. `summary` is
    `probe.measure.summary.Summary.to_dict()`, `health` the fields of the generator's verdict (`trustworthy`, `reasons`,
    `loop_lag_p99_seconds`, …; a missing or null figure was not measured). `migrations` and `participants` are the
    entries of the report document, as JSON-ready mappings. `notes` are sentences that a reader of the figures needs.
    `browsers` are the rows of what browsers among the participants saw beside what we saw.
    `series` is `probe.measure.series.Series.columns()`, `slices` is `reports.slices.Slices.to_dict()`: samples by their time and by
    whom, for targets that ask for it. `events` are what was done to the network and when, and `worst_frames` the
    pictures that came out worst, as the report has them.
    """

    id: str
    started_at: str
    duration_seconds: float
    scenario: str
    target: str
    version: str
    health: Mapping[str, Any]
    summary: Mapping[str, Any]
    migrations: tuple[Mapping[str, Any], ...] = ()
    participants: tuple[Mapping[str, Any], ...] = ()
    errors: tuple[RunError, ...] = ()
    interrupted: bool = False
    notes: tuple[str, ...] = ()
    series: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    slices: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[Mapping[str, Any], ...] = ()
    worst_frames: tuple[Mapping[str, Any], ...] = ()
    browsers: tuple[Mapping[str, Any], ...] = ()
