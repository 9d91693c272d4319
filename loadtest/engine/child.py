"""The process of a load engine: takes commands from stdin, answers on stdout, ends with stdin."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from typing import Any

from loadtest.engine.engine import LoadEngine, load_engine
from loadtest.protocol import COMMANDS, PROTOCOL, Close, Closed, Harvest, Join, Leave, Meet, Prepare, Ready
from probe.engine.dialogue import Dialogue, converse
from probe.engine.protocol import Message

_ONCE_READY = tuple(kind for kind in COMMANDS if kind is not Prepare)


class Child:
    """One engine and its commands, which are all taken at once: what lasts goes on beside the next."""

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        self._harvesting = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._crash: BaseException | None = None

    async def run(self) -> None:
        """Until the parent closes stdin. Raises ProbeError for a stage that can't be set up, and for what no parent says."""
        command = await self._dialogue.hear((Prepare,))
        if command is None:
            return
        assert isinstance(command, Prepare)
        async with load_engine(command, self._dialogue.say) as engine:
            self._dialogue.say(Ready(pid=os.getpid()))
            while (command := await self._dialogue.hear(_ONCE_READY)) is not None:
                self._obey(engine, command)
        if self._crash is not None:
            raise self._crash

    def _obey(self, engine: LoadEngine, command: Message) -> None:
        match command:
            case Join():
                engine.join(command)
            case Leave():
                engine.leave(command.ticket)
            case Meet():
                engine.meet(command)
            case Harvest():
                self._send(self._harvest(engine))
            case Close():
                self._send(self._close(engine))

    async def _harvest(self, engine: LoadEngine) -> None:
        async with self._harvesting:  # one after the other
            self._dialogue.say(await engine.harvest())

    async def _close(self, engine: LoadEngine) -> None:
        await engine.close()
        self._dialogue.say(Closed())

    def _send(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (crash := task.exception()) is not None:
            self._crash = crash
            self._dialogue.end()  # nothing more can be done here


def main() -> int:
    """The process."""
    return converse(PROTOCOL, lambda dialogue: Child(dialogue).run())
