"""When a user is due: an open schedule, which a slow server can't stretch. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

RETRY_AFTER = 1.0
"""Seconds from a failed join to its next try."""


@dataclass(slots=True)
class Schedule:
    """Slot k begins at `start + k * period` (seconds), whatever the server did in slot k - 1.

    Who waits for a slow join before asking for the next slot would measure only the moments in which the server was well
    ("coordinated omission"): what is late is timed from when it was due, and what never came is counted in `skipped`.
    """

    start: float
    period: float
    skipped: int = 0
    slot: int = -1

    def next(self, now: float) -> float:
        """When the next join is due: of the slot after the last one, or of the one that is running, if whole slots have passed
        since. May lie in the past, by less than a period."""
        return self._move_to(math.floor((now - self.start) / self.period))

    def next_ahead(self, now: float) -> float:
        """The same for what can't begin late: the next slot that is not in the past."""
        return self._move_to(math.ceil((now - self.start) / self.period))

    def _move_to(self, slot: int) -> float:
        due = self.slot + 1
        self.slot = max(due, slot)
        self.skipped += self.slot - due
        return self.start + self.slot * self.period


@dataclass(slots=True)
class Pace:
    """Spreads the users that Locust spawns once a second over that second, each worker's `offset` from the others': a crowd that
    comes in one instant would wait for the generator, not for the server."""

    spacing: float
    offset: float = 0.0
    most: float = 1.0
    _last: float = -math.inf

    def start(self, due: float) -> float:
        """When a user begins who is due then: `spacing` seconds after the one before, but never more than `most` late."""
        due += self.offset
        self._last = min(max(due, self._last + self.spacing), due + self.most)
        return self._last


def may_retry(attempt: int, retries: int, now: float, leave_at: float) -> bool:
    """After the failed `attempt` (from 1): is there a try left, and time for it before the stay would be over?"""
    return attempt <= retries and now + RETRY_AFTER < leave_at


@dataclass(slots=True)
class Restarts:
    """How often what crashed may be started again: `most` times within `window` seconds, each time after a longer pause."""

    most: int = 3
    window: float = 600.0
    first_pause: float = 1.0
    _at: list[float] = field(default_factory=list)

    @property
    def told(self) -> str:
        return f" {self.most + 1} times within {self.window:g} s, the last time"

    def pause(self, now: float) -> float | None:
        """Seconds to wait before the next start, which is hereby counted; None when enough was tried."""
        self._at = [at for at in self._at if now - at < self.window]
        if len(self._at) >= self.most:
            return None
        self._at.append(now)
        return self.first_pause * float(2 ** (len(self._at) - 1))
