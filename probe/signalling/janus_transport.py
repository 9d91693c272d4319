"""The two ways to Janus: one WebSocket, or HTTP requests and a long poll for what Janus says by itself."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Protocol

import aiohttp

from probe.model.errors import AccessDenied, ProtocolError, SignallingError
from probe.model.url import without_secrets
from probe.signalling.access import Access
from probe.signalling.janus_messages import SUBPROTOCOL, Json, name_of
from probe.signalling.no_connection import in_words, no_connection
from probe.signalling.websocket import CLOSE_DEADLINE, CONNECT_DEADLINE, SEND_DEADLINE, WebSocket, at_most

_POLL_DEADLINE = 60.0
"""Janus answers a long poll within 30 s, with a keepalive where it has nothing to say."""
_POLL_EVENTS = 20
_HASTE = 1.0
"""Seconds in which a long poll that has nothing to say is no long poll."""


class Lost(Exception):
    """The way to Janus is gone; the text says why."""


class Nonsense(Lost):
    """What came makes no sense: there was an answer, and nothing more is expected of whoever gave it."""


class Transport(Protocol):
    """JSON objects out and in. `where` names the server in errors, without secrets."""

    where: str

    async def open(self) -> None:
        """Reach Janus. Raises ServerUnreachable, AccessDenied or ProtocolError."""

    async def send(self, message: Json) -> None:
        """One request. Raises SignallingError."""

    async def receive(self) -> object:
        """The next object that Janus sends. Raises Lost, from then on always."""

    async def close(self) -> None:
        """Within a second or two, whatever Janus does. Idempotent."""


def open_transport(url: str, access: Access) -> Transport:
    """For ws(s)://host:port or http(s)://host:port/janus. Nothing is sent yet."""
    return WebSocketTransport(url, access) if url.startswith("ws") else HttpTransport(url, access)


class WebSocketTransport:
    """One WebSocket with subprotocol `janus-protocol`."""

    def __init__(self, url: str, access: Access) -> None:
        self._socket = WebSocket(url, access, (SUBPROTOCOL,), server="Janus", explain=unreachable)
        self.where = self._socket.where

    async def open(self) -> None:
        await self._socket.open()
        if self._socket.protocol != SUBPROTOCOL:
            await self._socket.close()
            raise ProtocolError(
                f"a WebSocket, but it does not speak {SUBPROTOCOL}",
                who=self.where,
                phase="signalling_connect",
                hint="is this Janus's WebSocket port (8188, not the admin's)?",
            )

    async def send(self, message: Json) -> None:
        await self._socket.send(json.dumps(message, separators=(",", ":")), name_of(message))

    async def receive(self) -> object:
        try:  # no deadline of its own: the session's keepalives tell a dead server
            return _parsed(await self._socket.receive())
        except SignallingError as error:
            raise Lost(error.message) from error

    async def close(self) -> None:
        await self._socket.close()


