"""Enter a meeting of the shim: its JSON-over-WebSocket protocol (docs/signalling.md) as a `Signalling` adapter."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from probe.model.errors import AccessDenied, ProtocolError, SignallingError
from probe.model.url import without_secrets
from probe.signalling import base
from probe.signalling.access import Access
from probe.signalling.calls import Timing
from probe.signalling.no_connection import no_connection
from probe.signalling.shared_session import SessionLoan
from sfu_shim.core import protocol

CONNECT_DEADLINE = 10.0
ANSWER_DEADLINE = 10.0
SEND_DEADLINE = 5.0
LEAVE_DEADLINE = 2.0
_MAX_MESSAGE = 1 << 20
_DENIED = {4401: "the server refused the token", 4403: "the room or the server is full"}


class ShimSignalling:
    """One WebSocket to `url` (ws:// or wss://; the path /ws is added when the URL has none)."""

    schemes = ("ws", "wss")
    topologies = ("hybrid", "p2p", "sfu")

    def __init__(self, url: str, access: Access) -> None:
        self._url = _with_path(url)
        self._where = without_secrets(self._url)
        self._access = access
        self._loan: SessionLoan | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._early: list[base.Event] = []
        self._left = False

    async def connect(self) -> None:
        self._loan = self._access.session()
        try:
            with self._access.timed("connect"):
                async with asyncio.timeout(CONNECT_DEADLINE):
                    self._socket = await self._loan.session.ws_connect(
                        self._url, protocols=(protocol.SUBPROTOCOL,), max_msg_size=_MAX_MESSAGE
                    )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            await self._close()
            raise self._connect_error(error) from error

    def _connect_error(self, error: Exception) -> SignallingError:
        where, phase = self._where, "signalling_connect"
        if isinstance(error, aiohttp.WSServerHandshakeError):
            if error.status in (401, 403):
                return AccessDenied(f"HTTP {error.status}", who=where, phase=phase, hint="check the token")
            return ProtocolError(
                f"no WebSocket there: HTTP {error.status}",
                who=where,
                phase=phase,
                hint="is this the signalling server's URL?",
            )
        return no_connection(
            error,
            who=where,
            phase=phase,
            deadline=CONNECT_DEADLINE,
            server="the server",
            what="is this a WebSocket server?",
        )

    async def join(self, room: str, name: str) -> base.Joined:
        entering = protocol.Join(room=room, token=self._access.token, name=name)
        try:
            with self._access.timed("join") as call:
                async with asyncio.timeout(ANSWER_DEADLINE):
                    await self._send(entering, phase="room_join")
                    return await self._welcome(call)
        except TimeoutError as error:
            raise ProtocolError(
                f"no answer to join within {ANSWER_DEADLINE:g} s",
                who=self._where,
                phase="room_join",
                hint="the server hangs",
            ) from error

    async def _welcome(self, call: Timing) -> base.Joined:
        while True:
            message = await self._receive()
            if isinstance(message, protocol.Welcome):
                servers = tuple((entry.urls, entry.username, entry.credential) for entry in message.ice_servers)
                return base.Joined(message.participant, message.members, message.topology, servers, handshake=True)
            if isinstance(message, base.SignallingLost):
                call.call_off() if self._left else call.lost()
                raise ProtocolError(
                    message.reason, who=self._where, phase="room_join", hint="the server closed the connection"
                )
            if isinstance(message, protocol.ErrorMessage):
                await self._refused(message)
            if (event := _event(message)) is not None:
                self._early.append(event)

    async def _refused(self, message: protocol.ErrorMessage) -> None:
        if message.code in ("bad_token", "room_full"):
            hint = "set --token or MEETPROBE_TOKEN" if message.code == "bad_token" else "wait, or use another room"
            raise AccessDenied(message.message or message.code, who=self._where, phase="room_join", hint=hint)
        raise ProtocolError(f"{message.code}: {message.message}", who=self._where, phase="room_join")

    async def next_event(self) -> base.Event:
        if self._early:
            return self._early.pop(0)
        while True:
            try:
                message = await self._receive()
            except AccessDenied as error:
                return base.SignallingLost(error.message)
            except ProtocolError as error:
                return base.SignallingLost(error.message)
            if isinstance(message, base.SignallingLost):
                return message
            if (event := _event(message)) is not None:
                return event

    async def _receive(self) -> protocol.ServerMessage | base.SignallingLost:
        if self._socket is None:
            return base.SignallingLost("not connected")
        message = await self._socket.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            try:
                return protocol.decode_server(message.data)
            except protocol.MessageError as error:
                raise ProtocolError(
                    f"the server sent what the protocol does not allow: {error}", who=self._where, phase="room_join"
                ) from error
        if message.type is aiohttp.WSMsgType.BINARY:
            raise ProtocolError(
                "the server sent binary data", who=self._where, phase="room_join", hint="is this the right server?"
            )
        code = self._socket.close_code
        if code in _DENIED:
            raise AccessDenied(_DENIED[code], who=self._where, phase="room_join", hint="check the token and the room")
        return base.SignallingLost(f"the server closed the WebSocket (code {code})" if code else "the WebSocket broke")

    async def _send(self, message: protocol.ClientMessage, phase: str = "signalling") -> None:
        if self._left and not isinstance(message, protocol.Leave):
            return  # who has left has nothing more to say: a path that comes up just now is no error
        if self._socket is None or self._socket.closed:
            raise SignallingError("the WebSocket is closed", who=self._where, phase=phase)
        try:
            async with asyncio.timeout(SEND_DEADLINE):
                await self._socket.send_str(protocol.encode(message))
        except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
            raise SignallingError(f"could not send {message.type}: {error!r}", who=self._where, phase=phase) from error

    async def send_description(self, path: str, type: Literal["offer", "answer"], sdp: str) -> None:
        await self._send(protocol.Offer(path, sdp) if type == "offer" else protocol.Answer(path, sdp))

    async def send_candidate(self, path: str, candidate: str | None) -> None:
        await self._send(protocol.Candidate(path, candidate))

    async def send_connected(self, path: str) -> None:
        await self._send(protocol.Connected(path))

    async def send_ready(self, migration: str) -> None:
        await self._send(protocol.Ready(migration))

    async def send_failed(self, migration: str, reason: str) -> None:
        await self._send(protocol.Failed(migration, reason))

    async def force_topology(self, topology: base.Topology | None) -> None:
        await self._send(protocol.ForceTopology(topology))

    async def leave(self) -> None:
        if self._left:
            return
        self._left = True
        try:
            async with asyncio.timeout(LEAVE_DEADLINE):
                await self._send(protocol.Leave())
        except (SignallingError, TimeoutError):
            pass  # the server is gone: so are we
        await self._close()

    async def _close(self) -> None:
        if self._socket is not None:
            await _within_deadline(self._socket.close())
        if self._loan is not None:
            await _within_deadline(self._loan.give_back())


async def _within_deadline(closing: Awaitable[object]) -> None:
    try:
        async with asyncio.timeout(LEAVE_DEADLINE):
            await closing
    except TimeoutError:
        pass  # nothing more to tell a server that does not answer


def _event(message: protocol.ServerMessage) -> base.Event | None:
    """The protocol's message in the words of the seam; None for what a participant need not know."""
    match message:
        case protocol.Open():
            return base.OpenPath(message.path, message.kind, message.peer, message.role, message.migration)
        case protocol.Close():
            return base.ClosePath(message.path, message.reason)
        case protocol.Offer():
            return base.RemoteDescription(message.path, "offer", message.sdp)
        case protocol.Answer():
            return base.RemoteDescription(message.path, "answer", message.sdp)
        case protocol.Candidate():
            return base.RemoteCandidate(message.path, message.candidate)
        case protocol.MemberJoined():
            return base.MemberJoined(message.participant)
        case protocol.MemberLeft():
            return base.MemberLeft(message.participant, message.reason)
        case protocol.Migration():
            return base.MigrationStarted(
                message.migration, message.source, message.target, message.deadline_seconds, message.members
            )
        case protocol.Committed():
            return base.MigrationCommitted(message.migration, message.topology)
        case protocol.RolledBack():
            return base.MigrationRolledBack(message.migration, message.topology, message.reason)
        case protocol.ErrorMessage():
            return base.ServerComplaint(message.code, message.message, message.path)
        case _:
            return None


def _with_path(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path="/ws")) if parts.path in ("", "/") else url
