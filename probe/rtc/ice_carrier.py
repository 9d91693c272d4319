"""The way to a TURN server: a UDP socket of ours, or a TCP or TLS stream, cut into messages (RFC 8656 section 12.5)."""

from __future__ import annotations

import asyncio
import errno
import ssl
import struct
from collections.abc import Callable
from typing import Any, Protocol, cast

from probe.model.ice_url import IceUrl
from probe.rtc.clock import Clock
from probe.rtc.endpoint import DatagramEndpoint
from probe.rtc.ice_protocol import Address

Heard = Callable[[bytes, float], None]
Ended = Callable[[], None]

_HEADER = struct.Struct("!HH")
_STUN_HEADER = 20
_MOST_WAITING = 1 << 18
"""Bytes that a stream may hold back: what comes then is lost, as in a full socket buffer. Media that waits longer is no use."""


class Carrier(Protocol):
    """Hands what the server says to its `heard(message, arrival)`, and tells `ended()` once when the server hangs up."""

    def send(self, data: bytes) -> None:
        """One message."""

    def close(self) -> None:
        """Idempotent."""

    @property
    def drops(self) -> int:
        """Messages that full buffers of ours lost, both ways."""


class UdpCarrier:
    """`arrival` is the kernel's. Raises OSError where there is no route."""

    def __init__(self, server: Address, clock: Clock, heard: Heard, ended: Ended) -> None:
        self._server = server
        any_address = "::" if ":" in server[0] else "0.0.0.0"
        self._endpoint = DatagramEndpoint.bind(
            any_address, clock, lambda data, address, arrival: heard(data, arrival), lambda error: ended()
        )
        if not self._endpoint.connect(server):
            self._endpoint.close()
            raise OSError(errno.ENETUNREACH, "Network is unreachable")

    def send(self, data: bytes) -> None:
        self._endpoint.sendto(data, self._server)

    def close(self) -> None:
        self._endpoint.close()

    @property
    def drops(self) -> int:
        return self._endpoint.socket_drops + self._endpoint.send_drops


class StreamCarrier(asyncio.Protocol):
    """`arrival` is when the event loop read it: a stream's segments have no times of their own."""

    def __init__(self, clock: Clock, heard: Heard, ended: Ended) -> None:
        self._clock = clock
        self._heard = heard
        self._ended = ended
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self.drops = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended()

    def data_received(self, data: bytes) -> None:
        arrival = self._clock.now()
        self._buffer += data
        while (size := self._next()) and len(self._buffer) >= size:
            message, self._buffer = self._buffer[:size], self._buffer[size:]
            self._heard(message, arrival)

    def _next(self) -> int:
        """Bytes of the message at the front, 0 before that can be told. What is neither STUN nor ChannelData ends it all: nobody
        could say where the next message begins."""
        if len(self._buffer) < _HEADER.size:
            return 0
        kind, length = _HEADER.unpack_from(self._buffer)
        if kind >> 14 == 0:
            return _STUN_HEADER + int(length)
        if kind >> 14 == 1:
            return _HEADER.size + padded(int(length))
        self._buffer = b""
        self.close()
        return 0

    def send(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > _MOST_WAITING:
            self.drops += 1
            return
        transport.write(data + bytes(padded(len(data)) - len(data)))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def padded(length: int) -> int:
    """Up to the next multiple of four."""
    return -(-length // 4) * 4


async def open_carrier(
    url: IceUrl, server: tuple[Any, ...], clock: Clock, tls: ssl.SSLContext | None, heard: Heard, ended: Ended
) -> Carrier:
    """To `url` at the numeric address `server`; `tls` for turns:. Raises OSError, ssl.SSLError included."""
    if url.way == "udp":
        return UdpCarrier((server[0], server[1]), clock, heard, ended)
    loop = asyncio.get_running_loop()
    _, carrier = await loop.create_connection(
        lambda: StreamCarrier(clock, heard, ended),
        host=server[0],
        port=server[1],
        ssl=tls if url.way == "tls" else None,
        server_hostname=url.host if url.way == "tls" else None,
    )
    return carrier
