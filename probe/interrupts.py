"""Ctrl-C, SIGTERM and SIGHUP: the first one calls off what is under way, and nothing after it may cut the leaving and reporting short."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, Self

from probe.endings import ENDINGS


class Interrupts:
    """Handles the signals while the context lasts. Where they can't be handled (another thread, another platform) they do what
    they always do."""

    def __init__(self) -> None:
        self.happened = False
        self.reason = ""
        self._work: asyncio.Future[Any] | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in ENDINGS:
            before = signal.getsignal(number)
            if number == signal.SIGHUP and before == signal.SIG_IGN:
                continue  # nohup: the run is to outlive its terminal
            try:
                loop.add_signal_handler(number, self._interrupt)
            except (NotImplementedError, RuntimeError, ValueError):
                continue
            self._before[number] = before
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            asyncio.get_running_loop().remove_signal_handler(number)
            signal.signal(number, before)  # asyncio puts the system's own in its place

    def call_off(self, reason: str) -> None:
        """End the work for a reason of our own; the first one counts."""
        if not self.happened:
            self.reason = reason
            self._interrupt()

    def _interrupt(self) -> None:
        if not self.happened:
            self.happened = True
            if self._work is not None:
                self._work.cancel()

    async def guard(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work, or as much of it as there is time for until the interrupt."""
        if self.happened:
            work.close()
            return
        self._work = asyncio.ensure_future(work)
        try:
            await self._work
        except asyncio.CancelledError:
            if not self.happened:
                raise
        finally:
            self._work = None
