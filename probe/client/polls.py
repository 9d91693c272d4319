"""Who has to be asked every 20 ms what it misses: one timer for all paths, and none for those that miss nothing."""

from __future__ import annotations

from typing import Protocol

from probe.rtc.clock import Clock
from probe.rtc.wheel import TimerWheel

INTERVAL = 0.02


class Polled(Protocol):
    """`poll` asks for what is missing; False when it need not be called again until somebody says so."""

    def poll(self, now: float) -> bool: ...


class Polls:
    """`want(path)`: poll it from the next tick on, until it says that it is done."""

    def __init__(self, clock: Clock, wheel: TimerWheel) -> None:
        self._clock = clock
        self._wheel = wheel
        self._wanting: dict[Polled, None] = {}
        self._running = False

    def want(self, path: Polled) -> None:
        """Idempotent."""
        self._wanting[path] = None
        if not self._running:
            self._running = True
            self._wheel.at(self._clock.now() + INTERVAL, self._tick)

    def forget(self, path: Polled) -> None:
        """It is closed."""
        self._wanting.pop(path, None)

    def _ask(self, path: Polled, now: float) -> None:
        """One that raises is not asked again unless it wants to be: the others would never get their turn."""
        more = False
        try:
            more = path.poll(now)
        finally:
            if not more:
                self._wanting.pop(path, None)

    def _tick(self, due: float) -> None:
        now = self._clock.now()
        self._running = False
        try:
            for path in list(self._wanting):
                if path in self._wanting:  # not forgotten meanwhile
                    self._ask(path, now)
        finally:
            if self._wanting:
                self._running = True
                self._wheel.at(max(now, due + INTERVAL), self._tick)
