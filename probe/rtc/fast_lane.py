"""The compiled path of one connection: which of its streams are counted from clear headers, without Python."""

from __future__ import annotations

from typing import Protocol

from pylibsrtp import Session

from probe.native.stream import NativeStream
from probe.rtc.clock import Clock
from probe.rtc.endpoint import DatagramEndpoint
from probe.rtc.reading import Reading


class _Tagged(Protocol):
    """The peer: it knows the length of SRTP's tag once it has decrypted a packet."""

    trailer: int


class FastLane:
    """Open it when the connection is up, close it before its socket is. Each `authenticate_every`-th packet of a stream is
    authenticated; 1 is every one."""

    def __init__(
        self,
        reading: Reading,
        endpoint: DatagramEndpoint,
        inbound: Session,
        peer: _Tagged,
        clock: Clock,
        authenticate_every: int,
    ) -> None:
        self._reading = reading
        self._endpoint = endpoint
        self._peer = peer
        self._clock = clock
        self._every = authenticate_every
        self._socket = reading.take_over(endpoint, inbound)
        self._streams: set[NativeStream] = set()
        self._closed = False

    def watch(
        self, stream: NativeStream, payload_type: int, capture_id: int | None, transport_id: int | None = None
    ) -> bool:
        """Count that stream's packets here. False before the length of SRTP's tag is known, and once the lane is closed."""
        if self._closed or not self._peer.trailer:
            return False
        stream.watch(
            payload_type=payload_type,
            capture_id=-1 if capture_id is None else capture_id,
            transport_id=-1 if transport_id is None else transport_id,
            ntp_offset=self._clock.to_ntp(0.0),
            trailer=self._peer.trailer,
            authenticate_every=self._every,
        )
        self._socket.watch(stream)
        self._streams.add(stream)
        return True

    def unwatch(self, stream: NativeStream) -> None:
        """Its packets go to Python again."""
        self._socket.unwatch(stream)

    @property
    def bytes_received(self) -> int:
        """Of packets that were counted here."""
        return self._socket.bytes_received

    @property
    def authenticated(self) -> int:
        """Packets that were, of all streams so far."""
        return sum(stream.authenticated for stream in self._streams)

    @property
    def refused(self) -> int:
        """Packets of the sample that were not what the sender had sent."""
        return sum(stream.refused for stream in self._streams)

    def close(self) -> None:
        """Idempotent."""
        self._closed = True
        self._reading.release(self._endpoint)
        for stream in self._streams:
            self._socket.unwatch(stream)
