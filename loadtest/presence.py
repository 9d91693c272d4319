"""How many participants have media at the same time, told late and out of order by many engines. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count

HELD = 15.0
"""Seconds that a change waits for those which happened before it and are told later: several times the time between reports."""


@dataclass(slots=True)
class _Worker:
    """`present` in its `engine`. `offset` turns its machine's monotonic seconds into ours; None until it has told something."""

    engine: str
    present: int = 0
    offset: float | None = None

    def learn(self, age: float) -> float:
        """Its newest change is `age` seconds old by our clock. Clocks of other machines count from another moment: changes that
        are not of the last HELD seconds are of such a one, which is set by the report that comes through quickest."""
        if self.offset is None:
            self.offset = 0.0 if 0 <= age <= HELD else age
        elif self.offset:
            self.offset = min(self.offset, age)
        return self.offset


class Presence:
    """The running sum of all workers and its peak, in memory for HELD seconds of changes.

    Engines tell each change with its monotonic time. An engine in another's place begins with nobody.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, int]] = []
        self._order = count()
        self._present = self._peak = 0
        self._workers: dict[str, _Worker] = {}

    def add(self, worker: str, engine: str, changes: Iterable[tuple[float, int]], now: float) -> None:
        """What an engine of that worker tells, at monotonic `now` of this machine."""
        told = list(changes)
        known = self._workers.setdefault(worker, _Worker(engine))
        offset = known.learn(now - max(time for time, _ in told)) if told else 0.0
        if known.engine != engine:
            self.gone(worker, min([now, *(time + offset for time, _ in told)]))
            known.engine = engine
        for time, change in told:
            self._push(time + offset, change)
            known.present += change
        self._settle(now - HELD)

    def gone(self, worker: str, now: float) -> None:
        """The worker's engine is no more, nor is whoever it had in."""
        known = self._workers.get(worker)
        if known is not None and known.present:
            self._push(now, -known.present)
            known.present = 0

    @property
    def peak(self) -> int:
        """The most at one time, of all that was told so far."""
        present, peak = self._present, self._peak
        for _, _, change in sorted(self._waiting):
            present += change
            peak = max(peak, present)
        return peak

    def _push(self, time: float, change: int) -> None:
        heapq.heappush(self._waiting, (time, next(self._order), change))

    def _settle(self, until: float) -> None:
        while self._waiting and self._waiting[0][0] <= until:
            self._present += heapq.heappop(self._waiting)[2]
            self._peak = max(self._peak, self._present)
