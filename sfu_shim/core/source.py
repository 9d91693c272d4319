"""One incoming stream (one SSRC) of a published track: order, statistics, history, and what is asked of its publisher."""

from __future__ import annotations

from collections.abc import Iterable

from probe.measure.rtp_stream import StreamReceiver
from probe.wire.rtp import RtpHeader, SequenceUnwrapper
from sfu_shim.core.history import MAX_PACKETS, Packet, PacketHistory
from sfu_shim.core.keyframes import KeyframeThrottle

RELAY_INTERVAL = 0.1
"""Seconds before the same missing packet is asked for again: a round trip that most networks keep."""
_MAX_MISSING = 512


class Source:
    """Counts come from the receiver (RFC 3550 appendix A); `clock_rate` in Hz."""

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self.clock_rate = clock_rate
        self.receiver = StreamReceiver(ssrc, clock_rate)
        self.keyframes = KeyframeThrottle()
        self.history = PacketHistory()
        self.sender_report: tuple[float, int] | None = None
        self._unwrapper = SequenceUnwrapper()
        self._highest: int | None = None
        self._asked: dict[int, float] = {}

    def on_packet(self, header: RtpHeader, payload: bytes, size: int, now: float) -> Packet | str:
        """The packet to forward, or why not: "late" or "duplicate". `size` in bytes, with header."""
        self.receiver.on_packet(header.sequence_number, header.timestamp, now, size)
        return self._accept(header, header.sequence_number, header.payload_type, payload, now)

    def on_retransmission(
        self, header: RtpHeader, sequence: int, payload_type: int, payload: bytes, now: float
    ) -> Packet | str:
        """As `on_packet`, for what came inside an RTX packet (RFC 4588 section 4) with the original `sequence`."""
        if self._highest is None:
            return "late"  # nothing to relate the original sequence number to yet
        self.receiver.on_recovered(sequence)
        return self._accept(header, sequence, payload_type, payload, now)

    def _accept(
        self, header: RtpHeader, sequence16: int, payload_type: int, payload: bytes, now: float
    ) -> Packet | str:
        sequence = self._unwrapper.unwrap(sequence16)
        if self._highest is not None and sequence <= self._highest - MAX_PACKETS:
            return "late"
        packet = Packet(
            self.ssrc, sequence, header.timestamp, header.marker, payload_type, payload, header.padding_length,
            header.extensions, now,
        )  # fmt: skip
        if not self.history.add(packet):
            return "duplicate"
        if self._highest is None or sequence > self._highest:
            self._highest = sequence
        if self._asked:
            self._asked.pop(sequence, None)
        return packet

    def ask_again(self, missing: Iterable[int], now: float) -> list[int]:
        """Of the extended sequences that a subscriber misses and we never had: those to NACK upstream now (16 bit)."""
        wanted: list[int] = []
        if self._highest is None:
            return wanted
        for sequence in missing:
            if not self._highest - MAX_PACKETS < sequence < self._highest:
                continue
            last = self._asked.get(sequence)
            if last is not None and now - last < RELAY_INTERVAL:
                continue
            self._asked.pop(sequence, None)
            self._asked[sequence] = now
            wanted.append(sequence & 0xFFFF)
        while len(self._asked) > _MAX_MISSING:
            del self._asked[next(iter(self._asked))]
        return wanted
