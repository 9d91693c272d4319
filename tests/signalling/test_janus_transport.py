"""The two ways to Janus: what their calls come to where it is not, or not alone, or hidden behind a proxy with opinions."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from probe.model.errors import AccessDenied, ProtocolError, ServerUnreachable, SignallingError
from probe.signalling import janus_transport, websocket
from probe.signalling.access import Access
from probe.signalling.janus_messages import SUBPROTOCOL
from probe.signalling.janus_session import JanusSession
from probe.signalling.janus_transport import Lost, Nonsense, open_transport
from tests.integration import servers
from tests.signalling.test_calls import Ear
from tests.signalling.test_whip import Answer, serving, status

INFO = '{"janus": "server_info"}'


async def opened(url: str) -> tuple[list[tuple[str, str, int | None]], Exception | None]:
    """The calls of one attempt to open a session, and what it ended with."""
    ear, raised = Ear(), None
    access = Access(heard=ear)
    session = JanusSession(open_transport(url, access), access)
    try:
        await session.open()
    except SignallingError as error:
        raised = error
    await session.close()
    return [(call.name, call.outcome, call.status) for call in ear.calls], raised


@pytest.mark.parametrize(
    ("info", "told", "kind"),
    [
        (status(404), ("info", "4xx", 404), ProtocolError),
        (status(403), ("info", "4xx", 403), AccessDenied),
        (status(503), ("info", "5xx", 503), ProtocolError),
        (status(200, "<html>welcome</html>"), ("info", "refused", None), ProtocolError),
        (status(200, '{"janus": "error"}'), ("info", "refused", None), ProtocolError),
    ],
)
async def test_what_is_not_janus_over_http(info: Answer, told: tuple[str, str, int], kind: type[Exception]) -> None:
    async with serving({"GET /janus/info": [info]}) as server:
        calls, raised = await opened(f"{server.url}/janus")
    assert calls == [told]
    assert isinstance(raised, kind)


@pytest.mark.parametrize(("code", "outcome"), [(429, "4xx"), (502, "5xx")])
async def test_a_transaction_over_http_counts_by_the_status_of_its_request(code: int, outcome: str) -> None:
    answers: dict[str, list[Answer]] = {"GET /janus/info": [status(200, INFO)], "POST /janus": [status(code)]}
    async with serving(answers) as server:
        calls, raised = await opened(f"{server.url}/janus")
    assert calls == [("info", "answered", None), ("create", outcome, code)]
    assert f"could not send create: HTTP {code}" in str(raised)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"hello", "refused"),
        (b'{"a": "\xff"}', "refused"),
        (b"[1]", "refused"),
        (b'{"janus": "success", "transaction": "t1"}', "answered"),  # without an id
    ],
)
async def test_an_answer_that_makes_no_sense_is_a_refusal(answer: bytes, outcome: str) -> None:
    async def nonsense() -> web.Response:
        return web.Response(body=answer, content_type="application/json")

    async with serving({"GET /janus/info": [status(200, INFO)], "POST /janus": [nonsense]}) as server:
        calls, raised = await opened(f"{server.url}/janus")
    assert isinstance(raised, ProtocolError)
    assert calls == [("info", "answered", None), ("create", outcome, None)]


async def test_a_long_poll_that_brings_no_text_ends_the_session() -> None:
    async def no_text() -> web.Response:
        return web.Response(body=b'{"janus": "\xff"}', content_type="application/json")

    answers: dict[str, list[Answer]] = {
        "GET /janus/info": [status(200, INFO)],
        "POST /janus": [_created],
        "GET /janus/5": [no_text],
    }
    async with serving(answers) as server:
        session = JanusSession(open_transport(f"{server.url}/janus", Access()), Access())
        await session.open()
        with pytest.raises(Lost, match="no JSON"):
            async with asyncio.timeout(5.0):
                await session.incoming()
        await session.close()


async def test_a_long_poll_is_no_call() -> None:
    answers: dict[str, list[Answer]] = {
        "GET /janus/info": [status(200, INFO)],
        "POST /janus": [_created],
        "GET /janus/5": [status(200, '{"janus": "keepalive"}')],
        "POST /janus/5": [_destroyed],
    }
    async with serving(answers) as server:
        calls, raised = await opened(f"{server.url}/janus")
    assert raised is None
    assert [call[:2] for call in calls] == [("info", "answered"), ("create", "answered"), ("destroy", "answered")]


async def test_a_server_that_does_not_hold_its_long_polls_is_not_asked_without_pause() -> None:
    asked = 0

    async def at_once() -> web.Response:
        nonlocal asked
        asked += 1
        return status(200, '{"janus": "keepalive"}')

    answers: dict[str, list[Answer]] = {
        "GET /janus/info": [status(200, INFO)],
        "POST /janus": [_created],
        "GET /janus/5": [at_once] * 100,
        "POST /janus/5": [_destroyed],
    }
    async with serving(answers) as server:
        session = JanusSession(open_transport(f"{server.url}/janus", Access()), Access())
        await session.open()
        await asyncio.sleep(0.3)
        await session.close()
    assert asked == 1


async def _created() -> web.Response:
    return status(200, '{"janus": "success", "transaction": "t1", "data": {"id": 5}}')


async def _destroyed() -> web.Response:
    return status(200, '{"janus": "success", "transaction": "t2"}')


async def test_where_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (janus_transport, websocket):
        monkeypatch.setattr(module, "CONNECT_DEADLINE", 0.2)
    port = await servers.unused_port()
    for scheme, name in (("ws", "connect"), ("http", "info")):
        async with servers.mute_server() as url:
            calls, raised = await opened(url.replace("ws:", f"{scheme}:"))
        assert calls == [(name, "timeout", None)]
        assert isinstance(raised, ServerUnreachable)
        calls, raised = await opened(f"{scheme}://127.0.0.1:{port}/janus")
        assert calls == [(name, "unreachable", None)]
        assert isinstance(raised, ServerUnreachable)


async def test_a_handshake_that_is_refused_counts_by_its_status() -> None:
    async with servers.http_server() as url:
        calls, raised = await opened(url)
    assert calls == [("connect", "4xx", 404)]
    assert isinstance(raised, ProtocolError)


async def test_what_the_websocket_brings_until_it_is_lost() -> None:
    async def converse(socket: web.WebSocketResponse) -> None:
        await socket.send_str(await socket.receive_str())
        await socket.close(code=1001)

    async with servers.websocket_server(converse, SUBPROTOCOL) as url:
        way = open_transport(url, Access())
        await way.open()
        await way.send({"janus": "create"})
        assert await way.receive() == {"janus": "create"}
        with pytest.raises(Lost, match=r"^Janus closed the WebSocket \(code 1001\)$"):
            await way.receive()
        with pytest.raises(SignallingError, match="the WebSocket is closed"):
            await way.send({"janus": "create"})
        await way.close()


@pytest.mark.parametrize(
    ("said", "told", "kind"),
    [(b"\x00", "Janus sent binary data", Lost), ("hello", "Janus sent what is no JSON", Nonsense)],
)
async def test_what_is_no_message_ends_the_session(said: str | bytes, told: str, kind: type[Lost]) -> None:
    async with servers.websocket_server(servers.says(said), SUBPROTOCOL) as url:
        way = open_transport(url, Access())
        await way.open()
        await way.send({"janus": "create"})
        with pytest.raises(Lost, match=f"^{told}$") as raised:
            await way.receive()
        assert type(raised.value) is kind
        await way.close()


async def test_a_websocket_of_another_protocol_is_not_janus() -> None:
    async with servers.websocket_server(servers.never_answers) as url:
        calls, raised = await opened(url)
    assert calls == [("connect", "answered", None)]
    assert isinstance(raised, ProtocolError)
    assert raised.message == "a WebSocket, but it does not speak janus-protocol"