class HttpTransport:
    """Each request is a POST whose answer comes at once; the session's events come by one long poll after the other."""

    def __init__(self, url: str, access: Access) -> None:
        self.where = without_secrets(url)
        self._access = access
        self._url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None
        self._arrived: asyncio.Queue[object] = asyncio.Queue()
        self._polling: asyncio.Task[None] | None = None
        self._lost = ""

    async def open(self) -> None:
        self._session = self._access.own_session()
        try:
            with self._access.timed("info") as call:
                found = await self._is_janus()
                if not found:
                    call.refused()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            await self.close()
            raise unreachable(error, self.where) from error
        if not found:
            await self.close()
            raise ProtocolError(
                "that is not Janus",
                who=self.where,
                phase="signalling_connect",
                hint="its path is /janus unless set otherwise",
            )

    async def _is_janus(self) -> bool:
        try:
            async with asyncio.timeout(CONNECT_DEADLINE):
                info = await self._get(f"{self._url}/info", {})
        except Lost:  # no JSON
            return False
        return isinstance(info, dict) and info.get("janus") == "server_info"

    async def send(self, message: Json) -> None:
        if self._session is None or self._lost:
            raise SignallingError(self._lost or "not connected", who=self.where, phase="signalling")
        if message["janus"] == "destroy" and self._polling is not None:
            self._polling.cancel()  # it would break with the session, and the answer comes with the request
        parts = [str(message[name]) for name in ("session_id", "handle_id") if name in message]
        body = {name: value for name, value in message.items() if name not in ("session_id", "handle_id")}
        try:
            async with asyncio.timeout(SEND_DEADLINE):
                async with self._session.post("/".join([self._url, *parts]), json=body) as response:
                    response.raise_for_status()
                    answer = _parsed(await response.read())
        except (aiohttp.ClientError, ConnectionError, TimeoutError, Lost) as error:
            raise _not_sent(message, error, self.where) from error
        self._arrived.put_nowait(answer)
        match message["janus"], answer:
            case "create", {"janus": "success", "data": {"id": int() as session}}:
                self._polling = asyncio.create_task(self._poll(session, message.get("token")))

    async def receive(self) -> object:
        if self._lost and self._arrived.empty():
            raise Lost(self._lost)
        found = await self._arrived.get()
        if found is None:
            raise Lost(self._lost)
        return found

    async def _poll(self, session: int, token: str | None) -> None:
        query = {"maxev": str(_POLL_EVENTS)} | ({"token": token} if token else {})
        try:
            while True:
                asked = time.monotonic()
                async with asyncio.timeout(_POLL_DEADLINE):
                    found = await self._get(f"{self._url}/{session}", query)
                events = found if isinstance(found, list) else [found]
                for event in events:
                    self._arrived.put_nowait(event)
                if time.monotonic() - asked < _HASTE and all(map(_says_nothing, events)):
                    await asyncio.sleep(_HASTE)  # it is to wait until it has something to say
        except TimeoutError:
            self._lost = f"Janus did not answer a long poll within {_POLL_DEADLINE:g} s"
        except aiohttp.ClientResponseError as error:
            self._lost = f"Janus answered a long poll with HTTP {error.status}"
        except (aiohttp.ClientError, OSError, Lost) as error:
            self._lost = f"the way to Janus is gone: {error or type(error).__name__}"
        self._arrived.put_nowait(None)

    async def _get(self, url: str, query: dict[str, str]) -> object:
        assert self._session is not None
        async with self._session.get(url, params=query) as response:
            response.raise_for_status()
            return _parsed(await response.read())

    async def close(self) -> None:
        self._lost = self._lost or "closed"
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.wait([self._polling], timeout=CLOSE_DEADLINE)
        self._arrived.put_nowait(None)
        if self._session is not None:
            await at_most(self._session.close())


def _says_nothing(event: object) -> bool:
    return isinstance(event, dict) and event.get("janus") == "keepalive"


def _parsed(text: str | bytes) -> object:
    try:
        return json.loads(text)
    except ValueError as error:  # bytes that are no text are one too
        raise Nonsense("Janus sent what is no JSON") from error


def _not_sent(message: Json, error: Exception, where: str) -> SignallingError:
    if isinstance(error, Nonsense):
        return ProtocolError(f"{name_of(message)}: {error}", who=where, phase="signalling", hint="is this Janus?")
    return SignallingError(f"could not send {name_of(message)}: {in_words(error)}", who=where, phase="signalling")


def unreachable(error: Exception, where: str) -> SignallingError:
    """Why there is no connection, in words."""
    phase = "signalling_connect"
    if isinstance(error, aiohttp.ClientResponseError):  # a refused WebSocket handshake is one too
        if error.status in (401, 403):
            return AccessDenied(f"HTTP {error.status}", who=where, phase=phase, hint="check the token")
        hint = "is this Janus's port, and its path (HTTP: /janus)?"
        return ProtocolError(f"no Janus there: HTTP {error.status}", who=where, phase=phase, hint=hint)
    return no_connection(
        error, who=where, phase=phase, deadline=CONNECT_DEADLINE, server="Janus", what="is this Janus?"
    )
