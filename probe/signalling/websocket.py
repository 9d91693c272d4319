"""A WebSocket to a platform, for adapters: deadlines on every wait, errors in words, the handshake timed."""

from __future__ import annotations

import asyncio

import aiohttp

from probe.model.errors import AccessDenied, ProbeError, ProtocolError, SignallingError
from probe.model.url import without_secrets
from probe.signalling.access import Access
from probe.signalling.no_connection import no_connection
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


class WebSocket:
    """Text messages to and from `url` (ws:// or wss://). `where` names the server in errors, without secrets; `phase` is what they
    say was under way, once the connection stands."""

    def __init__(self, url: str, access: Access, protocols: tuple[str, ...] = ()) -> None:
        self.where = without_secrets(url)
        self.phase = "signalling"
        self._url = url
        self._access = access
        self._protocols = protocols
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
            raise self._explained(error) from error

    def _explained(self, error: Exception) -> ProbeError:
        phase = "signalling_connect"
        if isinstance(error, aiohttp.WSServerHandshakeError):
            if error.status in (401, 403):
                return AccessDenied(f"HTTP {error.status}", who=self.where, phase=phase, hint="check the token")
            hint = "is this the signalling server's URL?"
            return ProtocolError(f"no WebSocket there: HTTP {error.status}", who=self.where, phase=phase, hint=hint)
        what = "is this a WebSocket server?"
        return no_connection(
            error, who=self.where, phase=phase, deadline=CONNECT_DEADLINE, server="the server", what=what
        )

    async def send(self, text: str) -> None:
        """Raises SignallingError."""
        if self._socket is None or self._socket.closed:
            raise WebSocketLost("the WebSocket is closed", who=self.where, phase=self.phase)
        try:
            async with asyncio.timeout(SEND_DEADLINE):
                await self._socket.send_str(text)
        except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
            raise SignallingError(f"could not send: {error!r}", who=self.where, phase=self.phase) from error

    async def receive(self) -> str:
        """What comes next, however long that takes. Raises WebSocketLost at the end, and ProtocolError for what is no text."""
        if self._socket is None:
            raise WebSocketLost("not connected", who=self.where, phase=self.phase)
        message = await self._socket.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            return str(message.data)
        if message.type is aiohttp.WSMsgType.BINARY:
            raise ProtocolError(
                "the server sent binary data", who=self.where, phase=self.phase, hint="is this the right server?"
            )
        code = self._socket.close_code
        told = f"the server closed the WebSocket (code {code})" if code else "the WebSocket broke"
        raise WebSocketLost(told, who=self.where, phase=self.phase, code=code)

    async def close(self) -> None:
        """Within seconds, whatever the server does. Idempotent."""
        try:
            async with asyncio.timeout(CLOSE_DEADLINE):
                if self._socket is not None:
                    await self._socket.close()
        except TimeoutError:
            pass  # nothing more to tell a server that does not answer
        if self._loan is not None:
            await self._loan.give_back()
