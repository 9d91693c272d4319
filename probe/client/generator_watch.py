"""Watches the generator itself: a probe that is short of breath must say so."""

from __future__ import annotations

import asyncio
import resource

from probe.client.context import Context

_BEAT = 0.02
_CPU_WINDOW = 1.0


class GeneratorWatch:
    """Beats every 20 ms and reports how late each beat came (event-loop lag), and each second the CPU of the process."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._cpu = _cpu_seconds()
        self._cpu_at = context.clock.now()
        self._beat_at(context.clock.now() + _BEAT)

    def _beat_at(self, due: float) -> None:
        self._due = due
        self._timer = self._loop.call_at(due, self._beat)

    def _beat(self) -> None:
        now = self._context.clock.now()
        self._context.health.loop_lag(max(0.0, now - self._due), _BEAT)
        if now - self._cpu_at >= _CPU_WINDOW:
            spent = _cpu_seconds()
            self._context.health.cpu((spent - self._cpu) / (now - self._cpu_at))
            self._cpu, self._cpu_at = spent, now
        self._beat_at(now + _BEAT)

    def close(self) -> None:
        """Stop beating."""
        if self._timer is not None:
            self._timer.cancel()


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
