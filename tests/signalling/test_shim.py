"""The shim's adapter against servers of every temper: what each message and each failure becomes."""

from __future__ import annotations

import asyncio
import time

import pytest
from aiohttp import web

from probe.model.errors import AccessDenied, ProtocolError, ServerUnreachable, SignallingError
from probe.signalling import base, websocket
from probe.signalling import shim as adapter
from probe.signalling.access import Access
from probe.signalling.shim import ShimSignalling
from sfu_shim.core import protocol as p
from tests.integration import servers
from tests.signalling.test_calls import Ear
from tests.web_server import web_server

WELCOME = p.Welcome(
    participant="me", room="r", topology="sfu", members=("you",),
    ice_servers=(p.IceServerEntry(("turn:t",), "user", "secret"),),
)  # fmt: skip


def _says(*messages: p.ServerMessage) -> servers.Conversation:
    async def converse(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        for message in messages:
            await socket.send_str(p.encode(message))
        async for _ in socket:
            pass

    return converse


async def test_joining_gives_what_the_welcome_says_and_keeps_what_came_before_it() -> None:
    early = p.MemberJoined(participant="early")
    async with servers.websocket_server(_says(early, WELCOME)) as url:
        way = ShimSignalling(url, Access("t"))
        await way.connect()
        joined = await way.join("r", "n")
        assert joined == base.Joined("me", ("you",), "sfu", ((("turn:t",), "user", "secret"),), handshake=True)
        assert await way.next_event() == base.MemberJoined("early")
        await way.leave()
        await way.leave()


EVENTS: list[tuple[p.ServerMessage, base.Event]] = [
    (
        p.Open(path="x", kind="p2p", peer="you", role="answer", migration="m:1"),
        base.OpenPath("x", "p2p", "you", "answer", "m:1"),
    ),
    (p.Open(path="x", kind="sfu", peer=None, role="offer"), base.OpenPath("x", "sfu", None, "offer")),
    (p.Close(path="x", reason="why"), base.ClosePath("x", "why")),
    (p.Offer(path="x", sdp="s"), base.RemoteDescription("x", "offer", "s")),
    (p.Answer(path="x", sdp="s"), base.RemoteDescription("x", "answer", "s")),
    (p.Candidate(path="x", candidate="c"), base.RemoteCandidate("x", "c")),
    (p.Candidate(path="x", candidate=None), base.RemoteCandidate("x", None)),
    (p.MemberLeft(participant="you", reason="vanished"), base.MemberLeft("you", "vanished")),
    (
        p.Migration(migration="m:1", source="p2p", target="sfu", deadline_seconds=9.0, members=("you",)),
        base.MigrationStarted("m:1", "p2p", "sfu", 9.0, ("you",)),
    ),
    (p.Committed(migration="m:1", topology="sfu"), base.MigrationCommitted("m:1", "sfu")),
    (
        p.RolledBack(migration="m:1", topology="p2p", reason="late"),
        base.MigrationRolledBack("m:1", "p2p", "late"),
    ),
    (p.ErrorMessage(code="media_failed", message="m", path="x"), base.ServerComplaint("media_failed", "m", "x")),
]  # fmt: skip


async def test_every_message_has_its_event() -> None:
    messages = [message for message, _ in EVENTS]
    async with servers.websocket_server(_says(WELCOME, p.Pong(id=1), *messages)) as url:
        way = ShimSignalling(url, Access())
        await way.connect()
        await way.join("r", "n")
        assert [await way.next_event() for _ in EVENTS] == [event for _, event in EVENTS]
        await way.leave()
        assert isinstance(await way.next_event(), base.SignallingLost)


async def test_every_call_has_its_message() -> None:
    heard: list[p.ClientMessage] = []
    done = asyncio.Event()

    async def converse(socket: web.WebSocketResponse) -> None:
        async for received in socket:
            heard.append(p.decode_client(received.data))
            if len(heard) == 1:
                await socket.send_str(p.encode(WELCOME))
        done.set()

    async with servers.websocket_server(converse) as url:
        way = ShimSignalling(url, Access("secret"))
        await way.connect()
        await way.join("r", "n")
        await way.send_description("x", "offer", "o")
        await way.send_description("x", "answer", "a")
        await way.send_candidate("x", None)
        await way.send_connected("x")
        await way.send_ready("m:1")
        await way.send_failed("m:1", "no")
        await way.force_topology("sfu")
        await way.leave()
        await asyncio.wait_for(done.wait(), 5.0)
    assert heard == [
        p.Join(room="r", token="secret", name="n"),
        p.Offer("x", "o"),
        p.Answer("x", "a"),
        p.Candidate("x", None),
        p.Connected("x"),
        p.Ready("m:1"),
        p.Failed("m:1", "no"),
        p.ForceTopology("sfu"),
        p.Leave(),
    ]
    await way.send_ready("m:1")  # who has left has nothing more to say
    never_connected = ShimSignalling(url, Access("secret"))
    with pytest.raises(SignallingError, match="closed"):
        await never_connected.send_ready("m:1")


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("bad_token", AccessDenied, "MEETPROBE_TOKEN"),
        ("room_full", AccessDenied, "another room"),
        ("version", ProtocolError, "version"),
        ("bad_message", ProtocolError, "bad_message"),
    ],
)
async def test_refusals(code: str, kind: type[SignallingError], said: str) -> None:
    async with servers.websocket_server(_says(p.ErrorMessage(code=code, message="no"))) as url:
        way = ShimSignalling(url, Access())
        await way.connect()
        with pytest.raises(kind, match=said) as failure:
            await way.join("r", "n")
        assert failure.value.phase == "room_join"
        await way.leave()


