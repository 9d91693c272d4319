"""What a call to the platform comes to, by how it ends; against sockets that answer, break off, hang and talk nonsense."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from unittest import mock

import aiohttp
import pytest
from aiohttp.http_exceptions import BadStatusLine

from probe.model.errors import (
    AccessDenied,
    ConfigError,
    MediaError,
    NegotiationError,
    ProtocolError,
    ServerUnreachable,
    SignallingError,
)
from probe.signalling.access import Access
from probe.signalling.calls import Call, Outcome, Timing, by_status, judged, timed
from probe.signalling.no_connection import in_words, no_connection
from tests.integration import servers


class Ear:
    """Keeps the calls that were told, and holds the clock."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.time = 100.0

    def __call__(self, call: Call) -> None:
        self.calls.append(call)

    def now(self) -> float:
        return self.time


def caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


def http(kind: type[aiohttp.ClientResponseError], status: int) -> aiohttp.ClientResponseError:
    return kind(mock.Mock(), (), status=status)


def ends(ear: Ear, said: Callable[[Timing], None], error: Exception) -> None:
    """A call of which something is said before it fails."""
    with timed("POST", ear, ear.now) as call:
        said(call)
        raise error


def test_a_call_is_told_with_its_time() -> None:
    ear = Ear()
    with timed("join", ear, ear.now):
        ear.time += 0.25
    assert ear.calls == [Call("join", 0.25, "answered")]


@pytest.mark.parametrize(
    ("status", "outcome"), [(101, "answered"), (204, "answered"), (399, "answered"), (400, "4xx"), (499, "4xx"), (500, "5xx")]
)  # fmt: skip
def test_a_status_counts_by_its_class(status: int, outcome: Outcome) -> None:
    ear = Ear()
    with timed("POST", ear, ear.now) as call:
        call.answered(status)
    assert ear.calls == [Call("POST", 0.0, outcome, status)]
    assert by_status(status) == outcome


def test_what_the_protocol_expects_is_an_answer_and_keeps_its_status() -> None:
    ear = Ear()
    with timed("POST", ear, ear.now) as call:
        call.answered(406, expected=True)
    assert ear.calls == [Call("POST", 0.0, "answered", 406)]


@pytest.mark.parametrize("error", [ProtocolError("no JSON"), KeyError("a bug of ours"), TimeoutError()])
def test_an_error_after_the_answer_changes_nothing(error: Exception) -> None:
    ear = Ear()
    for status in (201, 503):
        with pytest.raises(type(error)):
            ends(ear, partial(Timing.answered, status=status), error)
    assert [(call.outcome, call.status) for call in ear.calls] == [("answered", 201), ("5xx", 503)]


def test_an_adapter_may_say_how_it_ended() -> None:
    ear = Ear()
    for said in (Timing.refused, Timing.lost, Timing.late):
        with pytest.raises(ProtocolError):
            ends(ear, said, ProtocolError("no"))
    assert [call.outcome for call in ear.calls] == ["refused", "unreachable", "timeout"]


FAILURES: list[tuple[Exception, tuple[Outcome, int | None] | None]] = [
    (TimeoutError(), ("timeout", None)),
    (aiohttp.ServerTimeoutError(), ("timeout", None)),
    (OSError(errno.ETIMEDOUT, "Connection timed out"), ("timeout", None)),
    (aiohttp.ClientConnectorError(mock.Mock(), OSError(errno.ETIMEDOUT, "late")), ("timeout", None)),
    (aiohttp.ClientConnectorError(mock.Mock(), OSError(errno.ECONNREFUSED, "no")), ("unreachable", None)),
    (aiohttp.ClientConnectorDNSError(mock.Mock(), OSError(-2, "Name or service not known")), ("unreachable", None)),
    (aiohttp.ServerDisconnectedError(), ("unreachable", None)),
    (aiohttp.ClientPayloadError(), ("unreachable", None)),
    (ConnectionResetError(), ("unreachable", None)),
    (http(aiohttp.ClientHttpProxyError, 407), ("unreachable", None)),
    (http(aiohttp.WSServerHandshakeError, 403), ("4xx", 403)),
    (http(aiohttp.WSServerHandshakeError, 429), ("4xx", 429)),
    (http(aiohttp.WSServerHandshakeError, 502), ("5xx", 502)),
    (http(aiohttp.WSServerHandshakeError, 200), ("refused", 200)),
    (http(aiohttp.ClientResponseError, 500), ("5xx", 500)),
    (caused(http(aiohttp.ClientResponseError, 400), BadStatusLine("SSH-2.0")), ("refused", None)),
    (aiohttp.InvalidURL("x"), ("refused", None)),
    (AccessDenied("no"), ("refused", None)),
    (ProtocolError("what?"), ("refused", None)),
    (NegotiationError("no codec"), ("refused", None)),
    (ServerUnreachable("nobody there"), ("unreachable", None)),
    (SignallingError("the WebSocket is closed"), ("unreachable", None)),
    (caused(ProtocolError("no answer within 10 s"), TimeoutError()), ("timeout", None)),
    (caused(ServerUnreachable("no answer within 10 s"), TimeoutError()), ("timeout", None)),
    (caused(SignallingError("could not send"), http(aiohttp.ClientResponseError, 503)), ("5xx", 503)),
    (caused(ProtocolError("x"), caused(SignallingError("y"), ConnectionResetError())), ("unreachable", None)),
    (caused(ProtocolError("unreadable"), ValueError()), ("refused", None)),
    # no word on the platform
    (OSError(errno.EMFILE, "Too many open files"), None),
    (caused(ServerUnreachable("x"), OSError(errno.EADDRNOTAVAIL, "no port left")), None),
    (ConfigError("no such file"), None),
    (MediaError("no codec"), None),
    (KeyError("a bug"), None),
    (ValueError("a bug"), None),
]


