"""One call to a platform's signalling or HTTP interface: how long it took, and what became of it."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from probe.model.errors import (
    AccessDenied,
    NegotiationError,
    ProbeError,
    ProtocolError,
    SignallingError,
    shortage,
)

Outcome = Literal["answered", "4xx", "5xx", "refused", "timeout", "unreachable"]
"""`refused`: an answer that says no, or that makes no sense, without a status of HTTP's that says so. `unreachable`: no
connection (name, port, TLS, proxy), or it broke before the whole answer was there."""


@dataclass(frozen=True, slots=True)
class Call:
    """`name` is one of a few words ("connect", "join", "POST"); `seconds` from the request to the whole answer. `status`:
    HTTP's, where there is one."""

    name: str
    seconds: float
    outcome: Outcome
    status: int | None = None


Heard = Callable[[Call], None]
Clock = Callable[[], float]


def unheard(call: Call) -> None:
    """Nobody wants to know."""


class Timing:
    """A call under way since this was made. It is told once, by `end` or `failed`, and never where it is `called_off`.

    Without a word on how it went it was answered.
    """

    def __init__(self, name: str, heard: Heard, clock: Clock = time.monotonic) -> None:
        self._name = name
        self._heard = heard
        self._clock = clock
        self._begun = clock()
        self._outcome: Outcome | None = None
        self._status: int | None = None
        self._over = False

    def answered(self, status: int, *, expected: bool = False) -> None:
        """By HTTP's status. `expected`: it is no error, since the protocol has it as an answer like others (a WHEP server's
        counter-offer by 406)."""
        self._status = status
        self._outcome = "answered" if expected else by_status(status)

    def refused(self) -> None:
        """An answer that says no, of a protocol without statuses."""
        self._outcome = "refused"

    def late(self) -> None:
        """No answer within the deadline of this call."""
        self._outcome = "timeout"

    def lost(self) -> None:
        """The connection broke, or was closed, before the answer."""
        self._outcome = "unreachable"

    def failed(self, error: BaseException) -> None:
        """It ended with an error; where an answer had come before, that counts. A bug of ours, or what this machine had no more
        of, says nothing of the platform: then it is not told."""
        if self._outcome is None:
            found = judged(error)
            if found is None:
                self.call_off()
                return
            self._outcome, self._status = found
        self.end()

    def call_off(self) -> None:
        """Nobody waits for the answer any more, so nobody knows what it would have been."""
        self._over = True

    def end(self) -> None:
        """Now. Idempotent."""
        if not self._over:
            self._over = True
            self._heard(Call(self._name, self._clock() - self._begun, self._outcome or "answered", self._status))


@contextmanager
def timed(name: str, heard: Heard, clock: Clock = time.monotonic) -> Iterator[Timing]:
    """Times what is done inside and tells `heard`; an error counts by its kind and goes on. A deadline of the call belongs
    inside: what is called off from outside (asyncio's CancelledError) is not told."""
    timing = Timing(name, heard, clock)
    try:
        yield timing
    except Exception as error:
        timing.failed(error)
        raise
    timing.end()


def by_status(status: int) -> Outcome:
    """RFC 9110 section 15: 4xx is the caller's fault, 5xx the server's."""
    return "answered" if status < 400 else "4xx" if status < 500 else "5xx"


_BROKEN = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, aiohttp.ClientHttpProxyError, OSError)
_NO = (AccessDenied, ProtocolError, NegotiationError)


def judged(error: BaseException) -> tuple[Outcome, int | None] | None:
    """What a call came to that ended with this error, and HTTP's status where the platform gave one; None where it is no word
    on the platform."""
    if shortage(error):
        return None
    error = _first(error)
    if isinstance(error, TimeoutError) or (isinstance(error, OSError) and error.errno == errno.ETIMEDOUT):
        return "timeout", None
    if isinstance(error, _BROKEN):  # a proxy's status is not the platform's
        return "unreachable", None
    if isinstance(error, aiohttp.ClientResponseError) and not isinstance(error.__cause__, HttpProcessingError):
        outcome = by_status(error.status)
        return ("refused" if outcome == "answered" else outcome), error.status
    if isinstance(error, (*_NO, aiohttp.ClientError)):  # aiohttp gives what is no HTTP a status of its own
        return "refused", None
    return ("unreachable", None) if isinstance(error, SignallingError) else None


def _first(error: BaseException) -> BaseException:
    """What an adapter's error came from, as far as the network's errors go."""
    while isinstance(error, ProbeError) and isinstance(error.__cause__, (ProbeError, aiohttp.ClientError, OSError)):
        error = error.__cause__
    return error
