"""A WebSocket to a platform, for adapters: deadlines on every wait, errors in words, the handshake timed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp

from probe.model.errors import AccessDenied, ProtocolError, SignallingError
from probe.model.url import without_secrets
from probe.signalling.access import Access
from probe.signalling.no_connection import in_words, no_connection
from probe.signalling.shared_session import SessionLoan

CONNECT_DEADLINE = 10.0
SEND_DEADLINE = 5.0
CLOSE_DEADLINE = 1.0
_MAX_MESSAGE = 1 << 20


class WebSocketLost(SignallingError):
    """The WebSocket is closed, by whom its `message` says; `code` is WebSocket's (RFC 6455 section 7.4), where one came."""

    def __init__(self, message: str, *, who: str, phase: str, code: int | None = None) -> None:
        super().__init__(message, who=who, phase=phase)
        self.code = code


def unreachable(error: Exception, where: str) -> SignallingError:
    """Why there is no WebSocket, in words that fit any platform."""
    phase = "signalling_connect"
    if isinstance(error, aiohttp.WSServerHandshakeError):
        if error.status in (401, 403):
            return AccessDenied(f"HTTP {error.status}", who=where, phase=phase, hint="check the token")
        hint = "is this the signalling server's URL?"
        return ProtocolError(f"no WebSocket there: HTTP {error.status}", who=where, phase=phase, hint=hint)
    what = "is this a WebSocket server?"
    return no_connection(error, who=where, phase=phase, deadline=CONNECT_DEADLINE, server="the server", what=what)


class WebSocket:
    """Text messages to and from `url` (ws:// or wss://). `where` names the server in errors, without secrets; `phase` is what they
    say was under way, once the connection stands.

    `server` is what those errors call the other side; `explain(error, where)` says why there is no connection to it.
    """

    def __init__(
        self,
        url: str,
        access: Access,
        protocols: tuple[str, ...] = (),
        *,
        server: str = "the server",
        explain: Callable[[Exception, str], SignallingError] = unreachable,
    ) -> None:
        self.where = without_secrets(url)
        self.phase = "signalling"
        self._url = url
        self._access = access
        self._protocols = protocols
        self._server = server
        self._explain = explain
        self._loan: SessionLoan | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    async def open(self) -> None:
        """Raises ServerUnreachable, AccessDenied or ProtocolError; nothing is left open then."""
        self._loan = self._access.session()
        try:
            with self._access.timed("connect"):  # a handshake that is refused counts by its status
                async with asyncio.timeout(CONNECT_DEADLINE):
                    self._socket = await self._loan.session.ws_connect(
                        self._url, protocols=self._protocols, max_msg_size=_MAX_MESSAGE
                    )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            await self.close()
            raise self._explain(error, self.where) from error

    @property
    def protocol(self) -> str | None:
        """The subprotocol that the server chose (RFC 6455 section 1.9)."""
        return self._socket.protocol if self._socket is not None else None

    async def send(self, text: str, name: str = "a message") -> None:
        """`name` is what an error calls it. Raises SignallingError."""
        if self._socket is None or self._socket.closed:
            raise WebSocketLost("the WebSocket is closed", who=self.where, phase=self.phase)
        try:
            async with asyncio.timeout(SEND_DEADLINE):
                await self._socket.send_str(text)
        except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
            told = f"could not send {name}: {in_words(error)}"
            raise SignallingError(told, who=self.where, phase=self.phase) from error

    async def receive(self) -> str:
        """What comes next, however long that takes. Raises WebSocketLost at the end, and ProtocolError for what is no text."""
        if self._socket is None:
            raise WebSocketLost("not connected", who=self.where, phase=self.phase)
        message = await self._socket.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            return str(message.data)
        if message.type is aiohttp.WSMsgType.BINARY:
            told, hint = f"{self._server} sent binary data", "is this the right server?"
            raise ProtocolError(told, who=self.where, phase=self.phase, hint=hint)
        code, server = self._socket.close_code, self._server
        told = f"{server} closed the WebSocket (code {code})" if code else f"the WebSocket to {server} broke"
        raise WebSocketLost(told, who=self.where, phase=self.phase, code=code)

    async def close(self) -> None:
        """Within seconds, whatever the server does. Idempotent."""
        if self._socket is not None:
            await at_most(self._socket.close())
        if self._loan is not None:
            await at_most(self._loan.give_back())


async def at_most(closing: Awaitable[object]) -> None:
    """Wait for it, but no longer than CLOSE_DEADLINE."""
    try:
        async with asyncio.timeout(CLOSE_DEADLINE):
            await closing
    except TimeoutError:
        pass  # nothing more to tell a server that does not answer
