"""An engine in a process of its own: takes commands from stdin, answers on stdout, ends with stdin."""

from __future__ import annotations

import asyncio
import os

from probe.engine.dialogue import Dialogue, converse
from probe.engine.engine import BEAT, Engine, engine
from probe.engine.protocol import (
    PROTOCOL,
    Close,
    Closed,
    Deliver,
    Delivered,
    Held,
    Hold,
    Message,
    Ready,
    Setup,
)

_ONCE_READY = (Hold, Close, Deliver)


class Child:
    """One engine and its commands."""

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        self._holding: asyncio.Task[None] | None = None
        self._crash: BaseException | None = None

    async def run(self) -> None:
        """Until the parent closes stdin."""
        setup = await self._dialogue.hear((Setup,))
        if setup is None:
            return
        assert isinstance(setup, Setup)
        async with engine(setup) as running:
            self._dialogue.say(Ready(pid=os.getpid()))
            await self._obey(running)

    async def _obey(self, running: Engine) -> None:
        telling = asyncio.create_task(self._tell(running))
        try:
            while (command := await self._dialogue.hear(_ONCE_READY)) is not None:
                await self._command(running, command)
        finally:
            telling.cancel()
            await self._call_off()
            await running.close()
        if self._crash is not None:
            raise self._crash

    async def _command(self, running: Engine, command: Message) -> None:
        match command:
            case Hold():
                await self._call_off()
                self._holding = asyncio.create_task(running.hold(command))
                self._holding.add_done_callback(lambda task: self._held(task, command.round))
            case Close():
                await self._call_off()
                await running.close()
                self._dialogue.say(running.snapshot())
                self._dialogue.say(Closed())
            case Deliver():
                outcome = await running.deliver(vmaf=command.vmaf)
                self._dialogue.say(Delivered(outcome=outcome.to_dict()))

    def _held(self, task: asyncio.Task[None], number: int) -> None:
        if task.cancelled():
            return
        if (crash := task.exception()) is not None:
            self._crash = crash
            self._dialogue.end()  # nothing more can be done here
        else:
            self._dialogue.say(Held(round=number))

    async def _call_off(self) -> None:
        if self._holding is not None:
            self._holding.cancel()
            await asyncio.wait([self._holding])
            self._holding = None

    async def _tell(self, running: Engine) -> None:
        while True:
            await asyncio.sleep(BEAT)
            if not self._dialogue.busy:  # a parent that is slow to read misses snapshots, no more
                self._dialogue.say(running.snapshot())


def main() -> int:
    """The process."""
    return converse(PROTOCOL, lambda dialogue: Child(dialogue).run())
