"""The engine processes of one point, seen from their parent: started together, led through the same steps, always ended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

from probe.child_process import ChildProcess
from probe.model.errors import MeasurementError

Message = dict[str, Any]


class Crew:
    """Tell all the same, or each its own, and wait until all have answered. Raises MeasurementError for one that fails, falls silent
    or ends; RuntimeError for one whose end is a bug."""

    def __init__(self, children: list[ChildProcess]) -> None:
        self._children = children

    @classmethod
    @asynccontextmanager
    async def start(cls, count: int) -> AsyncIterator[Self]:
        """So many processes."""
        children: list[ChildProcess] = []
        try:
            for number in range(count):  # one by one: those that were started end, whatever happens to the next
                child = await ChildProcess.start(f"engine {number + 1}", "probe.capacity.worker")
                children.append(child)
            yield cls(children)
        finally:
            await asyncio.gather(*(child.end() for child in children))

    async def ask(
        self,
        messages: list[Message],
        answer: str,
        within: float,
        on_progress: Callable[[list[Message]], None] = lambda states: None,
    ) -> list[Message]:
        """Send each process its message, and wait up to `within` seconds for that answer from each. `on_progress` hears the newest
        progress of all on the way."""
        states: list[Message] = [{} for _ in self._children]

        async def one(number: int, child: ChildProcess, message: Message) -> Message:
            child.send(json.dumps(message).encode() + b"\n")
            while True:
                found = await _next(child, within)
                if found["event"] == answer:
                    return found
                states[number] = found
                on_progress(states)

        try:
            async with asyncio.timeout(within):
                numbered = enumerate(zip(self._children, messages, strict=True))
                return await asyncio.gather(*(one(number, *pair) for number, pair in numbered))
        except TimeoutError as error:
            raise MeasurementError(f"not all engine processes were {answer} within {within:.0f} s") from error


async def _next(child: ChildProcess, within: float) -> Message:
    try:
        found: Message = json.loads(await child.read(within))
    except MeasurementError as error:
        if child.ended.done() and child.ended.result() >= 0:  # by itself, and not at our word
            raise RuntimeError(str(error)) from error
        raise
    if found["event"] == "failed":
        raise MeasurementError(
            found["message"], who=found["who"] or child.name, phase=found["phase"], hint=found["hint"]
        )
    return found
