"""The last packets of an incoming stream, kept to answer NACKs of every subscriber. Pure.

One history per source serves all its subscribers: what differs between them is the header, and that is made anew for
each retransmission. So memory grows with publishers, not with publishers times subscribers.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

MAX_PACKETS = 1024
"""3 s of a 3 Mbit/s stream; a large keyframe is well below it."""
MAX_AGE = 2.0
"""Seconds: two repeated NACKs over a satellite link of 600 ms round trip."""


class Packet(NamedTuple):
    """A packet as published: `sequence` is extended, `arrival` in seconds, `payload` without its `padding` bytes. A tuple, since
    one is made for every packet and a frozen dataclass costs four times as much."""

    ssrc: int
    sequence: int
    timestamp: int
    marker: bool
    payload_type: int
    payload: bytes
    padding: int
    extensions: dict[int, bytes]
    arrival: float


class PacketHistory:
    """Bounded by count and by age."""

    def __init__(self, max_packets: int = MAX_PACKETS, max_age: float = MAX_AGE) -> None:
        self._packets: dict[int, Packet] = {}
        self._order: deque[Packet] = deque()
        self._max_packets = max_packets
        self._max_age = max_age

    def __len__(self) -> int:
        return len(self._packets)

    def add(self, packet: Packet) -> bool:
        """Keep it; False when it is there already."""
        if packet.sequence in self._packets:
            return False
        self._packets[packet.sequence] = packet
        self._order.append(packet)
        while len(self._order) > self._max_packets or self._order[0].arrival < packet.arrival - self._max_age:
            del self._packets[self._order.popleft().sequence]
        return True

    def get(self, sequence: int, now: float) -> Packet | None:
        """The packet, unless it never came or is too old."""
        packet = self._packets.get(sequence)
        return packet if packet is not None and packet.arrival >= now - self._max_age else None
