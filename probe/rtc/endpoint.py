"""A UDP socket read with the kernel's arrival times, in place of asyncio's datagram transport.

asyncio's transport hands over data and address only; the time at which the event loop gets round to a datagram is
not the time at which it arrived. SO_TIMESTAMPNS stamps each datagram in the kernel, and SO_RXQ_OVFL counts those that a
full socket buffer dropped, so a busy generator can neither smear the jitter it reports nor lose packets unseen.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any

from probe.rtc.clock import Clock

SO_TIMESTAMPNS = 35 if sys.platform == "linux" else 0
SO_RXQ_OVFL = 40 if sys.platform == "linux" else 0
_TIMESPEC = struct.Struct("@ll")
_UINT32 = struct.Struct("@I")
_ANCILLARY = 128
_DATAGRAM = 2048
_READS_PER_WAKE = 128
RECEIVE_BUFFER = 1 << 20

Receive = Callable[[bytes, Any, float], None]


class DatagramEndpoint(asyncio.DatagramTransport):
    """A bound UDP socket. `receive(data, address, arrival)` gets every datagram, `arrival` in seconds of `clock`;
    `closed(exception|None)` is called once."""

    def __init__(
        self, sock: socket.socket, clock: Clock, receive: Receive, closed: Callable[[Exception | None], None]
    ) -> None:
        super().__init__()
        self._sock = sock
        self._clock = clock
        self._receive = receive
        self._closed = closed
        self._closing = False
        self.socket_drops = 0
        self.send_drops = 0
        self.unreachable = 0
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock.fileno(), self._readable)

    @classmethod
    def bind(
        cls, address: str, clock: Clock, receive: Receive, closed: Callable[[Exception | None], None]
    ) -> DatagramEndpoint:
        """A new endpoint on a free port of `address` (IPv4 or IPv6). Raises OSError when it can't be bound."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            if SO_TIMESTAMPNS:
                sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
                sock.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
            sock.bind((address, 0))
            return cls(sock, clock, receive, closed)
        except OSError:
            sock.close()
            raise

    def _readable(self) -> None:
        now = self._clock.now()
        offset = self._clock.realtime_offset()
        for _ in range(_READS_PER_WAKE):
            if self._closing:
                return
            try:
                data, ancillary, _, address = self._sock.recvmsg(_DATAGRAM, _ANCILLARY)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue  # an ICMP error of an earlier send: nothing was received
            self._receive(data, address, self._arrival(ancillary, offset, now))

    def connect(self, address: tuple[str, int]) -> bool:
        """Talk with that address only, from now on: what others send is not heard any more. False if it can't be."""
        try:
            self._sock.connect(address)
        except OSError:
            return False
        return True

    def read_elsewhere(self) -> None:
        """From now on somebody else reads the socket, and hands over here what is not media (`arrived`)."""
        if not self._closing:
            self._loop.remove_reader(self._sock.fileno())

    def arrived(self, data: bytes, address: Any, arrival: float) -> None:
        """A datagram that somebody else read."""
        if not self._closing:
            self._receive(data, address, arrival)

    def fileno(self) -> int:
        """The socket's descriptor, -1 once closed."""
        return self._sock.fileno()

    def _arrival(self, ancillary: list[tuple[int, int, bytes]], offset: float, now: float) -> float:
        arrival = now
        for level, kind, value in ancillary:
            if level != socket.SOL_SOCKET:
                continue
            if kind == SO_TIMESTAMPNS:
                seconds, nanoseconds = _TIMESPEC.unpack_from(value)
                # A datagram may arrive after `now` was read, while this batch is drained.
                arrival = self._clock.from_kernel(seconds + nanoseconds * 1e-9, offset, self._clock.now())
            elif kind == SO_RXQ_OVFL:
                self.socket_drops = _UINT32.unpack_from(value)[0]
        return arrival

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Send one datagram now. One that the full send buffer refuses is lost, as on a wire, and counted."""
        if self._closing:
            return
        try:
            self._sock.sendto(data, addr)
        except (BlockingIOError, InterruptedError):
            self.send_drops += 1
        except OSError:
            self.unreachable += 1  # no route to that network or host: ICE will find out by its own checks

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """`sockname` and `socket`, as asyncio's transports have them."""
        if name == "sockname":
            return self._sock.getsockname()
        if name == "socket":
            return self._sock
        return default

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        """Stop reading, close the socket, tell `closed`. Idempotent."""
        if self._closing:
            return
        self._closing = True
        self._loop.remove_reader(self._sock.fileno())
        self._sock.close()
        self._loop.call_soon(self._closed, None)

    def abort(self) -> None:
        self.close()
