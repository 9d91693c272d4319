"""A small client of the shim for tests: a WebSocket, and Peers that follow its messages."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import aiohttp

from probe.rtc.clock import Clock
from probe.rtc.peer import Peer, PeerConfig
from probe.wire.rtcp import RtcpPacket
from probe.wire.rtp import RtpHeader
from sfu_shim.core import protocol as p

M = TypeVar("M", bound=p.ServerMessage)


class Signalling:
    """The WebSocket alone. `expect` skips other messages, and fails after `seconds`."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self.seen: list[p.ServerMessage] = []

    async def connect(self, url: str) -> None:
        self.socket = await self._session.ws_connect(url, protocols=(p.SUBPROTOCOL,))

    async def say(self, message: p.ClientMessage) -> None:
        await self.socket.send_str(p.encode(message))

    async def receive(self, seconds: float = 5.0) -> p.ServerMessage:
        async with asyncio.timeout(seconds):
            message = p.decode_server(await self.socket.receive_str())
        self.seen.append(message)
        return message

    async def expect(self, kind: type[M], seconds: float = 5.0) -> M:
        while True:
            message = await self.receive(seconds)
            if isinstance(message, kind):
                return message

    async def join(self, url: str, room: str, token: str = "") -> p.Welcome:
        await self.connect(url)
        await self.say(p.Join(room=room, token=token))
        return await self.expect(p.Welcome)


class Participant:
    """Follows the protocol with real peers; says Ready at once when its new paths are connected."""

    def __init__(self, session: aiohttp.ClientSession, *, sends: bool = True, codecs: tuple[str, ...] = ()) -> None:
        self.signalling = Signalling(session)
        self.clock = Clock()
        self.peers: dict[str, Peer] = {}
        self.opened: dict[str, p.Open] = {}
        self.packets: dict[str, list[tuple[bytes, RtpHeader]]] = defaultdict(list)
        self.rtcp: dict[str, list[RtcpPacket]] = defaultdict(list)
        self.messages: list[p.ServerMessage] = []
        self.changed = asyncio.Event()
        self._sends = sends
        self._config = PeerConfig(codecs=codecs)
        self._connecting: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, url: str, room: str) -> None:
        self.welcome = await self.signalling.join(url, room)
        self.name = self.welcome.participant
        self._spawn(self._follow())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(asyncio.create_task(work))

    async def until(self, condition: Callable[[Participant], bool], seconds: float = 8.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition(self):
                self.changed.clear()
                await self.changed.wait()

    def got(self, kind: type[p.ServerMessage]) -> list[p.ServerMessage]:
        return [message for message in self.messages if isinstance(message, kind)]

    def path(self, kind: str) -> str:
        return next(name for name, opened in self.opened.items() if opened.kind == kind)

    async def leave(self) -> None:
        await self.signalling.say(p.Leave())
        await self.until(lambda each: bool(each.got(p.Left)))
        await self.close()

    async def close(self) -> None:
        for task in self._tasks:
            if not task.done():
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for peer in self.peers.values():
            await peer.close()
        await self.signalling.socket.close()

    async def _follow(self) -> None:
        while not self.signalling.socket.closed:
            try:
                message = await self.signalling.receive(60.0)
            except aiohttp.WSMessageTypeError:
                return  # the server closed the WebSocket
            await self._handle(message)
            self.messages.append(message)
            self.changed.set()
            if isinstance(message, p.Left):
                return

    async def _handle(self, message: p.ServerMessage) -> None:
        match message:
            case p.Open():
                await self._open(message)
            case p.Offer(path, sdp):
                answer = await self.peers[path].accept_offer(sdp)
                await self.signalling.say(p.Answer(path=path, sdp=answer))
                self._spawn(self._connect(path))
            case p.Answer(path, sdp):
                await self.peers[path].accept_answer(sdp)
                self._spawn(self._connect(path))
            case p.Close(path):
                await self.peers.pop(path).close()
                self.opened.pop(path)

    async def _open(self, opened: p.Open) -> None:
        path = opened.path
        peer = Peer(self._config, label=self.name, controlling=opened.role == "offer", clock=self.clock)
        self.peers[path], self.opened[path] = peer, opened
        direction = ("sendonly" if opened.kind == "sfu" else "sendrecv") if self._sends else "recvonly"

        def on_rtp(data: bytes, header: RtpHeader, arrival: float) -> None:
            self.packets[path].append((data, header))
            self.changed.set()

        def on_rtcp(packets: list[RtcpPacket], arrival: float) -> None:
            self.rtcp[path] += packets
            self.changed.set()

        peer.on_rtp, peer.on_rtcp = on_rtp, on_rtcp
        for kind in ("audio", "video"):
            peer.add_transceiver(kind, direction, (self.name, f"{self.name}-{kind}") if self._sends else None)
        if opened.role == "offer":
            await self.signalling.say(p.Offer(path=path, sdp=await peer.create_offer()))

    async def _connect(self, path: str) -> None:
        if path in self._connecting:  # a renegotiation
            return
        self._connecting.add(path)
        await self.peers[path].connect()
        await self.signalling.say(p.Connected(path=path))
        migration = self.opened[path].migration
        if migration is not None:
            await self.signalling.say(p.Ready(migration=migration))
        self.changed.set()
