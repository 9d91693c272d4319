"""The shim's HTTP server: WebSocket signalling at /ws, WHIP and WHEP, /healthz, /metrics. Thin: all decisions are `core.rooms`'."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import Callable
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

import probe
from probe.model.errors import ConfigError
from probe.rtc.clock import Clock
from sfu_shim.config import ShimConfig
from sfu_shim.core.protocol import (
    SUBPROTOCOL,
    VERSION,
    ClientMessage,
    ErrorMessage,
    Join,
    MessageError,
    decode_client,
    encode,
)  # fmt: skip
from sfu_shim.core.schema import MAX_MESSAGE
from sfu_shim.hub import CLOSE_CODES, CLOSE_NORMAL, Hub, Media, Outbox, Report
from sfu_shim.media import SfuMedia
from sfu_shim.metrics import render
from sfu_shim.page_routes import add_routes as add_page
from sfu_shim.whip import WhipEndpoints

log = logging.getLogger("sfu_shim")

CONFIG: web.AppKey[ShimConfig] = web.AppKey("config", ShimConfig)
HUB: web.AppKey[Hub] = web.AppKey("hub", Hub)
SOCKETS: web.AppKey[set[web.WebSocketResponse]] = web.AppKey("sockets", set)

_ENDS = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR)
_CLOSE_SECONDS = 5.0


class _Refused(Exception):
    """The WebSocket is to be closed with an error; `code` is one of CLOSE_CODES."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def create_app(config: ShimConfig, make_media: Callable[[Report], Media] | None = None) -> web.Application:
    """The application. `make_media` replaces the SFU's media side (tests of signalling alone)."""
    clock = Clock()
    app = web.Application()
    app[CONFIG] = config
    app[HUB] = Hub(config, clock, make_media or (lambda report: SfuMedia(config, clock, report)))
    app[SOCKETS] = set()
    app.router.add_get("/ws", _signalling)
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/metrics", _metrics)
    add_page(app.router, config, app[HUB].rooms)
    if isinstance(media := app[HUB].media, SfuMedia):
        endpoints = WhipEndpoints(config, app[HUB], media)
        app.router.add_routes(endpoints.routes())
        app.on_shutdown.append(lambda _: endpoints.close())
    app.on_shutdown.append(_shutdown)
    return app


async def _shutdown(app: web.Application) -> None:
    sockets = app[SOCKETS]
    for socket in list(sockets):
        await socket.close(code=WSCloseCode.GOING_AWAY, message=b"server shuts down")
    await app[HUB].close()


async def _healthz(request: web.Request) -> web.Response:
    hub = request.app[HUB]
    body = {"status": "ok", "version": probe.__version__, "protocol": VERSION, "participants": hub.rooms.participants}
    return web.json_response(body, dumps=json.dumps)


async def _metrics(request: web.Request) -> web.Response:
    hub = request.app[HUB]
    text = render(hub.rooms, hub.media.stats(), hub.errors)
    return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


def _check_origin(request: web.Request, config: ShimConfig) -> None:
    """A page from elsewhere must not use the browser of somebody on this machine to get into an open server."""
    origin = request.headers.get("Origin")
    if origin and not config.token and urlsplit(origin).netloc != request.host:
        raise web.HTTPForbidden(text=f"origin {origin} is not allowed without a token\n")


async def _signalling(request: web.Request) -> web.WebSocketResponse:
    config, hub = request.app[CONFIG], request.app[HUB]
    _check_origin(request, config)
    socket = web.WebSocketResponse(protocols=(SUBPROTOCOL,), heartbeat=config.heartbeat, max_msg_size=4 * MAX_MESSAGE)
    await socket.prepare(request)
    request.app[SOCKETS].add(socket)
    try:
        await _converse(socket, config, hub)
    finally:
        request.app[SOCKETS].discard(socket)
    return socket


async def _converse(socket: web.WebSocketResponse, config: ShimConfig, hub: Hub) -> None:
    participant, outbox = hub.rooms.new_participant(), Outbox()
    writer = asyncio.create_task(_write(socket, outbox))
    try:
        join = await _first_message(socket, config)
        if join is not None:
            hub.enter(participant, join.room, join.name, outbox)
            await _read(socket, hub, participant)
    except _Refused as refused:
        hub.errors[refused.code] += 1
        log.info("%s: %s: %s", participant, refused.code, refused.message)
        outbox.put(encode(ErrorMessage(code=refused.code, message=refused.message[:4000])))
        outbox.end(CLOSE_CODES[refused.code], refused.message)
    finally:
        hub.vanish(participant)
        outbox.end(CLOSE_NORMAL, "bye")
        await asyncio.wait([writer], timeout=_CLOSE_SECONDS)
        writer.cancel()


async def _first_message(socket: web.WebSocketResponse, config: ShimConfig) -> Join | None:
    """The join, None when the socket ended first."""
    try:
        async with asyncio.timeout(config.join_deadline):
            received = await socket.receive()
    except TimeoutError:
        raise _Refused("join_timeout", f"no join within {config.join_deadline:g} s") from None
    if received.type in _ENDS:
        return None
    message = _decode(received)
    if not isinstance(message, Join):
        raise _Refused("bad_message", f"the first message must be join, not {message.type}")
    if message.v != VERSION:
        raise _Refused("version", f"join.v: this server speaks version {VERSION}, not {message.v}")
    if config.token and not hmac.compare_digest(message.token.encode(), config.token.encode()):
        raise _Refused("bad_token", "join.token: wrong token")
    return message


async def _read(socket: web.WebSocketResponse, hub: Hub, participant: str) -> None:
    """Until the socket ends or the participant has left."""
    while hub.is_in(participant):
        received = await socket.receive()
        if received.type in _ENDS:
            return
        hub.receive(participant, _decode(received))


def _decode(received: WSMessage) -> ClientMessage:
    if received.type != WSMsgType.TEXT:
        raise _Refused("bad_message", "message: text is wanted, not binary")
    try:
        return decode_client(received.data)
    except MessageError as error:
        raise _Refused("bad_message", str(error)) from error


async def _write(socket: web.WebSocketResponse, outbox: Outbox) -> None:
    """Write the outbox until its end, then close. A socket that breaks ends the reader, which tidies up."""
    try:
        while (text := await outbox.take()) is not None:
            await socket.send_str(text)
        code, reason = outbox.ending or (CLOSE_NORMAL, "")
        await socket.close(code=code, message=reason.encode("ascii", "replace")[:120])
    except ConnectionError as error:
        log.debug("a WebSocket broke while written: %s", error)


class ShimServer:
    """The shim inside another process: `url = await server.start()`, later `await server.stop()`."""

    def __init__(self, config: ShimConfig | None = None) -> None:
        self.config = config or ShimConfig(port=0)
        self.app = create_app(self.config)
        self._runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=2.0)

    async def start(self) -> str:
        """Bind and serve; the WebSocket URL with the real port. Raises ConfigError when the port can't be bound."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self.config.host, self.config.port).start()
        except OSError as error:
            await self._runner.cleanup()
            where = f"{self.config.host}:{self.config.port}"
            raise ConfigError(f"can't listen on {where}: {error.strerror or error}", who="sfu-shim") from error
        host, port = self._runner.addresses[0][:2]
        return f"ws://[{host}]:{port}/ws" if ":" in host else f"ws://{host}:{port}/ws"

    async def stop(self) -> None:
        """Participants get close code 1001; everything is freed. Idempotent."""
        await self._runner.cleanup()