@pytest.mark.parametrize(("code", "kind"), [(4401, AccessDenied), (4403, AccessDenied), (1011, ProtocolError)])
async def test_close_codes_tell_who_refused(code: int, kind: type[SignallingError]) -> None:
    async def converse(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        await socket.close(code=code)

    async with servers.websocket_server(converse) as url:
        way = ShimSignalling(url, Access())
        await way.connect()
        with pytest.raises(kind):
            await way.join("r", "n")
        await way.leave()


@pytest.mark.parametrize("said", ["{}", "[]", "\x00", '{"type":"close"}', '{"type":"offer","path":7,"sdp":""}'])
async def test_rubbish_after_the_join_loses_the_signalling(said: str) -> None:
    async def converse(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        await socket.send_str(p.encode(WELCOME))
        await socket.send_str(said)
        async for _ in socket:
            pass

    async with servers.websocket_server(converse) as url:
        way = ShimSignalling(url, Access())
        await way.connect()
        await way.join("r", "n")
        event = await way.next_event()
        assert isinstance(event, base.SignallingLost)
        assert "does not allow" in event.reason
        await way.leave()


async def test_nobody_there() -> None:
    way = ShimSignalling(f"ws://user:secret@127.0.0.1:{await servers.unused_port()}/ws?token=t", Access())
    with pytest.raises(ServerUnreachable) as failure:
        await way.connect()
    assert failure.value.phase == "signalling_connect"
    assert "secret" not in str(failure.value)
    assert "token=t" not in str(failure.value)
    await way.leave()


@pytest.mark.parametrize(
    ("status", "kind"), [(401, AccessDenied), (403, AccessDenied), (404, ProtocolError), (500, ProtocolError)]
)
async def test_http_refusals(status: int, kind: type[SignallingError]) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=status)

    app = web.Application()
    app.router.add_get("/ws", refuse)
    async with web_server(app) as port:
        way = ShimSignalling(f"ws://127.0.0.1:{port}", Access())
        with pytest.raises(kind, match=str(status)):
            await way.connect()
        await way.leave()


async def test_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "CONNECT_DEADLINE", 0.2)
    for name in ("ANSWER_DEADLINE", "LEAVE_DEADLINE"):
        monkeypatch.setattr(adapter, name, 0.2)
    async with servers.mute_server() as url:
        way = ShimSignalling(url, Access())
        with pytest.raises(ServerUnreachable, match=r"no answer within 0\.2 s"):
            await way.connect()
        await way.leave()

    async def deaf(socket: web.WebSocketResponse) -> None:
        await asyncio.sleep(3.0)

    async with servers.websocket_server(deaf) as url:
        way = ShimSignalling(url, Access())
        await way.connect()
        with pytest.raises(ProtocolError, match=r"no answer to join within 0\.2 s"):
            await way.join("r", "n")
        began = time.monotonic()
        await way.leave()
        assert time.monotonic() - began < 2.0


async def test_a_lost_connection_is_told_once_and_for_all() -> None:
    async def converse(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        await socket.send_str(p.encode(WELCOME))
        await asyncio.sleep(0.05)
        transport = socket._req.transport if socket._req is not None else None
        assert transport is not None
        transport.abort()

    async with servers.websocket_server(converse) as url:
        way = ShimSignalling(url, Access())
        await way.connect()
        await way.join("r", "n")
        async with asyncio.timeout(5.0):
            assert isinstance(await way.next_event(), base.SignallingLost)
            assert isinstance(await way.next_event(), base.SignallingLost)
        with pytest.raises(SignallingError):
            await way.send_ready("m:1")
        await way.leave()


# how its calls are told


async def heard_of(url: str, token: str = "") -> list[tuple[str, str]]:
    """The calls of one attempt to enter, and how each ended."""
    ear = Ear()
    way = ShimSignalling(url, Access(token, heard=ear))
    try:
        await way.connect()
        await way.join("r", "n")
    except SignallingError:
        pass
    finally:
        await way.leave()
    return [(call.name, call.outcome) for call in ear.calls]


@pytest.mark.parametrize(
    ("converse", "outcome"),
    [
        (_says(WELCOME), "answered"),
        (_says(p.ErrorMessage(code="bad_token", message="no")), "refused"),
        (_says(p.ErrorMessage(code="bad_message", message="no")), "refused"),
        (servers.says("no JSON"), "refused"),
        (servers.says(b"binary"), "refused"),
        (servers.closes_at_once, "unreachable"),
    ],
)
async def test_both_calls_are_told_with_how_they_ended(converse: servers.Conversation, outcome: str) -> None:
    async with servers.websocket_server(converse) as url:
        assert await heard_of(url) == [("connect", "answered"), ("join", outcome)]


async def test_a_join_without_an_answer_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "ANSWER_DEADLINE", 0.05)
    async with servers.websocket_server(servers.never_answers) as url:
        assert await heard_of(url) == [("connect", "answered"), ("join", "timeout")]


async def test_a_handshake_that_fails_is_told_by_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "CONNECT_DEADLINE", 0.2)
    async with servers.http_server() as url:
        assert await heard_of(url) == [("connect", "4xx")]
    async with servers.mute_server() as url:
        assert await heard_of(url) == [("connect", "timeout")]
    assert await heard_of(f"ws://127.0.0.1:{await servers.unused_port()}") == [("connect", "unreachable")]


async def test_who_leaves_before_the_welcome_tells_nothing_of_the_join() -> None:
    ear = Ear()
    async with servers.websocket_server(servers.never_answers) as url:
        way = ShimSignalling(url, Access(heard=ear))
        await way.connect()
        joining = asyncio.ensure_future(way.join("r", "n"))
        await asyncio.sleep(0.02)
        await way.leave()
        with pytest.raises(SignallingError):
            await joining
    assert [call.name for call in ear.calls] == ["connect"]
