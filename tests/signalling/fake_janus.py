"""A Janus that answers from a script, behind the adapter's own transport interface."""

from __future__ import annotations

import asyncio
from typing import Any

from probe.model.errors import SignallingError
from probe.signalling.janus_messages import Json
from probe.signalling.janus_transport import Lost

ANN, BEN, OURS = 11, 22, 99
PUBLISHER, SUBSCRIBER = 1, 2
TRACKS = [{"type": "audio", "mid": "0"}, {"type": "video", "mid": "1"}]


class FakeJanus:
    """`said` is what it was told. Requests in `answers` get those messages, each with the transaction put in; others what a
    friendly Janus says. `silent` ones get none."""

    where = "janus.test"

    def __init__(self) -> None:
        self.said: list[Json] = []
        self.answers: dict[str, list[Json]] = {}
        self.silent: set[str] = set()
        self.deaf = False
        self.closed = 0
        self._handles = iter((PUBLISHER, SUBSCRIBER, 3, 4))
        self._coming: asyncio.Queue[Json | Lost] = asyncio.Queue()

    async def open(self) -> None:
        """There it is."""

    async def send(self, message: Json) -> None:
        if self.deaf:
            raise SignallingError("could not send", who=self.where, phase="signalling")
        self.said.append(message)
        name = request(message)
        if name in self.silent:
            return
        for answer in self.answers.get(name) or self._friendly(name, message):
            self.say({**answer, "transaction": message["transaction"]})

    def _friendly(self, name: str, message: Json) -> list[Json]:
        if name in ("create", "attach"):
            return [{"janus": "success", "data": {"id": 5 if name == "create" else next(self._handles)}}]
        if name in ("destroy", "detach"):
            return [{"janus": "success"}]
        if name in ("keepalive", "trickle"):
            return [{"janus": "ack"}]
        handle = message["handle_id"]
        if name == "join" and message["body"]["ptype"] == "publisher":
            return [{"janus": "ack"}, event(handle, {"videoroom": "joined", "id": OURS, "publishers": []})]
        done = {"publish": "configured", "start": "started", "unpublish": "unpublished", "leave": "leaving"}.get(name)
        return [{"janus": "ack"}, event(handle, {"videoroom": "event", done or "configured": "ok"})]

    def say(self, message: Json) -> None:
        """By itself."""
        self._coming.put_nowait(message)

    def die(self, reason: str) -> None:
        self._coming.put_nowait(Lost(reason))

    async def receive(self) -> object:
        found = await self._coming.get()
        if isinstance(found, Lost):
            raise found
        return found

    async def close(self) -> None:
        self.closed += 1

    def requests(self) -> list[str]:
        return [request(message) for message in self.said]


def request(message: Json) -> str:
    """What a message of ours asks for."""
    return str(message["body"]["request"] if message["janus"] == "message" else message["janus"])


def event(handle: int, data: Json, offer: str = "", answer: str = "") -> Json:
    """What the plugin says on a handle."""
    found: dict[str, Any] = {"janus": "event", "sender": handle, "plugindata": {"plugin": "videoroom", "data": data}}
    if offer or answer:
        found["jsep"] = {"type": "offer" if offer else "answer", "sdp": offer or answer}
    return found


def publishers(*feeds: tuple[int, str]) -> list[Json]:
    """As `joined` and `publishers` list them."""
    return [{"id": feed, "display": name, "streams": TRACKS} for feed, name in feeds]


def sections(*feeds: int | None) -> list[Json]:
    """As `attached` and `updated` list them: audio and video of each feed, None for sections that went quiet."""
    found = []
    for number, feed in enumerate(feeds):
        for offset, track in enumerate(TRACKS):
            whose = {} if feed is None else {"feed_id": feed, "feed_mid": track["mid"]}
            found.append({"mid": str(2 * number + offset), "type": track["type"], "active": feed is not None, **whose})
    return found
