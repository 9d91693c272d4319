"""Work that goes on by itself: asyncio keeps no task alive, so somebody has to, until it is done or called off."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

_FAREWELL = 1.0


class Tasks:
    """`spawn` work that handles its own errors, `cancel` or `close` it at the end."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self) -> None:
        """Call off all but the one that asks for it."""
        current = asyncio.current_task() if self._tasks else None
        for task in self._tasks:
            if task is not current:
                task.cancel()

    async def close(self) -> None:
        """Call all off, and wait for a second at most until they are gone."""
        self.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_FAREWELL)
