"""ICE over TCP (RFC 6544), the active end as browsers have it: the other side listens, we connect, and packets go as frames.

An SFU offers this for networks that let no UDP out. Hundreds of participants that opened connections to no use would be a load of
their own, so where there is UDP it has half a second first.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import struct
from collections.abc import Callable
from typing import Any, cast

from aioice import Candidate as IceCandidate
from aioice.candidate import candidate_foundation

from probe.rtc.clock import Clock
from probe.rtc.ice_protocol import Address, TimedStunProtocol
from probe.rtc.tasks import Tasks
from probe.wire.sdp import Candidate

UDP_FIRST = 0.5
_OPENING = 5.0
"""Seconds for a TCP connection to come about."""
_FAREWELL = 0.5
_MOST = 8
"""Connections of one participant, whatever the other side lists."""
_LENGTH = struct.Struct("!H")
_MOST_WAITING = 1 << 18
"""Bytes that a stream may hold back, as in `probe.rtc.ice_carrier`."""
_TYPE_PREFERENCE, _DIRECTION_PREFERENCE = 90, 6
"""Below all of UDP's but the relays', as RFC 6544 section 4.2 wants it; 6 is for who connects."""


class FramedStream(asyncio.DatagramTransport, asyncio.Protocol):
    """Datagrams over one TCP connection, each behind its length (RFC 4571). `heard(data, remote, arrival)`, `arrival` when the event
    loop read it; `ended()` once, when the connection is no more."""

    def __init__(
        self, remote: Address, clock: Clock, heard: Callable[[bytes, Address, float], None], ended: Callable[[], None]
    ) -> None:
        super().__init__()
        self.drops = 0
        self._remote = remote
        self._clock = clock
        self._heard = heard
        self._ended = ended
        self._buffer = b""
        self._stream: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._stream = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended()

    def data_received(self, data: bytes) -> None:
        arrival = self._clock.now()
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            datagram, self._buffer = self._buffer[_LENGTH.size : end], self._buffer[end:]
            self._heard(datagram, self._remote, arrival)

    def sendto(self, data: Any, addr: Any = None) -> None:
        """To the other end, whom nobody else can be reached by."""
        stream = self._stream
        if stream is None or stream.is_closing() or tuple(addr[:2]) != self._remote:
            return
        if stream.get_write_buffer_size() > _MOST_WAITING:
            self.drops += 1
            return
        stream.write(_LENGTH.pack(len(data)) + data)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._stream.get_extra_info(name, default) if self._stream is not None else default

    def is_closing(self) -> bool:
        return self._stream is None or self._stream.is_closing()

    def close(self) -> None:
        """What is written already still goes out, the goodbye too, if the other side takes it in time."""
        if self._stream is not None and not self._stream.is_closing():
            self._stream.close()
            asyncio.get_running_loop().call_later(_FAREWELL, self._stream.abort)

    def abort(self) -> None:
        if self._stream is not None:
            self._stream.abort()


class TcpCandidates:
    """Connects to the other side's passive candidates. `new_protocol()` makes a candidate's STUN; `ready(protocol, remote)` gets it
    with its connection, to check the pair."""

    def __init__(
        self,
        clock: Clock,
        new_protocol: Callable[[], TimedStunProtocol],
        ready: Callable[[TimedStunProtocol, IceCandidate], None],
    ) -> None:
        self._clock = clock
        self._new_protocol = new_protocol
        self._ready = ready
        self._known: dict[Address, Candidate] = {}
        self._begun = False
        self._tasks = Tasks()
        self._streams: list[FramedStream] = []
        self.failures: dict[Address, str] = {}
        """Why no connection came about, by the address."""

    def __bool__(self) -> bool:
        return bool(self._known)

    def add(self, candidate: Candidate) -> None:
        """One of the other side's. Those that connect themselves (active) wait for us to listen, which we don't; who listens has an
        address, and no name that hides it."""
        address = candidate.address, candidate.port
        ours = candidate.tcp_type == "passive" and candidate.port > 0 and _is_address(candidate.address)
        if ours and address not in self._known and len(self._known) < _MOST:
            self._known[address] = candidate
            if self._begun:
                self._tasks.spawn(self._open(candidate))

    def begin(self) -> None:
        """Open what is known and what comes from now on."""
        if not self._begun:
            self._begun = True
            for candidate in self._known.values():
                self._tasks.spawn(self._open(candidate))

    async def _open(self, candidate: Candidate) -> None:
        remote, protocol = (candidate.address, candidate.port), self._new_protocol()
        stream = FramedStream(remote, self._clock, protocol.arrived, lambda: protocol.connection_lost(None))
        try:
            async with asyncio.timeout(_OPENING):
                await asyncio.get_running_loop().create_connection(lambda: stream, *remote)
        except (OSError, TimeoutError) as error:
            self.failures[remote] = os.strerror(error.errno) if error.errno else "no answer"
            return
        self._streams.append(stream)
        protocol.local_candidate = _ours(*stream.get_extra_info("sockname")[:2])
        protocol.connection_made(stream)
        self._ready(protocol, _theirs(candidate))

    @property
    def drops(self) -> int:
        """Datagrams that full buffers of this process lost."""
        return sum(stream.drops for stream in self._streams)

    def why_not(self) -> list[str]:
        """ "the TCP candidate 192.0.2.1:443: Connection refused"."""
        return [f"the TCP candidate {host}:{port}: {why}" for (host, port), why in self.failures.items()]

    async def close(self) -> None:
        """Give up what is still being opened; connections are their protocols' to close."""
        await self._tasks.close()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _ours(host: str, port: int) -> IceCandidate:
    priority = (_TYPE_PREFERENCE << 24) + ((_DIRECTION_PREFERENCE << 13) + 8191 << 8) + 255
    foundation = candidate_foundation("host", "tcp", host)
    return IceCandidate(foundation, 1, "tcp", priority, host, port, "host", tcptype="active")


def _theirs(candidate: Candidate) -> IceCandidate:
    return IceCandidate(
        candidate.foundation, 1, "tcp", candidate.priority, candidate.address, candidate.port, candidate.type,
        tcptype="passive",
    )  # fmt: skip
