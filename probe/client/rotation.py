"""Whose pictures are looked at now, where most participants read headers only: a few at a time, everybody in turn."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from probe.rtc.wheel import TimerWheel


class Look(Protocol):
    """One stream's pictures being looked at, until `end`."""

    def end(self) -> None: ...


class Looker(Protocol):
    """A participant: `look` begins to look at the pictures of every stream that it receives now."""

    participant: str

    def look(self) -> Sequence[Look]: ...


class Rotation:
    """Every `interval` seconds the next `share` (0–1] of those who are `present()` look: who has looked least comes first, of
    those who came earlier. At least one looks, as long as anybody is there. `turns` and `looks` count what was done. Who has
    left is forgotten."""

    def __init__(
        self, wheel: TimerWheel, share: float, interval: float, present: Callable[[], Sequence[Looker]], first: float
    ) -> None:
        self.turns = 0
        self.looks = 0
        self._share = share
        self._present = present
        self._had: Counter[str] = Counter()
        self._now: list[Look] = []
        self._stop = wheel.every(interval, self._turn, first)

    def _turn(self, due: float) -> None:
        self._end_looks()
        present = self._present()
        if not present:
            return
        self.turns += 1
        self._had = Counter({one.participant: self._had[one.participant] for one in present})
        wanted = max(1, math.ceil(self._share * len(present) - 1e-9))
        for looker in sorted(present, key=lambda one: self._had[one.participant])[:wanted]:
            self._had[looker.participant] += 1
            looks = looker.look()
            self.looks += len(looks)
            self._now += looks

    def _end_looks(self) -> None:
        looks, self._now = self._now, []
        for look in looks:
            look.end()

    def close(self) -> None:
        """No more turns; those who look stop."""
        self._stop()
        self._end_looks()
