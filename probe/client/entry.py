"""One participant's stay in a meeting, as the report and the live display show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from probe.client.participant import Participant
from probe.model.errors import ProbeError
from probe.model.progress import ParticipantNow


@dataclass(slots=True, eq=False)
class Entry:
    """`joined`: it got in, and saw somebody if anybody was there. `counted`: its end is told. `forgotten`: nobody asks for it
    any more. `topology`: what carried it when its join was over."""

    name: str
    meeting: str
    participant: Participant
    error: ProbeError | None = None
    joined: bool = False
    counted: bool = False
    forgotten: bool = False
    topology: str = ""

    @property
    def inside(self) -> bool:
        """Whether it is in the meeting now."""
        return self.joined and self.participant.left_at is None

    def now(self) -> ParticipantNow:
        """For the live display."""
        state = "failed" if self.error is not None else self.participant.state
        return ParticipantNow(self.meeting, self.name, state, **self.participant.figures())

    def to_dict(self) -> dict[str, Any]:
        """The row of the report's `participants`; times in seconds."""
        who, clock = self.participant, self.participant.join_clock
        timed = self.joined and who.timed and clock is not None
        return {
            "id": who.participant or self.name,
            "name": self.name,
            "meeting": self.meeting,
            "joined": self.joined,
            "topology": self.topology,
            "join_duration_seconds": clock.total if timed and clock is not None else None,
            "join_phases": clock.durations() if timed and clock is not None else {},
            "stay_seconds": who.left_at - who.joined_at if who.left_at and who.joined_at else None,
            "drops": [reason for _, reason in who.drops],
            "error": str(self.error) if self.error else None,
        }
