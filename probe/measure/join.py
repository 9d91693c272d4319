"""How long a join took, from the intended start, and in which phase it spent its time."""

from __future__ import annotations

PHASES = (
    "signalling_connect", "room_join", "ice_gathering", "offer_answer", "ice_connected", "dtls_connected", "first_rtp",
    "first_keyframe", "first_decoded",
)  # fmt: skip
"""In the order in which a join goes through them: candidates are gathered first, for the description carries them."""


class JoinClock:
    """One attempt. `intended_start` (monotonic seconds) is when the user meant to join, however late the client got to it:
    otherwise a slow client or server would shorten the times it is measured by. `goal` is the phase that ends the join; it may
    be set anew until it is reached."""

    def __init__(self, intended_start: float, goal: str = PHASES[-1]) -> None:
        self._start = intended_start
        self.goal = _known(goal)
        self._reached: dict[str, float] = {}

    def mark(self, phase: str, now: float) -> None:
        """The phase is done. Only its first time counts. Raises ValueError for a phase that does not exist."""
        self._reached.setdefault(_known(phase), now)

    def durations(self) -> dict[str, float]:
        """Seconds from the phase reached before to each reached phase, in order of PHASES. Phases that overlap (candidates
        gathered while the offer travels) count once: each adds what it prolonged the join by, and all add up to the time
        of the latest one."""
        found: dict[str, float] = {}
        latest = self._start
        for phase in PHASES:
            if phase in self._reached:
                found[phase] = max(0.0, self._reached[phase] - latest)
                latest = max(latest, self._reached[phase])
        return found

    def after(self, phase: str) -> float | None:
        """Seconds from the intended start to the end of that phase, None if it was not reached."""
        reached = self._reached.get(_known(phase))
        return None if reached is None else max(0.0, reached - self._start)

    @property
    def total(self) -> float | None:
        """Seconds from the intended start to the goal, None if it was not reached. What arrived while a phase before it was still
        under way (the kernel stamps media that came with the last word of DTLS) could be used when that was over, and counts
        then; so the phases add up to it."""
        if self.goal not in self._reached:
            return None
        before = PHASES[: PHASES.index(self.goal) + 1]
        return max(0.0, max(self._reached[phase] for phase in before if phase in self._reached) - self._start)

    @property
    def failed_phase(self) -> str | None:
        """The phase that did not come: the one after the furthest reached. None once the goal was reached."""
        if self.goal in self._reached:
            return None
        furthest = max((PHASES.index(phase) for phase in self._reached), default=-1)
        return PHASES[min(furthest + 1, PHASES.index(self.goal))]


def _known(phase: str) -> str:
    if phase not in PHASES:
        raise ValueError(f"unknown join phase {phase!r}, one of {', '.join(PHASES)}")
    return phase
