"""Makes a scenario's HTTP requests beside its meetings, and says how they went: samples for all, errors for those that failed."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Mapping, Sequence

import aiohttp

from probe.client.api_calls import hear
from probe.client.context import Context
from probe.model.calls import CHECK
from probe.model.errors import ProtocolError
from probe.model.http_check import HttpCheck, HttpRequest
from probe.model.platform import Platform
from probe.signalling.calls import timed
from probe.signalling.no_connection import no_connection
from probe.signalling.shared_session import SessionLoan

_HINTS = {
    401: "check the token, or headers_env",
    403: "check the token, or headers_env",
    404: "check the path",
    405: "check the method",
    429: "the platform limits the rate of requests: check less often (every), or have the limit raised",
}

_EARLY = 1e-6
"""Of an interval: nobody's timer is that early."""


class HttpChecks:
    """`start` with the first meeting, `close` with the last. Each request has a connection of its own, as each join has: what
    it takes to make one is part of the time, and no half-dead connection is taken for a failing platform.

    Raises ConfigError for a check that can't be made, before anything is sent.
    """

    def __init__(
        self,
        context: Context,
        checks: Sequence[HttpCheck],
        platform: Platform,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._context = context
        self._platform = platform
        self._requests = [(check, check.request(platform, environment)) for check in checks]
        self._heard = hear(context, "check")
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Once, in a running loop; later calls do nothing."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._repeat(*one)) for one in self._requests]

    async def close(self) -> None:
        """A request that is under way counts for nothing. Idempotent."""
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            for error in outcome.exceptions if isinstance(outcome, ExceptionGroup) else (outcome,):
                if isinstance(error, Exception):
                    self._context.crashed(error)
        self._requests, self._tasks = [], []

    async def _repeat(self, check: HttpCheck, request: HttpRequest) -> None:
        """At once, and then whenever it is due, answered or not: who waits for an answer before the next request asks least
        while the platform hangs. At most timeout / every are under way."""
        loop, loan = asyncio.get_running_loop(), SessionLoan(self._platform.tls)
        begun = loop.time()
        try:
            async with asyncio.TaskGroup() as asking:
                while True:
                    asking.create_task(self._ask(loan.session, check, request))
                    await asyncio.sleep(pause(loop.time() - begun, check.every))
        finally:
            await loan.give_back()

    async def _ask(self, session: aiohttp.ClientSession, check: HttpCheck, request: HttpRequest) -> None:
        try:
            with timed(check.name, self._heard) as call:
                status = await _status(session, request, check.timeout)
                call.answered(status, expected=check.expects(status))
                if status < 400 and not check.expects(status):
                    call.refused()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            told = no_connection(
                error,
                who="",
                phase=CHECK + check.name,
                deadline=check.timeout,
                server="the server",
                what="is this an HTTP server?",
            )
            self._context.complain(told)
            return
        if not check.expects(status):
            self._context.complain(_unexpected(status, check))


def pause(gone: float, every: float) -> float:
    """Seconds until the next is due, `gone` seconds after the first; what came due while our own loop was stuck is left out. Timers
    may be early by their resolution: that is no time for another one."""
    return (math.floor(gone / every + _EARLY) + 1) * every - gone


async def _status(session: aiohttp.ClientSession, request: HttpRequest, deadline: float) -> int:
    """Once the whole answer is there, which nobody keeps."""
    async with (
        asyncio.timeout(deadline),
        session.request(
            request.method, request.url, headers=request.headers, data=request.body, allow_redirects=False
        ) as answer,
    ):
        async for _ in answer.content.iter_chunked(1 << 16):
            pass
        return answer.status


def _unexpected(status: int, check: HttpCheck) -> ProtocolError:
    expected = ", ".join(str(one) for one in check.expect)
    hint = _HINTS.get(status, "see the server's log" if status >= 500 else "is expect what the server should answer?")
    return ProtocolError(f"HTTP {status}, and {expected} was expected", phase=CHECK + check.name, hint=hint)
