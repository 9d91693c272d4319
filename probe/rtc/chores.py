"""Work that is due now and then but need not be on time: done in batches, like by like.

A second's figures of one participant cost a third when they are worked out right behind another's, while the code is warm
in the processor's caches. So what is due within a fifth of a second is done in one go, sorted by kind, a
millisecond at a time: packets, which have to be on time, get their turn in between.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from probe.rtc.beat import Beat, Turn
from probe.rtc.clock import Clock

GRID = 0.2
"""Seconds between two batches: nothing is done early, and nothing waits longer for its batch."""
_BUDGET = 0.001
"""Seconds of work at a time."""
_LEAST = 0.0004
"""So many even at a beat that came late, or has much to send: else the work would never be done."""
_SHARE = 0.6
"""Of a beat's time, after which the rest is left to the next: that one shall come on time."""
_PAUSE = 0.002
_MOST_BEHIND = 10
"""Intervals: a regular chore further behind leaves out what it missed."""

Callback = Callable[[float], None]


@dataclass(slots=True, eq=False)
class _Chore:
    callback: Callback
    due: float
    interval: float | None = None
    stopped: bool = False

    @property
    def kind(self) -> int:
        return id(getattr(self.callback, "__func__", self.callback))

    def next(self, now: float) -> None:
        assert self.interval is not None
        self.due += self.interval
        if now - self.due > _MOST_BEHIND * self.interval:
            self.due += self.interval * int((now - self.due) / self.interval)


class Chores:
    """One per process. A callback that raises stops only itself."""

    def __init__(self, clock: Clock, beat: Beat, grid: float = GRID) -> None:
        self._clock = clock
        self._grid = grid
        self._beat = beat
        beat.follow(Turn.CHORES, self._on_beat, self._arm_next)
        self._slots: dict[int, list[_Chore]] = {}
        self._next = math.inf  # when the first of them is due
        self._ready: deque[_Chore] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._armed = math.inf
        self._closed = False

    def at(self, due: float, callback: Callback) -> None:
        """Call `callback(due)` soon after monotonic time `due`, once."""
        self._put(_Chore(callback, due))

    def every(self, interval: float, callback: Callback) -> Callable[[], None]:
        """Call `callback(due)` each `interval` seconds. Returns a function that stops it."""
        chore = _Chore(callback, self._clock.now() + interval, interval)
        self._put(chore)

        def stop() -> None:
            chore.stopped = True

        return stop

    def _put(self, chore: _Chore) -> None:
        if self._closed:
            return
        slot = math.ceil(chore.due / self._grid)
        self._slots.setdefault(slot, []).append(chore)
        self._next = min(self._next, slot * self._grid)
        if not self._ready and slot * self._grid < self._armed:
            self._arm(slot * self._grid)

    def _arm(self, due: float) -> None:
        if not self._beat.running:
            self._armed = due
            self._wake(due, self._begin)

    def _arm_next(self) -> None:
        self._armed = math.inf
        if self._ready:
            self._wake(self._clock.now() + _PAUSE, self._work)
        elif self._slots:
            self._arm(self._next)

    def _wake(self, due: float, work: Callable[[], None]) -> None:
        """One timer at a time."""
        self._rest()
        self._timer = asyncio.get_running_loop().call_at(due, work)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_beat(self, due: float) -> None:
        now = self._clock.now()
        budget = min(_BUDGET, max(_LEAST, due + _SHARE * self._beat.period - now))
        if self._ready:
            self._work(budget)
        elif self._next <= now:
            self._begin(budget)

    def _begin(self, budget: float = _BUDGET) -> None:
        """Gather what is due, like beside like; what the last batch left undone stays in front."""
        passed = [slot for slot in self._slots if slot * self._grid <= self._clock.now()]
        due = [chore for slot in sorted(passed) for chore in self._slots.pop(slot)]
        self._next = min(self._slots) * self._grid if self._slots else math.inf
        self._ready.extend(sorted(due, key=lambda chore: chore.kind))
        self._work(budget)

    def _work(self, budget: float = _BUDGET) -> None:
        self._rest()
        until = self._clock.now() + budget
        try:
            while self._ready and self._clock.now() < until:
                self._do(self._ready.popleft())
        finally:
            if not (self._closed or self._beat.running):
                self._arm_next()

    def _do(self, chore: _Chore) -> None:
        if chore.stopped:
            return
        due = chore.due
        if chore.interval is not None:
            chore.next(self._clock.now())
            self._put(chore)
        chore.callback(due)

    def close(self) -> None:
        """Nothing is called any more."""
        self._closed = True
        self._slots.clear()
        self._next = math.inf
        self._ready.clear()
        self._rest()
