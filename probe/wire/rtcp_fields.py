"""What all RTCP packets are made of: the error, the header, fixed-point times, report blocks (RFC 3550 section 6)."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from probe.wire.rtp import RtpError, ntp_to_fixed

FRACTIONS_PER_SECOND = 65536


class RtcpError(ValueError):
    """The bytes are no RTCP, or a field can't be put into its packet."""


def middle32(ntp: float) -> int:
    """The middle 32 bits of an NTP time, 16.16 fixed point: what LSR quotes (RFC 3550 section 6.4.1)."""
    return fixed(ntp) >> 16 & 0xFFFFFFFF


def fixed(ntp: float) -> int:
    try:
        return ntp_to_fixed(ntp)
    except RtpError as error:
        raise RtcpError(str(error)) from error


def pack(layout: str, *values: int) -> bytes:
    try:
        return struct.pack(layout, *values)
    except struct.error as error:
        raise RtcpError(f"RTCP field out of range in {values}: {error}") from error


def scaled(value: float, per_unit: int) -> int:
    """A finite figure in fixed point, rounded."""
    if not math.isfinite(value):
        raise RtcpError(f"{value} can't be written into RTCP")
    return round(value * per_unit)


def unpack(layout: str, body: bytes, at: int = 0) -> tuple[int, ...]:
    try:
        return struct.unpack_from(layout, body, at)
    except struct.error as error:
        raise RtcpError(f"RTCP packet of {len(body)} bytes ends inside a field at {at}") from error


def packet_bytes(packet_type: int, count: int, body: bytes) -> bytes:
    """Header and body. `count` is the five bits that are also a subtype or feedback format."""
    if not 0 <= count <= 31 or len(body) % 4:
        raise RtcpError(f"RTCP packet {packet_type}: count {count} (0 … 31), {len(body)} bytes (whole words) can't be")
    return pack("!BBH", 0x80 | count, packet_type, len(body) // 4) + body


def words(body: bytes, at: int = 0) -> tuple[int, ...]:
    """All 32-bit words from `at` on."""
    return unpack(f"!{max(0, len(body) - at) // 4}I", body, at)


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """RFC 3550 section 6.4.1. `fraction_lost` 0–1 since the report before, `cumulative_lost` in packets (negative with
    many duplicates), `highest_sequence` extended, `jitter` in timestamp units, `last_sr` as `middle32`, 0 for none,
    `delay_since_last_sr` in seconds."""

    ssrc: int
    fraction_lost: float
    cumulative_lost: int
    highest_sequence: int
    jitter: int
    last_sr: int
    delay_since_last_sr: float

    def to_bytes(self) -> bytes:
        """24 bytes. Loss beyond what the fields hold is clamped, as RFC 3550 appendix A.3 does it."""
        fraction = min(255, max(0, scaled(self.fraction_lost, 1 << 32) >> 24))
        lost = min(0x7FFFFF, max(-0x800000, self.cumulative_lost)) & 0xFFFFFF
        delay = min(0xFFFFFFFF, max(0, scaled(self.delay_since_last_sr, FRACTIONS_PER_SECOND)))
        return pack("!6I", self.ssrc, fraction << 24 | lost, self.highest_sequence, self.jitter, self.last_sr, delay)


def read_blocks(body: bytes, at: int, count: int) -> tuple[ReportBlock, ...]:
    blocks = []
    for position in range(at, at + 24 * count, 24):
        ssrc, loss, highest, jitter, last_sr, delay = unpack("!6I", body, position)
        fraction, lost = (loss >> 24) / 256, (loss & 0xFFFFFF) - (loss << 1 & 0x1000000)
        blocks.append(ReportBlock(ssrc, fraction, lost, highest, jitter, last_sr, delay / FRACTIONS_PER_SECOND))
    return tuple(blocks)
