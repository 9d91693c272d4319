"""Enter a meeting of the shim: its JSON-over-WebSocket protocol (docs/signalling.md) as a `Signalling` adapter."""

from __future__ import annotations

import asyncio
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from probe.model.errors import AccessDenied, ProtocolError, SignallingError
from probe.signalling import base
from probe.signalling.access import Access
from probe.signalling.calls import Timing
from probe.signalling.websocket import WebSocket, WebSocketLost
from sfu_shim.core import protocol

ANSWER_DEADLINE = 10.0
LEAVE_DEADLINE = 2.0
_DENIED = {4401: "the server refused the token", 4403: "the room or the server is full"}


class ShimSignalling:
    """One WebSocket to `url` (ws:// or wss://; the path /ws is added when the URL has none)."""

    schemes = ("ws", "wss")
    topologies = ("hybrid", "p2p", "sfu")

    def __init__(self, url: str, access: Access) -> None:
        self._access = access
        self._socket = WebSocket(_with_path(url), access, (protocol.SUBPROTOCOL,))
        self._early: list[base.Event] = []
        self._left = False

    async def connect(self) -> None:
        await self._socket.open()
        self._socket.phase = "room_join"

    async def join(self, room: str, name: str) -> base.Joined:
        entering = protocol.Join(room=room, token=self._access.token, name=name)
        try:
            with self._access.timed("join") as call:
                async with asyncio.timeout(ANSWER_DEADLINE):
                    await self._send(entering)
                    joined = await self._welcome(call)
        except TimeoutError as error:
            raise ProtocolError(
                f"no answer to join within {ANSWER_DEADLINE:g} s",
                who=self._socket.where,
                phase="room_join",
                hint="the server hangs",
            ) from error
        self._socket.phase = "signalling"
        return joined

    async def _welcome(self, call: Timing) -> base.Joined:
        while True:
            try:
                message = await self._receive()
            except WebSocketLost as error:
                call.call_off() if self._left else call.lost()
                raise ProtocolError(
                    error.message, who=error.who, phase=error.phase, hint="the server closed the connection"
                ) from error
            if isinstance(message, protocol.Welcome):
                servers = tuple((entry.urls, entry.username, entry.credential) for entry in message.ice_servers)
                return base.Joined(message.participant, message.members, message.topology, servers, handshake=True)
            if isinstance(message, protocol.ErrorMessage):
                await self._refused(message)
            if (event := _event(message)) is not None:
                self._early.append(event)

    async def _refused(self, message: protocol.ErrorMessage) -> None:
        if message.code in ("bad_token", "room_full"):
            hint = (
                "set MEETPROBE_TOKEN, or --token-file" if message.code == "bad_token" else "wait, or use another room"
            )
            raise AccessDenied(message.message or message.code, who=self._socket.where, phase="room_join", hint=hint)
        raise ProtocolError(f"{message.code}: {message.message}", who=self._socket.where, phase="room_join")

    async def next_event(self) -> base.Event:
        if self._early:
            return self._early.pop(0)
        while True:
            try:
                message = await self._receive()
            except SignallingError as error:
                return base.SignallingLost(error.message)
            if (event := _event(message)) is not None:
                return event

    async def _receive(self) -> protocol.ServerMessage:
        where, phase = self._socket.where, self._socket.phase
        try:
            return protocol.decode_server(await self._socket.receive())
        except protocol.MessageError as error:
            raise ProtocolError(
                f"the server sent what the protocol does not allow: {error}", who=where, phase=phase
            ) from error
        except WebSocketLost as error:
            if error.code in _DENIED:
                hint = "check the token and the room"
                raise AccessDenied(_DENIED[error.code], who=where, phase=phase, hint=hint) from error
            raise

    async def _send(self, message: protocol.ClientMessage) -> None:
        if not self._left or isinstance(message, protocol.Leave):
            await self._socket.send(protocol.encode(message))

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
        await self._socket.close()


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
