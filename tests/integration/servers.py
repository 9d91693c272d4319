"""Servers that misbehave, each in its own way: small aiohttp applications on a free port of loopback."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import WSMessage, WSMsgType, web

from probe.rtc.clock import Clock
from probe.rtc.jsep import Jsep, LocalTransport
from probe.rtc.peer import Peer, PeerConfig
from probe.wire.sdp import Candidate
from sfu_shim.core import protocol as p
from tests.web_server import web_server

Conversation = Callable[[web.WebSocketResponse], Awaitable[None]]

UNUSED_PORT = 9
"""Nobody answers there: the discard service."""


@asynccontextmanager
async def websocket_server(converse: Conversation, protocol: str = p.SUBPROTOCOL) -> AsyncIterator[str]:
    """Every WebSocket is handed to `converse`, and is closed when that returns. Gives the URL."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=(protocol,))
        await socket.prepare(request)
        await converse(socket)
        await socket.close()
        return socket

    app = web.Application()
    app.router.add_get("/ws", handle)
    async with web_server(app) as port:
        yield f"ws://127.0.0.1:{port}/ws"


@asynccontextmanager
async def http_server() -> AsyncIterator[str]:
    """A web server without a WebSocket: 404 for everything."""
    async with web_server(web.Application()) as port:
        yield f"ws://127.0.0.1:{port}/ws"


@asynccontextmanager
async def mute_server() -> AsyncIterator[str]:
    """Accepts TCP connections and never says a word."""

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
    finally:
        server.close()


async def unused_port() -> int:
    """A TCP port on which nobody listens."""
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


# conversations


def says(text: str | bytes) -> Conversation:
    """Answers the first message with `text`, then listens."""

    async def converse(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        await (socket.send_bytes(text) if isinstance(text, bytes) else socket.send_str(text))
        await _listen(socket)

    return converse


async def closes_at_once(socket: web.WebSocketResponse) -> None:
    """Does not even wait for the join."""


async def never_answers(socket: web.WebSocketResponse) -> None:
    """A WebSocket on which nothing is ever said."""
    await _listen(socket)


def welcomes(*then: p.ServerMessage, members: tuple[str, ...] = ("somebody",)) -> Conversation:
    """Lets everybody in, as participant "me", says `then` and nothing more."""

    async def converse(socket: web.WebSocketResponse) -> None:
        join = _decoded(await socket.receive())
        assert isinstance(join, p.Join)
        welcome = p.Welcome(participant="me", room=join.room, topology="sfu", members=members)
        for message in (welcome, *then):
            await socket.send_str(p.encode(message))
        await _listen(socket)

    return converse


def answers_with(answer: Callable[[str], Awaitable[p.ServerMessage]]) -> Conversation:
    """Lets everybody in, opens a path to the SFU, and says of every offer what `answer` makes of it."""

    async def converse(socket: web.WebSocketResponse) -> None:
        join = _decoded(await socket.receive())
        assert isinstance(join, p.Join)
        opening = (
            p.Welcome(participant="me", room=join.room, topology="sfu", members=("somebody",)),
            p.Open(path="sfu:me:1", kind="sfu", peer=None, role="offer"),
        )
        for message in opening:
            await socket.send_str(p.encode(message))
        async for received in socket:
            said = _decoded(received)
            if isinstance(said, p.Offer):
                await socket.send_str(p.encode(await answer(said.sdp)))
            elif isinstance(said, p.Leave):
                return

    return converse


async def unknown_codecs(offer: str) -> p.ServerMessage:
    """A well-formed answer in which every codec has a name that nobody knows."""
    peer = Peer(PeerConfig(), label="sfu", controlling=False, clock=Clock())
    answer = await peer.accept_offer(offer)
    await peer.close()
    for name in ("opus", "VP8", "H264", "rtx"):
        answer = answer.replace(f" {name}/", " UNHEARD-OF/")
    return p.Answer(path="sfu:me:1", sdp=answer)


async def dead_candidate(offer: str) -> p.ServerMessage:
    """A good answer whose only candidate never answers."""
    fingerprint = ":".join(["AB"] * 32)
    nobody = Candidate("1", 1, "udp", 2130706431, "127.0.0.1", UNUSED_PORT, "host")
    transport = LocalTransport("abcd", "p" * 24, [("sha-256", fingerprint)], [nobody])
    return p.Answer(path="sfu:me:1", sdp=Jsep(transport, random.Random(1)).take_offer(offer))


async def complains(offer: str) -> p.ServerMessage:
    """The SFU can't use the offer, and says so."""
    return p.ErrorMessage(code="media_failed", message="no such luck", path="sfu:me:1")


async def _listen(socket: web.WebSocketResponse) -> None:
    async for _ in socket:
        pass


def _decoded(message: WSMessage) -> p.ClientMessage:
    assert message.type is WSMsgType.TEXT
    return p.decode_client(message.data)
