"""Reads the sockets of many connections in one go (`probe.native`), with the kernel's arrival times.

Few sockets are read as soon as something arrives. Many are read on the beat: one wake-up serves all of them, and since the
kernel stamped each datagram, reading later changes no figure. What waits for the beat is our answer to a STUN check, so who asks
us reads up to a period more; `in_ticks` says so.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pylibsrtp import Session

from probe import native
from probe.rtc.beat import Beat, Turn
from probe.rtc.clock import Clock
from probe.rtc.endpoint import DatagramEndpoint

if TYPE_CHECKING:
    from probe.native._core import Socket

MANY = 48
"""Connections from which on ticks cost less than wake-ups."""


class Reading:
    """One per process. `take_over` when a connection is up, `release` before its socket is closed."""

    def __init__(self, clock: Clock, beat: Beat) -> None:
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._reader = native.core.Reader()
        self._sockets: dict[DatagramEndpoint, Socket] = {}
        self._beat = beat
        beat.follow(Turn.READ, self._on_beat, self._beat_ended)
        self._loop.add_reader(self._reader.fileno(), self.drain)

    @property
    def in_ticks(self) -> bool:
        """Whether datagrams wait for the next tick."""
        return self._beat.running

    def take_over(self, endpoint: DatagramEndpoint, inbound: Session) -> Socket:
        """Read that endpoint from now on; `inbound` unprotects what arrives on it."""
        endpoint.read_elsewhere()
        socket: Socket = native.core.Socket(endpoint.fileno(), endpoint)
        self._sockets[endpoint] = socket
        socket.secure(inbound, native.srtp_pointer(inbound))
        self._reader.add(socket)
        if len(self._sockets) >= MANY and not self._beat.running:
            self._loop.remove_reader(self._reader.fileno())
            self._beat.start()
        return socket

    def release(self, endpoint: DatagramEndpoint) -> None:
        """Read it no more. No effect on one that was not taken over."""
        socket = self._sockets.pop(endpoint, None)
        if socket is None:
            return
        self._reader.remove(socket)
        endpoint.socket_drops = max(endpoint.socket_drops, socket.socket_drops)
        if len(self._sockets) < MANY // 2:
            self._beat.stop()

    def _beat_ended(self) -> None:
        if (descriptor := self._reader.fileno()) >= 0:
            self._loop.add_reader(descriptor, self.drain)

    def _on_beat(self, due: float) -> None:
        self.drain()

    def drain(self) -> None:
        """Read what has arrived, on all sockets."""
        others, attention = self._reader.drain()
        for endpoint, data, address, arrival in others:
            endpoint.arrived(data, address, arrival)
        for stream in attention:
            stream.attend()

    def close(self) -> None:
        """Idempotent. Sockets that are left are let go of."""
        for endpoint in list(self._sockets):
            self.release(endpoint)
        if (descriptor := self._reader.fileno()) >= 0:
            self._loop.remove_reader(descriptor)
            self._reader.close()
