"""What a run tells while it is under way: a snapshot, complete in itself, a few times a second."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ParticipantNow:
    """One participant at this moment. `state` is a word or two: the join phase it waits for, "p2p", "sfu", "moving to
    sfu", "left", "failed". Figures are of the last second, None where there is none."""

    meeting: str
    participant: str
    state: str
    round_trip_seconds: float | None = None
    loss_ratio: float | None = None
    frame_rate: float | None = None
    video_score: float | None = None
    audio_score: float | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """`step` says what the run does now. `planned_seconds` is an estimate of the whole run; counts are so far. `unlisted`: how
    many more are there than the `participants` that are told."""

    step: str
    elapsed_seconds: float
    planned_seconds: float | None = None
    participants: tuple[ParticipantNow, ...] = ()
    joins: int = 0
    joins_failed: int = 0
    migrations: int = 0
    migrations_failed: int = 0
    unlisted: int = 0
