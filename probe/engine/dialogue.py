"""A child process in conversation with its parent: messages in by stdin, messages out by stdout, and it ends with stdin."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection

from probe.engine.protocol import Failed, Message, decode, encode
from probe.lifeline import Lifeline, Voice, leave_signals_to_the_parent
from probe.model.errors import ProbeError

_FAILED = 1


class Dialogue:
    """The child's side. The first message of each side names the `protocol`."""

    def __init__(self, voice: Voice, protocol: str) -> None:
        self._voice = voice
        self._protocol = protocol
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._heard = False
        self._spoken = False
        Lifeline(self.end, self._lines.put_nowait)

    async def hear(self, kinds: Collection[type[Message]]) -> Message | None:
        """The next message, None at the end. Raises MeasurementError for what is none of `kinds`."""
        line = await self._lines.get()
        if line is None:
            return None
        first, self._heard = not self._heard, True
        return decode(line, kinds, first=first, protocol=self._protocol)

    def say(self, message: Message) -> None:
        """Written by a thread: it does not wait."""
        self._voice.say(encode(message, first=not self._spoken, protocol=self._protocol))
        self._spoken = True

    @property
    def busy(self) -> bool:
        """Whether the parent still has to read what was said."""
        return self._voice.busy

    def end(self) -> None:
        """The parent is gone, or nothing more can be done here: what was not heard yet comes before the end."""
        self._lines.put_nowait(None)


def converse(protocol: str, child: Callable[[Dialogue], Awaitable[None]]) -> int:
    """The whole process. Returns its exit code: a ProbeError is told as `failed`, anything else is raised."""
    leave_signals_to_the_parent()
    voice = Voice()

    async def run() -> int:
        dialogue = Dialogue(voice, protocol)
        try:
            await child(dialogue)
        except ProbeError as error:
            dialogue.say(Failed.of(error))
            return _FAILED
        return 0

    try:
        return asyncio.run(run())
    finally:
        voice.close()