@pytest.mark.parametrize(("error", "expected"), FAILURES, ids=[repr(error)[:60] for error, _ in FAILURES])
def test_an_error_counts_by_what_it_came_from(error: Exception, expected: tuple[Outcome, int | None] | None) -> None:
    assert judged(error) == expected
    ear = Ear()
    with pytest.raises(type(error)), timed("join", ear, ear.now):
        raise error
    assert ear.calls == ([] if expected is None else [Call("join", 0.0, *expected)])


async def test_the_call_s_own_deadline_is_a_timeout() -> None:
    ear = Ear()

    async def call() -> None:
        with timed("join", ear):
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await call()
    assert [call.outcome for call in ear.calls] == ["timeout"]


async def test_what_is_called_off_from_outside_counts_for_nothing() -> None:
    ear = Ear()

    async def call() -> None:
        with timed("join", ear):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(call(), 0.01)
    assert ear.calls == []


def test_a_call_that_ends_elsewhere_is_told_once() -> None:
    ear = Ear()
    call = Access(heard=ear).begun("publish")
    call.refused()
    call.end()
    call.lost()
    call.end()
    assert [call.outcome for call in ear.calls] == ["refused"]


def test_a_call_that_nobody_waits_for_any_more_is_not_told() -> None:
    ear = Ear()
    call = Timing("publish", ear, ear.now)
    call.call_off()
    call.end()
    call.failed(TimeoutError())
    with timed("join", ear, ear.now) as other:
        other.call_off()
    assert ear.calls == []


# the same with what aiohttp raises when it is there


@asynccontextmanager
async def says(answer: bytes) -> AsyncIterator[str]:
    """A server that answers every connection's first words so, and hangs up."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()


async def asked(url: str, **options: Any) -> Call:
    """One request with the session that adapters borrow."""
    ear = Ear()
    access = Access(heard=ear)
    loan = access.session()
    try:
        with access.timed("GET") as call:
            async with loan.session.get(url, **options) as answer:
                await answer.read()
                call.answered(answer.status)
    except (aiohttp.ClientError, OSError):
        pass
    finally:
        await loan.give_back()
    (told,) = ear.calls
    return told


async def test_a_server_that_closes_before_its_answer_is_unreachable() -> None:
    async with says(b"") as url:
        assert (await asked(url)).outcome == "unreachable"


async def test_half_an_answer_is_none() -> None:
    async with says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf") as url:
        told = await asked(url)
    assert (told.outcome, told.status) == ("unreachable", None)


async def test_what_is_no_http_has_no_status() -> None:
    async with says(b"SSH-2.0-OpenSSH_9.2\r\n") as url:
        told = await asked(url)
    assert (told.outcome, told.status) == ("refused", None)


async def test_a_port_without_tls_is_unreachable_by_https() -> None:
    async with says(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url:
        assert (await asked(url.replace("http:", "https:"))).outcome == "unreachable"


async def test_nobody_there_is_unreachable() -> None:
    told = await asked(f"http://127.0.0.1:{await servers.unused_port()}/")
    assert (told.outcome, told.status) == ("unreachable", None)


async def test_a_proxy_s_refusal_is_none_of_the_platform() -> None:
    async with says(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n") as proxy:
        told = await asked("https://127.0.0.1:1/", proxy=proxy)
    assert (told.outcome, told.status) == ("unreachable", None)


# what is told of it


async def test_an_error_in_words_says_nothing_of_the_request() -> None:
    """aiohttp's own words have its URL, and its headers."""
    for answer, words in (
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the answer is no HTTP: "),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "HTTP 503"),
    ):
        async with says(answer) as url, aiohttp.ClientSession(raise_for_status=True) as session:
            with pytest.raises(aiohttp.ClientResponseError) as caught:
                await session.get(f"{url}?key=hush", headers={"Authorization": "Bearer hush"})
        assert "hush" in repr(caught.value)
        told = no_connection(caught.value, who="x", phase="y", deadline=1.0, server="it", what="is it?")
        assert told.message.startswith(words)
        assert "hush" not in str(told)
    assert in_words(aiohttp.InvalidURL("http://hush")) == "not a URL that can be asked"
    assert in_words(ConnectionResetError()) == "ConnectionResetError"
