"""RTP packets (RFC 3550 section 5.1) with header extensions (RFC 8285), and arithmetic on numbers that wrap."""

from __future__ import annotations

import math
from collections.abc import Mapping
from struct import Struct
from typing import NamedTuple

_FIXED = Struct("!BBHII")
_EXTENSION = Struct("!HH")
_CSRCS = tuple(Struct(f"!{count}I") for count in range(16))
_ONE_BYTE_PROFILE = 0xBEDE
_TWO_BYTE_PROFILE = 0x1000
_NTP_MODULUS = 1 << 64
_FLOAT_BITS = 53


class RtpError(ValueError):
    """The bytes are no RTP packet, or the fields can't be put into one."""


class RtpHeader(NamedTuple):
    """An RTP header, read. A tuple, since one is made for every packet and a frozen dataclass costs four times as much.

    `extensions` maps the negotiated id to the element's bytes, `header_length` counts CSRCs and extensions in,
    `padding_length` is 0 when the packet was read encrypted.
    """

    payload_type: int
    marker: bool
    sequence_number: int
    timestamp: int
    ssrc: int
    csrcs: tuple[int, ...]
    extensions: dict[int, bytes]
    header_length: int
    padding_length: int


def parse_header(data: bytes | memoryview, *, encrypted: bool = False) -> RtpHeader:
    """The header of an RTP packet. Raises RtpError when it is too short, of another version, or its lengths lie.

    `encrypted`: the packet is SRTP. Its header is in clear (RFC 3711 section 3.1), its padding count is not.
    """
    size = len(data)
    if size < 12:
        raise RtpError(f"{size} bytes are too short for an RTP header (12)")
    first, second, sequence, timestamp, ssrc = _FIXED.unpack_from(data)
    if first & 0xC0 != 0x80:
        raise RtpError(f"RTP version {first >> 6} instead of 2")
    end = 12
    csrcs: tuple[int, ...] = ()
    extensions: dict[int, bytes] = {}
    if first & 0x0F:
        end += 4 * (first & 0x0F)
        if size < end:
            raise RtpError(f"{first & 0x0F} CSRCs do not fit into {size} bytes")
        csrcs = _CSRCS[first & 0x0F].unpack_from(data, 12)
    if first & 0x10:
        start = end + 4
        if size < start:
            raise RtpError(f"an extension header at {end} does not fit into {size} bytes")
        profile, words = _EXTENSION.unpack_from(data, end)
        end = start + 4 * words
        if size < end:
            raise RtpError(f"a header extension of {4 * words} bytes at {start} does not fit into {size} bytes")
        extensions = _parse_extensions(profile, bytes(data[start:end]))
    padding = 0
    if first & 0x20 and not encrypted:
        padding = data[-1]
        if not 0 < padding <= size - end:
            raise RtpError(f"{padding} bytes of padding in {size - end} bytes of payload")
    return RtpHeader(second & 0x7F, second >= 0x80, sequence, timestamp, ssrc, csrcs, extensions, end, padding)


def _parse_extensions(profile: int, block: bytes) -> dict[int, bytes]:
    """Elements by id. Profiles that RFC 8285 does not define are some application's own and hold none for us."""
    if profile == _ONE_BYTE_PROFILE:
        return _parse_one_byte(block)
    if profile & 0xFFF0 == _TWO_BYTE_PROFILE:
        return _parse_two_byte(block)
    return {}


def _parse_one_byte(block: bytes) -> dict[int, bytes]:
    """RFC 8285 section 4.2. Id 15, and id 0 with a length, end the processing; what came before stands."""
    found: dict[int, bytes] = {}
    at, size = 0, len(block)
    while at < size:
        byte = block[at]
        at += 1
        if byte == 0:
            continue
        identifier, end = byte >> 4, at + (byte & 0x0F) + 1
        if identifier in (0, 15):
            break
        if end > size:
            raise RtpError(f"extension element {identifier} ends {end - size} bytes behind its block")
        found[identifier] = block[at:end]
        at = end
    return found


def _parse_two_byte(block: bytes) -> dict[int, bytes]:
    """RFC 8285 section 4.3. A zero byte between elements is padding, and has no length byte."""
    found: dict[int, bytes] = {}
    at, size = 0, len(block)
    while at < size:
        identifier = block[at]
        at += 1
        if identifier == 0:
            continue
        end = at + 1 + block[at] if at < size else size + 1
        if end > size:
            raise RtpError(f"extension element {identifier} ends {end - size} bytes behind its block")
        found[identifier] = block[at + 1 : end]
        at = end
    return found


def payload(data: bytes | memoryview, header: RtpHeader) -> bytes:
    """The payload of the packet that `header` was read from, without padding."""
    return bytes(data[header.header_length : len(data) - header.padding_length])


