"""Servers on loopback that misbehave, each in its own way."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from aiohttp import WSMsgType, web

RUBBISH = '{"rubbish": [1, 2'
_MOST_MESSAGES = 100


@asynccontextmanager
async def nobody() -> AsyncIterator[int]:
    """A port that nothing listens on; it is held, so that nobody else takes it meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@asynccontextmanager
async def mute() -> AsyncIterator[int]:
    """Takes connections, and never says a word."""
    ended = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.transport.abort()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        ended.set()
        server.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def hangs_up() -> AsyncIterator[int]:
    """Takes connections and closes them."""

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    server = await asyncio.start_server(close, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def answers(status: int) -> AbstractAsyncContextManager[int]:
    """A web server that has nothing but this status."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status)

    return _web(answer)


def talks_rubbish() -> AbstractAsyncContextManager[int]:
    """Takes WebSockets and requests of any kind, and answers all with what is half a JSON object."""

    async def answer(request: web.Request) -> web.StreamResponse:
        asked = request.headers.get("Sec-WebSocket-Protocol", "")
        socket = web.WebSocketResponse(protocols=[name.strip() for name in asked.split(",") if name.strip()])
        if not socket.can_prepare(request):
            return web.Response(text=RUBBISH, content_type="application/json")
        await socket.prepare(request)
        for _ in range(_MOST_MESSAGES):
            if (await socket.receive()).type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break
            await socket.send_str(RUBBISH)
        return socket

    return _web(answer)


@asynccontextmanager
async def _web(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
