"""A real loopback socket that the compiled reader drains, for tests."""

from __future__ import annotations

import socket
from typing import Any

from pylibsrtp import Policy

from probe.native import core, srtp_pointer
from probe.rtc.clock import Clock
from probe.rtc.endpoint import SO_RXQ_OVFL, SO_TIMESTAMPNS
from probe.wire.rtp import build_packet
from tests.native.wire import session

SSRC, PAYLOAD_TYPE, CAPTURE_ID, TRANSPORT_ID, TAG = 4711, 96, 2, 3, 16
CLOCK = Clock()


class Token:
    """Whose socket it is."""


class Bench:
    """A socket that a reader drains, and one that sends to it."""

    def __init__(self, address: str = "127.0.0.1", receive_buffer: int = 1 << 20) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.near, self.far = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
        self.far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.far.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.far.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
        for end in (self.near, self.far):
            end.bind((address, 0))
        self.outbound, self.inbound = session(Policy.SSRC_ANY_OUTBOUND), session(Policy.SSRC_ANY_INBOUND)
        self.token = Token()
        self.reader = core.Reader()
        self.socket = core.Socket(self.far.fileno(), self.token)
        self.socket.secure(self.inbound, srtp_pointer(self.inbound))
        self.reader.add(self.socket)
        self.attention: list[Any] = []

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *error: object) -> None:
        self.reader.close()
        self.near.close()
        self.far.close()

    def watch(self, ssrc: int = SSRC, every: int = 0, eager: bool = False) -> Any:
        stream = core.StreamCounter(ssrc, 90_000)
        stream.watch(PAYLOAD_TYPE, CAPTURE_ID, TRANSPORT_ID, CLOCK.to_ntp(0.0), TAG, every)
        stream.eager = eager
        self.socket.watch(stream)
        return stream

    def send(self, *datagrams: bytes) -> None:
        for datagram in datagrams:
            self.near.sendto(datagram, self.far.getsockname())

    def drain(self, shift: float = 0.0) -> list[tuple[Any, bytes, Any, float]]:
        others, attention = self.reader.drain(CLOCK.realtime_offset() + shift) if shift else self.reader.drain()
        self.attention += attention
        return list(others)

    def exchange(self, datagrams: list[bytes]) -> list[bytes]:
        """What is handed up of them; a few at a time, since a socket's buffer is small."""
        up = []
        for at in range(0, len(datagrams), 16):
            self.send(*datagrams[at : at + 16])
            up += [data for _, data, _, _ in self.drain()]
        return up


def rtp(sequence: int, *, ssrc: int = SSRC, tag: bytes = bytes(TAG), **more: Any) -> bytes:
    """A packet as it looks with SRTP's tag, not authentic."""
    given: dict[str, Any] = {
        "payload_type": PAYLOAD_TYPE,
        "marker": False,
        "timestamp": sequence * 3000,
        "payload": b"payload",
    }
    return build_packet(**(given | more), sequence_number=sequence & 0xFFFF, ssrc=ssrc) + tag
