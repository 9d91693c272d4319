"""Tasks that a participant sends off: none is forgotten, and none fails unseen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from probe.client.context import Context
from probe.model.errors import ProbeError

_DEADLINE = 2.0


class Errands:
    """`who()` names the participant in complaints: its id is known only once it is in."""

    def __init__(self, context: Context, who: Callable[[], str]) -> None:
        self._context = context
        self._who = who
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it beside everything else."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if isinstance(error, ProbeError):
            self._context.complain(error, who=self._who())
        else:
            self._context.crashed(error)

    async def call_off(self) -> None:
        """Cancel what is still under way, and wait for it, within seconds."""
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_DEADLINE)
