"""HTTP as WHIP and WHEP use it: a Bearer token on every request, redirects that keep the method, waits that servers ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime

import aiohttp

from probe.model.errors import AccessDenied, NegotiationError, ProbeError, ProtocolError, ServerUnreachable
from probe.model.url import without_secrets
from probe.signalling import whip_messages as messages
from probe.signalling.access import Access
from probe.signalling.no_connection import no_connection
from probe.signalling.shared_session import SessionLoan
from probe.signalling.whip_messages import Response

REQUEST_DEADLINE = 10.0
LAST_DEADLINE = 1.5
"""Seconds for a request of who is leaving: shorter than the leave, so that a server that hangs then is told of."""
MAX_BODY = 1 << 20
MAX_REDIRECTS = 5
MAX_ATTEMPTS = 50
DEFAULT_WAIT = 1.0
SHORTEST_WAIT = 0.1
"""Seconds: a server that says 0 is not asked without pause."""

_HINTS = {
    400: "the server could not read what we sent: see its log",
    401: "set MEETPROBE_TOKEN to the token of this endpoint",
    403: "the token is not allowed to do this",
    404: "no such endpoint: check the URL's path",
    405: "is this the endpoint's URL? It takes no such request",
    406: "the server can't use our offer: compare the codecs",
    409: "nobody publishes there yet, or somebody else does",
    415: "is this a WHIP or WHEP endpoint?",
    422: "the server can't use our offer: compare the codecs",
    429: "the server limits the rate of requests",
}


Expected = Callable[[Response], bool]
"""Whether an answer that HTTP calls an error is one that the protocol has like any other."""


def nothing_expected(response: Response) -> bool:
    """A request that has no such answers."""
    return False


class WhipHttp:
    """Requests with the token of `access`, on the running loop's shared session from `open` to `close`."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._loan: SessionLoan | None = None
        self._hurried = asyncio.Event()

    def hurry(self) -> None:
        """From now on nobody waits for a server to be in the mood, and for answers only `LAST_DEADLINE`."""
        self._hurried.set()

    def open(self) -> None:
        """Once, in a running loop."""
        self._loan = self._access.session()

    async def close(self) -> None:
        """Idempotent."""
        if self._loan is not None:
            await self._loan.give_back()

    async def request(
        self,
        method: str,
        url: str,
        *,
        phase: str,
        body: str = "",
        headers: Mapping[str, str] | None = None,
        wait_on: Collection[int] = (),
        patience: float = 0.0,
        expected: Expected = nothing_expected,
    ) -> Response:
        """The answer, whatever its status. A status of `wait_on` is asked again, after Retry-After or a second, for at most
        `patience` seconds in all. Each exchange is a call by the method's name. Raises ServerUnreachable and ProtocolError."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + patience
        for _ in range(MAX_ATTEMPTS):
            response = await self._follow(method, url, phase, body, headers or {}, expected)
            if response.status not in wait_on:
                break
            asked = messages.retry_after(response, datetime.now(UTC))
            wait = DEFAULT_WAIT if asked is None else max(asked, SHORTEST_WAIT)
            if loop.time() + wait > give_up:
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurried.wait(), wait)
            if self._hurried.is_set():
                break
        return response

    async def _follow(
        self, method: str, url: str, phase: str, body: str, headers: Mapping[str, str], expected: Expected
    ) -> Response:
        first = url
        for _ in range(MAX_REDIRECTS + 1):
            with self._access.timed(method) as call:
                response = await self._send(method, url, phase, body, headers)
                call.answered(response.status, expected=expected(response))
            try:
                following = messages.redirect(response)
            except messages.MessageError as error:
                raise ProtocolError(str(error), who=without_secrets(url), phase=phase) from error
            if following is None:
                return response
            url = following
        raise ProtocolError(
            f"more than {MAX_REDIRECTS} redirects",
            who=without_secrets(first),
            phase=phase,
            hint="they lead in a circle",
        )

    async def _send(self, method: str, url: str, phase: str, body: str, headers: Mapping[str, str]) -> Response:
        assert self._loan is not None, "open() comes first"
        sent = {**headers, **({"Authorization": f"Bearer {self._access.token}"} if self._access.token else {})}
        data = body.encode() if body else None
        try:
            async with (
                asyncio.timeout(self._deadline),
                self._loan.session.request(
                    method, url, data=data, headers=sent, allow_redirects=False, skip_auto_headers=("Content-Type",)
                ) as answer,
            ):
                return Response(answer.status, url, tuple(answer.headers.items()), await _text(answer))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _no_answer(error, without_secrets(url), phase, self._deadline) from error

    @property
    def _deadline(self) -> float:
        return LAST_DEADLINE if self._hurried.is_set() else REQUEST_DEADLINE


async def _text(answer: aiohttp.ClientResponse) -> str:
    body = bytearray()
    async for piece in answer.content.iter_chunked(1 << 16):
        body += piece
        if len(body) > MAX_BODY:
            raise ValueError(f"an answer of more than {MAX_BODY} bytes")
    return body.decode("utf-8", "replace")


def _no_answer(error: Exception, who: str, phase: str, deadline: float) -> ProbeError:
    server = "the server"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return ServerUnreachable(str(error), who=who, phase=phase, hint=f"is {server} running, and is the URL right?")
    return no_connection(error, who=who, phase=phase, deadline=deadline, server=server, what="is this an HTTP server?")


def refused(response: Response, phase: str) -> ProbeError:
    """The error for an answer that is no success: an unknown status counts as the first of its class does."""
    words = messages.read_problem(response)
    who, message = without_secrets(response.url), f"HTTP {response.status}{': ' + words if words else ''}"
    status = response.status
    hint = _HINTS.get(status, "see the server's log" if status >= 500 else "")
    if status in (401, 403):
        return AccessDenied(message, who=who, phase=phase, hint=hint)
    if status in (406, 422):
        return NegotiationError(message, who=who, phase=phase, hint=hint)
    if status >= 500:
        return ServerUnreachable(message, who=who, phase=phase, hint=hint)
    return ProtocolError(message, who=who, phase=phase, hint=hint)
