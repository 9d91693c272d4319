"""A way to a TURN server that loses every tenth audio packet on the way back, and keeps the truth of it."""

from __future__ import annotations

import asyncio
import struct
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

_CHANNEL = struct.Struct("!HH")
_OPUS = 111
_EVERY, _WHICH = 10, 5

Address = tuple[str, int]


class _Back(asyncio.DatagramProtocol):
    """One client's socket towards the server."""

    def __init__(self, way: LossyWay, client: Address) -> None:
        self._way, self._client = way, client

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._way.back(data, self._client)


class LossyWay(asyncio.DatagramProtocol):
    """`passed` and `dropped` count audio packets by their SSRC."""

    def __init__(self, server: Address) -> None:
        self._server = server
        self._sockets: dict[Address, asyncio.Future[asyncio.DatagramTransport]] = {}
        self._transport: Any = None
        self.passed: Counter[int] = Counter()
        self.dropped: Counter[int] = Counter()

    @property
    def port(self) -> int:
        return int(self._transport.get_extra_info("sockname")[1])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if addr not in self._sockets:
            self._sockets[addr] = asyncio.ensure_future(self._open(addr))
        self._sockets[addr].add_done_callback(lambda opened: opened.result().sendto(data))

    async def _open(self, client: Address) -> asyncio.DatagramTransport:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Back(self, client), remote_addr=self._server)
        return transport

    def back(self, data: bytes, client: Address) -> None:
        if not self._loses(data):
            self._transport.sendto(data, client)

    def _loses(self, data: bytes) -> bool:
        inner = data[_CHANNEL.size :]
        if data[0] >> 6 != 1 or len(inner) < 12 or inner[0] >> 6 != 2 or inner[1] & 0x7F != _OPUS:
            return False
        ssrc = int.from_bytes(inner[8:12], "big")
        lost = (self.passed[ssrc] + self.dropped[ssrc]) % _EVERY == _WHICH
        (self.dropped if lost else self.passed)[ssrc] += 1
        return lost

    def close(self) -> None:
        self._transport.close()
        for opened in self._sockets.values():
            opened.result().close()


@asynccontextmanager
async def lossy_way(port: int) -> AsyncIterator[LossyWay]:
    """To the server on that port of loopback."""
    loop = asyncio.get_running_loop()
    _, way = await loop.create_datagram_endpoint(lambda: LossyWay(("127.0.0.1", port)), local_addr=("127.0.0.1", 0))
    try:
        yield way
    finally:
        way.close()
