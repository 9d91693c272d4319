"""An engine in a process of its own: takes commands from stdin, answers on stdout, ends with stdin."""

from __future__ import annotations

import asyncio
import os

from probe.engine.engine import BEAT, Engine, engine
from probe.engine.protocol import (
    Close,
    Closed,
    Deliver,
    Delivered,
    Failed,
    Held,
    Hold,
    Message,
    Ready,
    Setup,
    decode,
    encode,
)
from probe.lifeline import Lifeline, Voice, leave_signals_to_the_parent
from probe.model.errors import ProbeError

_FAILED = 1
_ONCE_READY = (Hold, Close, Deliver)


class Child:
    """One engine and its commands."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._commands: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._spoken = False
        self._holding: asyncio.Task[None] | None = None
        self._crash: BaseException | None = None
        Lifeline(lambda: self._commands.put_nowait(None), self._commands.put_nowait)

    async def run(self) -> int:
        """Until the parent closes stdin. Returns the exit code."""
        try:
            line = await self._commands.get()
            if line is None:
                return 0
            setup = decode(line, (Setup,), first=True)
            assert isinstance(setup, Setup)
            async with engine(setup) as running:
                self._say(Ready(pid=os.getpid()))
                await self._obey(running)
        except ProbeError as error:
            self._say(Failed.of(error))
            return _FAILED
        return 0

    async def _obey(self, running: Engine) -> None:
        telling = asyncio.create_task(self._tell(running))
        try:
            while (line := await self._commands.get()) is not None:
                await self._command(running, decode(line, _ONCE_READY))
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
                self._say(running.snapshot())
                self._say(Closed())
            case Deliver():
                outcome = await running.deliver(vmaf=command.vmaf)
                self._say(Delivered(outcome=outcome.to_dict()))

    def _held(self, task: asyncio.Task[None], number: int) -> None:
        if task.cancelled():
            return
        if (crash := task.exception()) is not None:
            self._crash = crash
            self._commands.put_nowait(None)  # nothing more can be done here
        else:
            self._say(Held(round=number))

    async def _call_off(self) -> None:
        if self._holding is not None:
            self._holding.cancel()
            await asyncio.wait([self._holding])
            self._holding = None

    async def _tell(self, running: Engine) -> None:
        while True:
            await asyncio.sleep(BEAT)
            if not self._voice.busy:  # a parent that is slow to read misses snapshots, no more
                self._say(running.snapshot())

    def _say(self, message: Message) -> None:
        self._voice.say(encode(message, first=not self._spoken))
        self._spoken = True


async def _run(voice: Voice) -> int:
    return await Child(voice).run()


def main() -> int:
    """The process."""
    leave_signals_to_the_parent()
    voice = Voice()
    try:
        return asyncio.run(_run(voice))
    finally:
        voice.close()
