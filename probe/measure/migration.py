"""One migration of a meeting between P2P and the SFU, as its participants experienced it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from probe.model.samples import Sample

Topology = Literal["p2p", "sfu"]
Kind = Literal["audio", "video"]

SUPERSEDED = "superseded"
"""How the reason of a move begins that was called off because somebody came or went: nobody's failure."""


@dataclass(frozen=True, slots=True)
class StreamSwitch:
    """One received stream across the switch. `gap_seconds`: longest time without new media; None: none came again."""

    receiver: str
    sender: str
    kind: Kind
    gap_seconds: float | None = None
    frames_lost: int | None = None
    frames_repeated: int = 0
    mos_before: float | None = None
    mos_lowest: float | None = None

    @property
    def mos_dip(self) -> float | None:
        """MOS before minus the lowest second across, never negative; None where either is unknown."""
        if self.mos_before is None or self.mos_lowest is None:
            return None
        return max(0.0, self.mos_before - self.mos_lowest)

    def to_dict(self) -> dict[str, Any]:
        return {
            "receiver": self.receiver,
            "sender": self.sender,
            "kind": self.kind,
            "gap_seconds": self.gap_seconds,
            "frames_lost": self.frames_lost,
            "frames_repeated": self.frames_repeated,
            "mos_dip": self.mos_dip,
        }


@dataclass(frozen=True, slots=True)
class Migration:
    """A finished migration. `start` is seconds of the run; a rolled back one lasted until the rollback was complete.

    The gaps and the dip are those of the worst receiver, the frames those of all received video streams together.
    """

    meeting: str
    source: Topology
    target: Topology
    start: float
    duration_seconds: float
    success: bool
    reason: str
    streams: tuple[StreamSwitch, ...]

    @property
    def transition(self) -> str:
        """The value of the tag `transition`: "p2p>sfu" or "sfu>p2p"."""
        return f"{self.source}>{self.target}"

    @property
    def audio_gap_seconds(self) -> float | None:
        return max((gap for gap in self.gaps("audio").values()), default=None)

    @property
    def video_gap_seconds(self) -> float | None:
        return max((gap for gap in self.gaps("video").values()), default=None)

    @property
    def frames_lost(self) -> int | None:
        known = [stream.frames_lost for stream in self.of("video") if stream.frames_lost is not None]
        return sum(known) if known else None

    @property
    def frames_repeated(self) -> int:
        return sum(stream.frames_repeated for stream in self.of("video"))

    @property
    def mos_dip(self) -> float | None:
        return max((stream.mos_dip for stream in self.of("video") if stream.mos_dip is not None), default=None)

    def of(self, kind: Kind) -> list[StreamSwitch]:
        return [stream for stream in self.streams if stream.kind == kind]

    def gaps(self, kind: Kind) -> dict[str, float]:
        """Per receiver the longest known gap of any sender's stream of that kind."""
        worst: dict[str, float] = {}
        for stream in self.of(kind):
            if stream.gap_seconds is not None:
                worst[stream.receiver] = max(stream.gap_seconds, worst.get(stream.receiver, 0.0))
        return worst

    def to_dict(self) -> dict[str, Any]:
        """The entry of the report's `migrations`."""
        return {
            "meeting": self.meeting,
            "from": self.source,
            "to": self.target,
            "start_seconds": self.start,
            "success": self.success,
            "reason": self.reason,
            "duration_seconds": self.duration_seconds,
            "audio_gap_seconds": self.audio_gap_seconds,
            "video_gap_seconds": self.video_gap_seconds,
            "frames_lost": self.frames_lost,
            "frames_repeated": self.frames_repeated,
            "mos_dip": self.mos_dip,
            "streams": [stream.to_dict() for stream in self.streams],
        }


