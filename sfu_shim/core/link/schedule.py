"""What a link does over time: "at 5 s: 3 % loss; at 10 s: blackout of 400 ms"."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from probe.model.errors import ConfigError
from sfu_shim.core.link.impairment import INSTANT, Impairment, within

MAX_STEPS = 1000
UNIMPAIRED = Impairment()


@dataclass(frozen=True, slots=True)
class Step:
    """From `at` (seconds since the link's start) the link is as `impairment` says; None: as before. For `blackout`
    seconds from then, nothing that is sent into it comes out."""

    at: float
    impairment: Impairment | None = None
    blackout: float = 0.0

    def __post_init__(self) -> None:
        within("at", self.at, INSTANT)
        within("blackout", self.blackout, INSTANT)
        if self.impairment is None and not self.blackout:
            raise ConfigError(f"the step at {self.at:g} s changes nothing")


@dataclass(frozen=True, slots=True)
class Schedule:
    """`base` until the first step changes it. Steps are in order of time, and at most 1000."""

    base: Impairment = UNIMPAIRED
    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        if len(self.steps) > MAX_STEPS:
            raise ConfigError(f"schedule: {len(self.steps)} steps are more than the {MAX_STEPS} allowed")
        times = [step.at for step in self.steps]
        if times != sorted(times):
            raise ConfigError("schedule: the steps are not in order of time")

    @property
    def blackouts(self) -> tuple[tuple[float, float], ...]:
        """(start, end) of each, in seconds since the link's start."""
        return tuple((step.at, step.at + step.blackout) for step in self.steps if step.blackout)


class ScheduleReader:
    """Answers what holds at a time, quickly."""

    def __init__(self, schedule: Schedule) -> None:
        changes = [step for step in schedule.steps if step.impairment is not None]
        self._times = [step.at for step in changes]
        self._impairments = [schedule.base, *(step.impairment for step in changes if step.impairment is not None)]

    def at(self, seconds: float) -> Impairment:
        """The impairment that holds `seconds` after the link's start."""
        if not self._times:
            return self._impairments[0]
        return self._impairments[bisect_right(self._times, seconds)]
