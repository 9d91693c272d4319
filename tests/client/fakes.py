"""A clock that is set by hand, a wheel that turns with it, and a context around them: simulated time for participants."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from typing import Any

from probe.client.context import Context, Depth
from probe.measure.health import GeneratorHealth
from probe.model.samples import Sample
from probe.rtc.chores import Chores
from probe.rtc.clock import NTP_EPOCH, Clock
from probe.rtc.wheel import Callback, TimerWheel

START = 1000.0


class FakeClock(Clock):
    """Monotonic seconds that stand still until they are moved. NTP time is exactly NTP_EPOCH ahead."""

    def __init__(self, now: float = START) -> None:
        self.time = now
        self._ntp_offset = NTP_EPOCH

    def now(self) -> float:
        return self.time


class FakeWheel(TimerWheel):
    """`run_until` moves the clock from one due time to the next."""

    def __init__(self, clock: FakeClock) -> None:
        self.fake = clock
        self._due: list[tuple[float, int, Callback]] = []
        self._number = itertools.count()

    def at(self, due: float, callback: Callback) -> None:
        heapq.heappush(self._due, (due, next(self._number), callback))

    def every(self, interval: float, callback: Callback, first: float | None = None) -> Callable[[], None]:
        running = True

        def run(due: float) -> None:
            if running:
                self.at(due + interval, run)
                callback(due)

        def stop() -> None:
            nonlocal running
            running = False

        self.at(self.fake.now() + interval if first is None else first, run)
        return stop

    def run_until(self, time: float) -> None:
        while self._due and self._due[0][0] <= time:
            due, _, callback = heapq.heappop(self._due)
            self.fake.time = max(self.fake.time, due)
            callback(due)
        self.fake.time = time

    def close(self) -> None:
        self._due.clear()


class FakeChores(Chores):
    """Done exactly when they are due, by the same wheel."""

    def __init__(self, wheel: FakeWheel) -> None:
        self._wheel = wheel

    def at(self, due: float, callback: Callback) -> None:
        self._wheel.at(due, callback)

    def every(self, interval: float, callback: Callback) -> Callable[[], None]:
        return self._wheel.every(interval, callback)

    def close(self) -> None:
        pass


class Bench:
    """A context in simulated time. `samples` are all that were emitted."""

    def __init__(self, depth: Depth = "frames", **more: Any) -> None:
        self.clock = FakeClock()
        self.wheel = FakeWheel(self.clock)
        self.samples: list[Sample] = []
        self.context = Context(
            clock=self.clock, wheel=self.wheel, health=GeneratorHealth(), sink=self.samples.append, depth=depth,
            rng=random.Random(1), epoch=START, **more,
        )  # fmt: skip
        self.context.chores = FakeChores(self.wheel)

    def values(self, metric: str, **tags: str) -> list[float]:
        """Values of that metric with those tags, in order."""
        return [s.value for s in self.samples if s.metric == metric and tags.items() <= dict(s.tags).items()]
