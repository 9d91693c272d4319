"""An even beat that everything goes with while many participants are there: one wake-up for sending, reading and the rest.

A processor that was asleep is slow: the same work done right after a wake-up can cost several times as much as when the
machine is busy. So all that may wait a few milliseconds goes with the beat, and nothing wakes the process in between.
The period fits into 20 ms (audio) three times and into a frame of 30 a second five times: what is sent on the beat is sent
on time. Where so much falls on each that the last of it would go out late, beats come twice as often.
It stands on the machine's clock, so that several processes keep the same one.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from enum import IntEnum

from probe.rtc.clock import Clock

PERIOD = 1 / 150
"""Seconds."""

Follower = Callable[[float], None]


def on_the_beat(time: float, period: float = PERIOD) -> float:
    """The first beat at or after monotonic `time`."""
    return math.ceil(time / period - 1e-6) * period


class Turn(IntEnum):
    """Who goes first at each beat: who measures how late it is, then who has to be on time, then who may wait."""

    WATCH = 0
    SEND = 1
    READ = 2
    CHORES = 3


class Beat:
    """One per process. Every follower is called with the beat's due time, in order of their turns; one that raises is told to the
    loop's exception handler and called again at the next beat. `ended` are called when the beat stops."""

    def __init__(self, clock: Clock) -> None:
        self.period = PERIOD
        """Seconds from one to the next."""
        self._clock = clock
        self._followers: list[tuple[Turn, Follower, Callable[[], None]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    @property
    def running(self) -> bool:
        """Whether followers are called: they need no timers of their own then."""
        return self._timer is not None

    def follow(self, turn: Turn, follower: Follower, ended: Callable[[], None]) -> None:
        """Go with the beat."""
        self._followers = sorted([*self._followers, (turn, follower, ended)], key=lambda entry: entry[0])

    def start(self) -> None:
        """Idempotent."""
        if self._timer is None:
            self._arm()

    def quicken(self) -> None:
        """From now on twice as often. Idempotent."""
        self.period = PERIOD / 2

    def stop(self) -> None:
        """Idempotent."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        for _, _, ended in self._followers:
            ended()

    def _arm(self) -> None:
        """The next beat to come; those that a stall swallowed are left out."""
        self._due = on_the_beat(max(self._clock.now(), self._due + self.period / 2), self.period)
        self._timer = asyncio.get_running_loop().call_at(self._due, self._strike)

    def _strike(self) -> None:
        due = self._due
        self._arm()
        for _, follower, _ in self._followers:
            try:
                follower(due)
            except Exception as error:  # noqa: BLE001 - told, and the others go on
                context = {"message": f"{follower!r} raised on the beat", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)
