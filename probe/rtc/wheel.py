"""One timer for all that is due: frames to send, reports, polls. No task per track, and every delay is known."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable

from probe.rtc.clock import Clock

_COALESCE = 0.0005
"""What is due within half a millisecond is done in one wake-up."""

Callback = Callable[[float], None]


class TimerWheel:
    """Calls back in order of due time. `on_late(seconds)` hears how late each wake-up came: the pacing error."""

    def __init__(self, clock: Clock, on_late: Callable[[float], None]) -> None:
        self._clock = clock
        self._on_late = on_late
        self._order = itertools.count()
        self._heap: list[tuple[float, int, Callback]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._closed = False

    def at(self, due: float, callback: Callback) -> None:
        """Call `callback(due)` at monotonic time `due`, once. A callback that raises stops only itself."""
        if self._closed:
            return
        heapq.heappush(self._heap, (due, next(self._order), callback))
        if self._heap[0][0] == due:
            self._arm()

    def every(self, interval: float, callback: Callback, first: float | None = None) -> Callable[[], None]:
        """Call `callback(due)` each `interval` seconds. Returns a function that stops it.

        Behind by more than ten intervals, the missed ones are left out: a burst of old work helps nobody.
        """
        stopped = False

        def run(due: float) -> None:
            if stopped:
                return
            following = due + interval
            behind = self._clock.now() - following
            if behind > 10 * interval:
                following += interval * int(behind / interval)
            self.at(following, run)
            callback(due)

        def stop() -> None:
            nonlocal stopped
            stopped = True

        self.at(self._clock.now() + interval if first is None else first, run)
        return stop

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._heap[0][0], self._run) if self._heap else None

    def _run(self) -> None:
        now = self._clock.now()
        self._timer = None
        horizon = now + _COALESCE
        try:
            while self._heap and self._heap[0][0] <= horizon:
                due, _, callback = heapq.heappop(self._heap)
                self._on_late(max(0.0, now - due))
                callback(due)
        finally:
            if not self._closed:
                self._arm()

    def close(self) -> None:
        """Nothing is called any more."""
        self._closed = True
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()
