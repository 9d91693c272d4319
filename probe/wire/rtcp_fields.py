"""What all RTCP packets are made of: the error, the header, fixed-point times, report blocks (RFC 3550 section 6)."""

from __future__ import annotations

import math
import struct
from typing import NamedTuple

from probe.wire.rtp import RtpError, ntp_to_fixed

FRACTIONS_PER_SECOND = 65536
BLOCK_BYTES = 24
_HEADER = struct.Struct("!BBH")
_BLOCK = struct.Struct("!6I")


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
    try:
        return _HEADER.pack(0x80 | count, packet_type, len(body) // 4) + body
    except struct.error as error:
        raise RtcpError(f"RTCP packet {packet_type} of {len(body)} bytes: {error}") from error


def words(body: bytes, at: int = 0) -> tuple[int, ...]:
    """All 32-bit words from `at` on."""
    return unpack(f"!{max(0, len(body) - at) // 4}I", body, at)


class ReportBlock(NamedTuple):
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
        ssrc, share, lost, highest, jitter, last_sr, seconds = self
        try:
            fraction = min(255, max(0, round(share * 0x100000000) >> 24))
            delay = min(0xFFFFFFFF, max(0, round(seconds * FRACTIONS_PER_SECOND)))
            lost = min(0x7FFFFF, max(-0x800000, lost)) & 0xFFFFFF
            return _BLOCK.pack(ssrc, fraction << 24 | lost, highest, jitter, last_sr, delay)
        except (struct.error, ValueError, OverflowError) as error:  # of what is too large, and of what is no number
            raise RtcpError(f"{self} can't be written into RTCP: {error}") from error


def read_blocks(body: bytes, at: int, count: int) -> tuple[ReportBlock, ...]:
    """The `count` report blocks from `at` on. Raises RtcpError when the body ends before."""
    if not count:
        return ()
    end = at + BLOCK_BYTES * count
    if len(body) < end:
        raise RtcpError(f"RTCP packet of {len(body)} bytes ends inside one of {count} report blocks")
    return tuple(
        ReportBlock(
            ssrc,
            (loss >> 24) / 256,
            (loss & 0xFFFFFF) - (loss << 1 & 0x1000000),
            highest,
            jitter,
            last_sr,
            delay / FRACTIONS_PER_SECOND,
        )
        for ssrc, loss, highest, jitter, last_sr, delay in _BLOCK.iter_unpack(body[at:end])
    )