def build_packet(
    *,
    payload_type: int,
    marker: bool,
    sequence_number: int,
    timestamp: int,
    ssrc: int,
    payload: bytes,
    extensions: Mapping[int, bytes] | None = None,
    csrcs: tuple[int, ...] = (),
    padding: int = 0,
) -> bytes:
    """An RTP packet. Extensions take the one-byte form where all fit (ids 1–14, 1–16 bytes), else the two-byte form.

    `padding` counts the padding bytes at the end, their own count included. Raises RtpError for a field out of range.
    """
    for name, value, limit in (
        ("payload type", payload_type, 0x7F),
        ("sequence number", sequence_number, 0xFFFF),
        ("timestamp", timestamp, 0xFFFFFFFF),
        ("SSRC", ssrc, 0xFFFFFFFF),
        ("number of CSRCs", len(csrcs), 15),
        ("padding", padding, 0xFF),
        *(("CSRC", csrc, 0xFFFFFFFF) for csrc in csrcs),
    ):
        if not 0 <= value <= limit:
            raise RtpError(f"{name} {value} is not within 0 … {limit}")
    first = 0x80 | (0x20 if padding else 0) | (0x10 if extensions else 0) | len(csrcs)
    return b"".join(
        (
            _FIXED.pack(first, payload_type | (0x80 if marker else 0), sequence_number, timestamp, ssrc),
            _CSRCS[len(csrcs)].pack(*csrcs),
            _build_extensions(extensions) if extensions else b"",
            payload,
            bytes(padding - 1) + bytes((padding,)) if padding else b"",
        )
    )


def _build_extensions(extensions: Mapping[int, bytes]) -> bytes:
    for identifier, value in extensions.items():
        if not 1 <= identifier <= 255 or len(value) > 255:
            raise RtpError(f"extension element {identifier} of {len(value)} bytes: ids are 1 … 255, lengths 0 … 255")
    if all(identifier <= 14 and 1 <= len(value) <= 16 for identifier, value in extensions.items()):
        profile = _ONE_BYTE_PROFILE
        block = b"".join(bytes((i << 4 | len(value) - 1,)) + value for i, value in extensions.items())
    else:
        profile = _TWO_BYTE_PROFILE
        block = b"".join(bytes((i, len(value))) + value for i, value in extensions.items())
    block += bytes(-len(block) % 4)
    return _EXTENSION.pack(profile, len(block) // 4) + block


def is_rtcp(data: bytes | memoryview) -> bool:
    """Is this RTCP, on a transport that carries both (RFC 5761 section 4)? The rest is RTP."""
    return len(data) >= 2 and 192 <= data[1] <= 223


def seq_newer(a: int, b: int) -> bool:
    """Does 16-bit sequence number `a` come after `b`? Exactly half way round, where both answers are defensible
    (RFC 1982 leaves it open), the larger one does, so that of two different numbers one is always the newer."""
    ahead = (a - b) & 0xFFFF
    return 0 < ahead < 0x8000 or (ahead == 0x8000 and a > b)


class _Unwrapper:
    """Extends numbers that wrap. Each is taken as the one nearest to the highest so far, so reordering across the wrap
    is harmless. What comes before the first number and before 0 becomes negative."""

    __slots__ = ("_half", "_highest", "_modulus")

    def __init__(self, bits: int) -> None:
        self._modulus = 1 << bits
        self._half = self._modulus >> 1
        self._highest: int | None = None

    def unwrap(self, value: int) -> int:
        """The extended number; the first one is kept as it is."""
        highest = self._highest
        if highest is None:
            self._highest = value
            return value
        ahead = (value - highest) % self._modulus
        if ahead >= self._half:
            return highest + ahead - self._modulus
        self._highest = highest + ahead
        return highest + ahead


class SequenceUnwrapper(_Unwrapper):
    """Extends 16-bit sequence numbers."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(16)


class TimestampUnwrapper(_Unwrapper):
    """Extends 32-bit RTP timestamps."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(32)


def ntp_to_fixed(ntp: float) -> int:
    """Seconds since 1900 as 64-bit fixed point 32.32 (RFC 3550 section 4), within its era of 2^32 s."""
    if not math.isfinite(ntp) or ntp < 0:
        raise RtpError(f"{ntp} is no NTP time")
    return int(ntp * 4294967296.0) % _NTP_MODULUS


def ntp_from_fixed(fixed: int) -> float:
    """32.32 fixed point as seconds. Truncated, never rounded, to what a float holds (0.5 µs in this century), so that
    the middle 32 bits, which reports quote, come out as they went in."""
    excess = max(0, fixed.bit_length() - _FLOAT_BITS)
    return (fixed >> excess << excess) / 4294967296.0
