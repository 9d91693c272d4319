"""One outgoing stream: a published track as one subscriber gets it, under an SSRC, sequence and time of its own. Pure.

The stream is anchored to a source at its first packet (for video: at the start of a keyframe). From there sequence
numbers and timestamps differ from the source's by constants, so losses and reordering upstream stay visible downstream
as what they are, and a NACK translates back by subtraction. A new source is anchored right behind the last packet sent.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct
from typing import Protocol

from probe.wire.rtp import build_packet
from sfu_shim.core.history import Packet

_HEADER = Struct("!BBHII")
MID_PACKETS = 64
"""MID goes with the first packets only: SSRCs are signalled, MID is for who routes by it (RFC 8843 section 9.2)."""


@dataclass(frozen=True, slots=True)
class OutgoingSpec:
    """What the subscriber's session negotiated. `payload_types` and `extensions` map the publisher's numbers to the
    subscriber's; `rtx` maps the subscriber's media payload type to its RTX one; `mid` is (extension id, value)."""

    ssrc: int
    rtx_ssrc: int
    clock_rate: int
    payload_types: Mapping[int, int]
    rtx: Mapping[int, int]
    extensions: Mapping[int, int]
    mid: tuple[int, bytes] | None = None


class Numbers(Protocol):
    """Where an outgoing stream stands. Whoever rewrites its packets moves `next_sequence`, `last_timestamp`, `last_arrival`
    and the counts on; the rest is set when the stream is anchored.

    `source_ssrc`: of the source it is anchored to, -1 for none. `anchor`: the source's first (extended) sequence number
    that is sent. `last_timestamp`, `last_arrival`: of the newest packet, the timestamp outgoing and not wrapped,
    the arrival NaN before any. `packets`, `octets`: RFC 3550 section 6.4.1 (payload octets, retransmissions apart).
    """

    source_ssrc: int
    anchor: int
    sequence_offset: int
    timestamp_offset: int
    next_sequence: int
    last_timestamp: int
    last_arrival: float
    packets: int
    octets: int


@dataclass(slots=True)
class PlainNumbers:
    """`Numbers`, held in Python."""

    source_ssrc: int = -1
    anchor: int = 0
    sequence_offset: int = 0
    timestamp_offset: int = 0
    next_sequence: int = 0
    last_timestamp: int = 0
    last_arrival: float = math.nan
    packets: int = 0
    octets: int = 0


class Outgoing:
    """Decides what the subscriber is sent. `numbers` may be shared with a faster writer, which does as `rewrite` does."""

    def __init__(self, spec: OutgoingSpec, rng: random.Random, numbers: Numbers | None = None) -> None:
        self.spec = spec
        self.numbers = PlainNumbers() if numbers is None else numbers
        # RFC 3550: random; below 2^15 keeps clear of libsrtp's early wrap
        self.numbers.next_sequence = rng.randrange(1 << 15)
        self._next_rtx_sequence = rng.randrange(1 << 15)
        self._rng = rng

    def anchored_to(self, ssrc: int) -> bool:
        return self.numbers.source_ssrc == ssrc

    def anchor(self, packet: Packet) -> None:
        """Continue with this packet's source, from this packet on."""
        numbers = self.numbers
        if math.isnan(numbers.last_arrival):
            timestamp = self._rng.randrange(1 << 32)
        else:
            elapsed = packet.arrival - numbers.last_arrival
            timestamp = numbers.last_timestamp + max(1, round(elapsed * self.spec.clock_rate))
        numbers.source_ssrc = packet.ssrc
        numbers.anchor = packet.sequence
        numbers.sequence_offset = numbers.next_sequence - packet.sequence
        numbers.timestamp_offset = timestamp - packet.timestamp

    def rewrite(self, packet: Packet) -> bytes | None:
        """The packet for the subscriber; None if it lies before the anchor or its payload type was not negotiated."""
        numbers = self.numbers
        payload_type = self.spec.payload_types.get(packet.payload_type)
        if payload_type is None or packet.sequence < numbers.anchor:
            return None
        sequence = packet.sequence + numbers.sequence_offset
        timestamp = packet.timestamp + numbers.timestamp_offset
        if sequence >= numbers.next_sequence:
            numbers.next_sequence = sequence + 1
            numbers.last_timestamp, numbers.last_arrival = timestamp, packet.arrival
        numbers.packets += 1
        numbers.octets += len(packet.payload)
        return self._write(packet, payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF)

    def _write(self, packet: Packet, payload_type: int, sequence: int, timestamp: int) -> bytes:
        extensions = self._extensions(packet)
        if not extensions and not packet.padding:  # most packets; every field is in range by now: no need to look again
            second = payload_type | 0x80 if packet.marker else payload_type
            return _HEADER.pack(0x80, second, sequence, timestamp, self.spec.ssrc) + packet.payload
        return build_packet(
            payload_type=payload_type,
            marker=packet.marker,
            sequence_number=sequence,
            timestamp=timestamp,
            ssrc=self.spec.ssrc,
            payload=packet.payload,
            extensions=extensions,
            padding=packet.padding,
        )

    def retransmit(self, packet: Packet) -> tuple[bytes, bool] | None:
        """The packet again and whether it is RTX (RFC 4588 section 4: original sequence number before the payload),
        else the plain repetition. None if it was never this subscriber's."""
        payload_type = self.spec.payload_types.get(packet.payload_type)
        if payload_type is None or packet.sequence < self.numbers.anchor or not self.anchored_to(packet.ssrc):
            return None
        sequence = (packet.sequence + self.numbers.sequence_offset) & 0xFFFF
        rtx = self.spec.rtx.get(payload_type)
        data = build_packet(
            payload_type=payload_type if rtx is None else rtx,
            marker=packet.marker,
            sequence_number=sequence if rtx is None else self._next_rtx_sequence & 0xFFFF,
            timestamp=(packet.timestamp + self.numbers.timestamp_offset) & 0xFFFFFFFF,
            ssrc=self.spec.ssrc if rtx is None else self.spec.rtx_ssrc,
            payload=packet.payload if rtx is None else sequence.to_bytes(2, "big") + packet.payload,
            extensions=self._extensions(packet),
        )
        if rtx is not None:
            self._next_rtx_sequence += 1
        return data, rtx is not None

    def source_sequence(self, sequence16: int) -> int | None:
        """The source's extended sequence of an outgoing one; None if it belongs to no packet of this source."""
        numbers = self.numbers
        newest = numbers.next_sequence - 1
        distance = (newest - sequence16) & 0xFFFF  # how far behind the newest: a NACK is never about the future
        sequence = newest - distance - numbers.sequence_offset
        return sequence if numbers.source_ssrc >= 0 and sequence >= numbers.anchor else None

    def to_outgoing_time(self, source_timestamp: float) -> int:
        """A timestamp of the source's clock (ticks, may be fractional) as the outgoing stream's, 32 bit."""
        return round(source_timestamp + self.numbers.timestamp_offset) & 0xFFFFFFFF

    def time_at(self, now: float) -> int:
        """The outgoing timestamp that a packet arriving now would about have; 0 before the first."""
        numbers = self.numbers
        elapsed = 0.0 if math.isnan(numbers.last_arrival) else now - numbers.last_arrival
        return round(numbers.last_timestamp + elapsed * self.spec.clock_rate) & 0xFFFFFFFF

    def _extensions(self, packet: Packet) -> dict[int, bytes]:
        mapped = self.spec.extensions
        kept = {mapped[number]: data for number, data in packet.extensions.items() if number in mapped}
        if self.spec.mid is not None and self.numbers.packets <= MID_PACKETS:
            kept[self.spec.mid[0]] = self.spec.mid[1]
        return kept
