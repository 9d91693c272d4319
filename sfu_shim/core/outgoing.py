"""One outgoing stream: a published track as one subscriber gets it, under an SSRC, sequence and time of its own. Pure.

The stream is anchored to a source at its first packet (for video: at the start of a keyframe). From there sequence
numbers and timestamps differ from the source's by constants, so losses and reordering upstream stay visible downstream
as what they are, and a NACK translates back by subtraction. A new source is anchored right behind the last packet sent.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from probe.wire.rtp import build_packet
from sfu_shim.core.history import Packet

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


class Outgoing:
    """`packets`, `octets` are the sender's counts of RFC 3550 section 6.4.1 (payload octets, retransmissions apart)."""

    def __init__(self, spec: OutgoingSpec, rng: random.Random) -> None:
        self.spec = spec
        self.packets = 0
        self.octets = 0
        self.source_ssrc: int | None = None
        self._rng = rng
        self._anchor = 0
        self._sequence_offset = 0
        self._timestamp_offset = 0
        self._next_sequence = rng.randrange(1 << 15)  # RFC 3550: random; below 2^15 keeps clear of libsrtp's early wrap
        self._next_rtx_sequence = rng.randrange(1 << 15)
        self._last: tuple[int, float] | None = None  # outgoing timestamp (not wrapped), arrival of the newest packet

    def anchored_to(self, ssrc: int) -> bool:
        return self.source_ssrc == ssrc

    def anchor(self, packet: Packet) -> None:
        """Continue with this packet's source, from this packet on."""
        if self._last is None:
            timestamp = self._rng.randrange(1 << 32)
        else:
            last, arrival = self._last
            timestamp = last + max(1, round((packet.arrival - arrival) * self.spec.clock_rate))
        self.source_ssrc = packet.ssrc
        self._anchor = packet.sequence
        self._sequence_offset = self._next_sequence - packet.sequence
        self._timestamp_offset = timestamp - packet.timestamp

    def rewrite(self, packet: Packet) -> bytes | None:
        """The packet for the subscriber; None if it lies before the anchor or its payload type was not negotiated."""
        payload_type = self.spec.payload_types.get(packet.payload_type)
        if payload_type is None or packet.sequence < self._anchor:
            return None
        sequence = packet.sequence + self._sequence_offset
        timestamp = packet.timestamp + self._timestamp_offset
        if sequence >= self._next_sequence:
            self._next_sequence = sequence + 1
            self._last = (timestamp, packet.arrival)
        self.packets += 1
        self.octets += len(packet.payload)
        return build_packet(
            payload_type=payload_type,
            marker=packet.marker,
            sequence_number=sequence & 0xFFFF,
            timestamp=timestamp & 0xFFFFFFFF,
            ssrc=self.spec.ssrc,
            payload=packet.payload,
            extensions=self._extensions(packet),
            padding=packet.padding,
        )

    def retransmit(self, packet: Packet) -> tuple[bytes, bool] | None:
        """The packet again and whether it is RTX (RFC 4588 section 4: original sequence number before the payload),
        else the plain repetition. None if it was never this subscriber's."""
        payload_type = self.spec.payload_types.get(packet.payload_type)
        if payload_type is None or packet.sequence < self._anchor or packet.ssrc != self.source_ssrc:
            return None
        sequence = (packet.sequence + self._sequence_offset) & 0xFFFF
        rtx = self.spec.rtx.get(payload_type)
        data = build_packet(
            payload_type=payload_type if rtx is None else rtx,
            marker=packet.marker,
            sequence_number=sequence if rtx is None else self._next_rtx_sequence & 0xFFFF,
            timestamp=(packet.timestamp + self._timestamp_offset) & 0xFFFFFFFF,
            ssrc=self.spec.ssrc if rtx is None else self.spec.rtx_ssrc,
            payload=packet.payload if rtx is None else sequence.to_bytes(2, "big") + packet.payload,
            extensions=self._extensions(packet),
        )
        if rtx is not None:
            self._next_rtx_sequence += 1
        return data, rtx is not None

    def source_sequence(self, sequence16: int) -> int | None:
        """The source's extended sequence of an outgoing one; None if it belongs to no packet of this source."""
        newest = self._next_sequence - 1
        distance = (newest - sequence16) & 0xFFFF  # how far behind the newest: a NACK is never about the future
        sequence = newest - distance - self._sequence_offset
        return sequence if self.source_ssrc is not None and sequence >= self._anchor else None

    def to_outgoing_time(self, source_timestamp: float) -> int:
        """A timestamp of the source's clock (ticks, may be fractional) as the outgoing stream's, 32 bit."""
        return round(source_timestamp + self._timestamp_offset) & 0xFFFFFFFF

    def time_at(self, now: float) -> int:
        """The outgoing timestamp that a packet arriving now would about have."""
        timestamp, arrival = self._last or (0, now)
        return round(timestamp + (now - arrival) * self.spec.clock_rate) & 0xFFFFFFFF

    def _extensions(self, packet: Packet) -> dict[int, bytes]:
        mapped = self.spec.extensions
        kept = {mapped[number]: data for number, data in packet.extensions.items() if number in mapped}
        if self.spec.mid is not None and self.packets <= MID_PACKETS:
            kept[self.spec.mid[0]] = self.spec.mid[1]
        return kept