@dataclass(slots=True)
class MigrationRecord:
    """Collects what happened between the topology message (`start`) and the outcome; `build` makes it a `Migration`."""

    meeting: str
    source: Topology
    target: Topology
    start: float
    deadline_seconds: float
    _streams: dict[tuple[str, str, Kind], StreamSwitch] = field(default_factory=dict)
    _end: float | None = None
    _failure: str = ""

    def __post_init__(self) -> None:
        if {self.source, self.target} != {"p2p", "sfu"}:
            raise ValueError(f"a migration goes from p2p to sfu or back, not from {self.source!r} to {self.target!r}")
        if not self.deadline_seconds > 0:
            raise ValueError(f"the deadline must be above 0 seconds, got {self.deadline_seconds}")

    def add_stream(self, stream: StreamSwitch) -> None:
        """What one receiver saw of one sender's stream. A second report of the same stream replaces the first."""
        if stream.gap_seconds is not None and not 0 <= stream.gap_seconds < math.inf:
            raise ValueError(f"a gap is 0 or more seconds, got {stream.gap_seconds}")
        if min(stream.frames_lost or 0, stream.frames_repeated) < 0:
            raise ValueError("frames lost and repeated are 0 or more")
        self._streams[stream.receiver, stream.sender, stream.kind] = stream

    def commit(self, now: float) -> None:
        """All media moved and the old path is closed."""
        self._finish(now, "")

    def roll_back(self, now: float, reason: str) -> None:
        """The meeting stayed, or is back, on its old path; `reason` says who failed at what."""
        if not reason:
            raise ValueError("a rollback has a reason")
        self._finish(now, reason)

    def _finish(self, now: float, failure: str) -> None:
        if self._end is not None:
            raise ValueError(f"this migration of meeting {self.meeting!r} has ended already")
        if not now >= self.start:
            raise ValueError(f"a migration that began at {self.start} can't end at {now}")
        self._end, self._failure = now, failure

    def build(self) -> Migration:
        """The migration as it went. Raises ValueError before `commit` or `roll_back`."""
        if self._end is None:
            raise ValueError(f"this migration of meeting {self.meeting!r} has no outcome yet")
        duration = self._end - self.start
        streams = tuple(self._streams[key] for key in sorted(self._streams))
        reason = self._failure or self._shortfall(duration, streams)
        return Migration(self.meeting, self.source, self.target, self.start, duration, not reason, reason, streams)

    def _shortfall(self, duration: float, streams: Iterable[StreamSwitch]) -> str:
        """Why a committed migration is a failure all the same; empty if it isn't."""
        found = list(streams)
        if not found:
            return "no media was observed across the switch"
        for stream in found:
            if stream.gap_seconds is None:
                return f"{stream.receiver} got no {stream.kind} from {stream.sender} on the new path"
        if duration > self.deadline_seconds:
            return f"took {duration:.1f} s, the deadline is {self.deadline_seconds:g} s"
        return ""


def samples(migration: Migration, time: float) -> list[Sample]:
    """The migration's samples at `time` seconds of the run: success; duration of a success; gaps per receiver, frames
    and MOS dip per received video stream whatever the outcome, for people saw them."""
    tags = {"transition": migration.transition}
    meeting = {"meeting": migration.meeting}
    found = [Sample("migration_success_ratio", float(migration.success), time, tags, meeting)]
    if migration.success:
        found.append(Sample("migration_duration_seconds", migration.duration_seconds, time, tags, meeting))
    for kind in ("audio", "video"):
        for receiver, gap in migration.gaps(kind).items():
            detail = {**meeting, "receiver": receiver}
            found.append(Sample(f"migration_{kind}_gap_seconds", gap, time, tags, detail))
    for stream in migration.of("video"):
        detail = {**meeting, "receiver": stream.receiver, "sender": stream.sender}
        if stream.frames_lost is not None:
            found.append(Sample("migration_frames_lost", stream.frames_lost, time, tags, detail))
        found.append(Sample("migration_frames_repeated", stream.frames_repeated, time, tags, detail))
        if stream.mos_dip is not None:
            found.append(Sample("migration_mos_dip", stream.mos_dip, time, tags, detail))
    return found
