"""A meeting in a Janus VideoRoom with our own peers: one publishes, the others subscribe to it."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import aiohttp

from probe.rtc.clock import Clock
from probe.rtc.peer import Peer, PeerConfig
from tests.bench.janus_server import ROOM

Answer = dict[str, Any]
_ANSWER_SECONDS = 10.0
_KEEPALIVE_SECONDS = 20.0
_LAYERS = "a=rid:h send\r\na=rid:m send\r\na=rid:l send\r\na=simulcast:send h;m;l\r\n"


class JanusError(Exception):
    """Janus refused a request; the text is its own."""


class JanusSession:
    """One session over one WebSocket; `request` gives the answer of the plugin, past its `ack`."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._session: int | None = None

    async def open(self, url: str) -> None:
        self._socket = await self._http.ws_connect(url, protocols=("janus-protocol",))
        self._tasks.append(asyncio.create_task(self._read()))
        self._session = (await self.request({"janus": "create"}))["data"]["id"]
        self._tasks.append(asyncio.create_task(self._keep_alive()))

    async def attach(self) -> int:
        """A new handle of the VideoRoom plugin."""
        answer = await self.request({"janus": "attach", "plugin": "janus.plugin.videoroom"})
        return int(answer["data"]["id"])

    async def message(self, handle: int, body: dict[str, Any], jsep: dict[str, str] | None = None) -> Answer:
        request: dict[str, Any] = {"janus": "message", "handle_id": handle, "body": body}
        if jsep is not None:
            request["jsep"] = jsep
        return await self.request(request)

    async def request(self, body: dict[str, Any]) -> Answer:
        """Raises JanusError, TimeoutError."""
        transaction = secrets.token_hex(8)
        waiting = self._waiting[transaction] = asyncio.get_running_loop().create_future()
        session = {} if self._session is None else {"session_id": self._session}
        await self._socket.send_json({**body, **session, "transaction": transaction})
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                answer: Answer = await waiting
        finally:
            del self._waiting[transaction]
        data = answer.get("plugindata", {}).get("data", {})
        if answer["janus"] == "error" or "error" in data:
            raise JanusError(str(answer.get("error") or data.get("error")))
        return answer

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._socket.close()

    async def _read(self) -> None:
        async for received in self._socket:
            answer = received.json()
            waiting = self._waiting.get(answer.get("transaction", ""))
            if waiting is not None and answer["janus"] != "ack" and not waiting.done():
                waiting.set_result(answer)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(_KEEPALIVE_SECONDS)
            await self._socket.send_json(
                {"janus": "keepalive", "session_id": self._session, "transaction": secrets.token_hex(8)}
            )


class JanusMeeting:
    """Implements `forwarding.Meeting`."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._session = JanusSession(http)
        self._clock = Clock()
        self.publisher = Peer(PeerConfig(), label="publisher", controlling=True, clock=self._clock)
        self.subscribers: list[Peer] = []
        self._publishing = 0

    async def publish_for(self, url: str, offer: str) -> str:
        """Somebody else's peer connection publishes here. Returns Janus's answer to its offer."""
        await self._session.open(url)
        self._publishing = await self._session.attach()
        body = {"request": "joinandconfigure", "ptype": "publisher", "room": ROOM, "display": "publisher"}
        answer = await self._session.message(self._publishing, body, {"type": "offer", "sdp": offer})
        return str(answer["jsep"]["sdp"])

    async def open(self, url: str, subscribers: int, *, layered: bool = False) -> None:
        """`layered`: the video is announced in three simulcast layers."""
        await self._session.open(url)
        feed = await self._publish(layered)
        for number in range(subscribers):
            self.subscribers.append(await self._subscribe(feed, f"subscriber-{number}"))

    async def leave_room(self) -> None:
        """The publisher leaves, and keeps its connection."""
        await self._session.message(self._publishing, {"request": "leave"})

    async def close(self) -> None:
        for peer in (self.publisher, *self.subscribers):
            await peer.close()
        await self._session.close()

    async def _publish(self, layered: bool) -> int:
        for kind in ("audio", "video"):
            self.publisher.add_transceiver(kind, "sendonly", ("publisher", kind))
        handle = self._publishing = await self._session.attach()
        sdp = await self.publisher.create_offer()
        offer = {"type": "offer", "sdp": sdp + _LAYERS if layered else sdp}  # the video section is the last
        body = {"request": "joinandconfigure", "ptype": "publisher", "room": ROOM, "display": "publisher"}
        answer = await self._session.message(handle, body, offer)
        await self.publisher.accept_answer(answer["jsep"]["sdp"])
        await self.publisher.connect()
        return int(answer["plugindata"]["data"]["id"])

    async def _subscribe(self, feed: int, name: str) -> Peer:
        peer = Peer(PeerConfig(), label=name, controlling=False, clock=self._clock)
        handle = await self._session.attach()
        body = {"request": "join", "ptype": "subscriber", "room": ROOM, "streams": [{"feed": feed}]}
        offered = await self._join(handle, body)
        answer = {"type": "answer", "sdp": await peer.accept_offer(offered["jsep"]["sdp"])}
        await self._session.message(handle, {"request": "start"}, answer)
        await peer.connect()
        return peer

    async def _join(self, handle: int, body: dict[str, Any]) -> Answer:
        """A feed exists only once Janus has seen its publisher connected, which is later than the publisher sees it."""
        async with asyncio.timeout(_ANSWER_SECONDS):
            while True:
                try:
                    return await self._session.message(handle, body)
                except JanusError as error:
                    if "No such feed" not in str(error):
                        raise
                    await asyncio.sleep(0.1)
