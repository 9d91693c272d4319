"""An event loop in simulated time: what sleeps or waits for a timer does so at once, and a stall is a clock that is moved on."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

from tests.client.fakes import FakeClock

_STANDING = 10_000
"""Turns of the loop without any time passing."""


class _Selector(selectors.SelectSelector):
    """Waiting moves the clock."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self._standing = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "nothing is due, so this would wait for ever"
        self._standing = self._standing + 1 if timeout <= 0 else 0
        assert self._standing < _STANDING, "time stands still: something is due again and again"
        self._clock.time += max(0.0, timeout)
        return super().select(0.0)


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Its time is that of `clock`."""

    def __init__(self, clock: FakeClock) -> None:
        self._simulated = clock
        super().__init__(_Selector(clock))

    def time(self) -> float:
        return self._simulated.now()


def in_simulated_time(test: Callable[[FakeClock], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Makes a test of a coroutine: it gets the clock. What the loop's exception handler would be told fails the test, unless
    the test sets a handler of its own."""

    def run() -> None:
        clock = FakeClock()
        loop, told = SimulatedLoop(clock), list[dict[str, Any]]()
        loop.set_exception_handler(lambda _, what: told.append(what))
        try:
            loop.run_until_complete(test(clock))
        finally:
            loop.close()
        assert not told

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run
