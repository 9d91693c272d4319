"""One call to a platform's signalling or HTTP interface: how long it took, and what became of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import aiohttp

from probe.model.errors import ServerUnreachable

Outcome = Literal["answered", "4xx", "5xx", "refused", "timeout", "unreachable"]
"""`refused`: an answer that says no, of a protocol without HTTP's statuses. `unreachable`: no connection, or it broke."""


@dataclass(frozen=True, slots=True)
class Call:
    """`name` is one of a few words ("connect", "join", "POST offer"); `seconds` from the request to the whole answer. `status`:
    HTTP's, where there is one."""

    name: str
    seconds: float
    outcome: Outcome
    status: int | None = None


Heard = Callable[[Call], None]


def unheard(call: Call) -> None:
    """Nobody wants to know."""


class Timing:
    """Of a call under way: `answered` or `refused` say how it ended. `expected`: a status that is no error, since the protocol
    has it as an answer like others (a WHEP server's counter-offer by 406)."""

    def __init__(self) -> None:
        self.outcome: Outcome = "answered"
        self.status: int | None = None

    def answered(self, status: int, *, expected: bool = False) -> None:
        """By HTTP's status."""
        self.status = status
        if status >= 400 and not expected:
            self.outcome = "5xx" if status >= 500 else "4xx"

    def refused(self) -> None:
        """An answer that says no."""
        self.outcome = "refused"


@contextmanager
def timed(name: str, heard: Heard, clock: Callable[[], float] = time.monotonic) -> Iterator[Timing]:
    """Times what is done inside and tells `heard`; a deadline that passes or a connection that breaks is an outcome too, and goes
    on as an error. What is called off from outside is not told: nobody knows how it would have ended."""
    timing, begun = Timing(), clock()
    try:
        yield timing
    except (asyncio.CancelledError, GeneratorExit):
        raise
    except BaseException as error:
        if timing.outcome == "answered" and timing.status is None:
            timing.outcome = _failed(error)
        heard(Call(name, clock() - begun, timing.outcome, timing.status))
        raise
    heard(Call(name, clock() - begun, timing.outcome, timing.status))


def _failed(error: BaseException) -> Outcome:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, (aiohttp.ClientConnectionError, OSError)):
        return "unreachable"
    if isinstance(error, ServerUnreachable):
        return "timeout" if isinstance(error.__cause__, TimeoutError) else "unreachable"
    return "refused"
