"""Watches the generator itself: a probe that is short of breath must say so."""

from __future__ import annotations

import asyncio
import resource

from probe.client.context import Context
from probe.rtc.beat import Turn

_BEAT = 0.02
_CPU_WINDOW = 1.0


class GeneratorWatch:
    """Beats every 20 ms and reports how late each beat came (event-loop lag), and each second the CPU of the process."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._cpu = _cpu_seconds()
        self._cpu_at = context.clock.now()
        self._beat_at(context.clock.now() + _BEAT)
        context.beat.follow(Turn.WATCH, self._on_common_beat, self._resume)

    def _on_common_beat(self, due: float) -> None:
        """While the process goes by a common beat, that is what is watched: no wake-ups for our own sake."""
        if self._closed:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._context.clock.now()
        self._context.health.loop_lag(max(0.0, now - due), self._context.beat.period)
        self._read_cpu(now)

    def _resume(self) -> None:
        if not self._closed and self._timer is None:
            self._beat_at(self._context.clock.now() + _BEAT)

    def _beat_at(self, due: float) -> None:
        self._due = due
        self._timer = self._loop.call_at(due, self._beat)

    def _beat(self) -> None:
        now = self._context.clock.now()
        self._context.health.loop_lag(max(0.0, now - self._due), _BEAT)
        self._read_cpu(now)
        self._beat_at(now + _BEAT)

    def _read_cpu(self, now: float) -> None:
        if now - self._cpu_at >= _CPU_WINDOW:
            spent = _cpu_seconds()
            self._context.health.cpu((spent - self._cpu) / (now - self._cpu_at))
            self._cpu, self._cpu_at = spent, now

    def close(self) -> None:
        """Stop beating."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
