"""Find the limit: raise the load step by step until a target breaks, and say the highest that held. Pure.

Of each step its second half is judged, when those who came with it are in. A step holds when no target failed in it: so short a
time proves few targets, but it shows what breaks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from loadtest.judgement import Judgement
from probe.measure.summary import Summary
from reports.kpi import Status
from reports.slices import Slices
from reports.units import Units
from reports.verdict import Grounds, judge

LONGEST = 3
"""Times its length that a step waits for every worker's report."""

LONGEST_START = 60.0
"""Seconds that the first step waits for its first measurement: engines take their time to get ready."""

Ending = Literal["broken", "ceiling", "generator", "stopped"]


@dataclass(frozen=True, slots=True)
class Limit:
    """What was found, in participants. `held`: the highest load that held, None if none did; `tried`: the last load.
    `ended`: a target broke, the users that were asked for all held, the generator gave out first, or it was stopped."""

    held: int | None
    tried: int
    ended: Ending
    reasons: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        why = "; ".join(self.reasons)
        if self.ended == "ceiling":
            return f"{self.held} participants, the most that were asked for, held all targets: the limit lies higher"
        said = {
            "broken": f"at {self.tried} {why}",
            "generator": f"at {self.tried} the generator itself gave out: {why}",
            "stopped": f"the search was stopped at {self.tried}",
        }[self.ended]
        head = "no load held all targets" if self.held is None else f"{self.held} participants held all targets"
        return f"{head}; {said}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self) | {"reasons": list(self.reasons), "sentence": self.sentence}


class _Step(Grounds):
    """A step is judged even when nobody joined in it: those who are in are measured all the same."""

    @property
    def measured(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Steps:
    """`users` more each `seconds`, up to `most`."""

    users: int
    seconds: float
    most: int


class LimitSearch:
    """`users` there should be now; `limit` once it is over. Tell `add` what is measured and `advance` the time."""

    def __init__(self, judgement: Judgement, steps: Steps, participants_of: Callable[[int], int]) -> None:
        self._judgement = judgement
        self._steps = steps
        self._participants_of = participants_of
        self.users = min(steps.users, steps.most)
        self.held: int | None = None
        self.limit: Limit | None = None
        self._began: float | None = None
        self._measuring = False
        self._window: Summary | None = None
        self._slices = Slices()
        self._heard: set[str] = set()

    @property
    def participants(self) -> int:
        return self._participants_of(self.users)

    def add(self, worker: str, summary: Summary, units: Units) -> None:
        """What a worker measured since its last report, and by whom; it counts in the second half of a step."""
        self._measuring = self._measuring or _has_samples(summary)
        if self._window is not None:
            self._window.merge(summary)
            self._slices.units.merge(units)
            self._heard.add(worker)

    def advance(self, seconds: float, distrust: Sequence[str], workers: int) -> bool:
        """It is `seconds` since the start, of `workers`, for which `distrust` says why they can't be believed. True when a step
        has held just now."""
        if self.limit is not None:
            return False
        if distrust:
            self._end("generator", tuple(distrust[:1]))
            return False
        if self._began is None:
            if not self._measuring and seconds < LONGEST_START:
                return False
            self._began = seconds
        age = seconds - self._began
        if self._window is None and age >= self._steps.seconds / 2:
            self._window, self._slices = Summary(), Slices()
        waiting = len(self._heard) < workers and age < LONGEST * self._steps.seconds
        if self._window is None or age < self._steps.seconds or waiting:
            return False
        return self._judge(self._window, seconds)

    def stop(self) -> None:
        """No more steps."""
        if self.limit is None:
            self._end("stopped")

    def _judge(self, window: Summary, seconds: float) -> bool:
        if failed := self._failed(window):
            self._end("broken", failed)
            return False
        self.held = self.participants
        if self.users >= self._steps.most:
            self._end("ceiling")
        self.users = min(self.users + self._steps.users, self._steps.most)
        self._began, self._window, self._heard = seconds, None, set()
        return True

    def _failed(self, window: Summary) -> tuple[str, ...]:
        if not _has_samples(window):
            return ("nothing was measured",)
        own = self._judgement
        grounds = _Step(window, self._steps.seconds / 2, slices=self._slices)
        judges = None if own.judges is None else set(own.judges)
        rows = judge(own.profile, own.horizon, judges, grounds)
        return tuple(f"{row.kpi} failed: {row.evidence}" for row in rows if row.status is Status.FAIL)

    def _end(self, how: Ending, reasons: tuple[str, ...] = ()) -> None:
        self.limit = Limit(self.held, self.participants, how, reasons)


def _has_samples(summary: Summary) -> bool:
    return any(True for _ in summary)
