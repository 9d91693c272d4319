"""RTCP packets, both ways: reports (RFC 3550, RFC 3611) and feedback (RFC 4585, RFC 5104, REMB, transport-wide).

A datagram holds one or more packets; reduced-size ones (RFC 5506) need no report in front. Every class has `to_bytes`,
which raises RtcpError when a field does not fit.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from probe.wire.rtp import RtpError, ntp_from_fixed, ntp_to_fixed

_FRACTIONS_PER_SECOND = 65536
_TICKS_PER_SECOND = 4000
_TICKS_PER_REFERENCE = 256
_RUN_LIMIT = 0x1FFF
_REMB = int.from_bytes(b"REMB", "big")


class RtcpError(ValueError):
    """The bytes are no RTCP, or a field can't be put into its packet."""


def middle32(ntp: float) -> int:
    """The middle 32 bits of an NTP time, 16.16 fixed point: what LSR quotes (RFC 3550 section 6.4.1)."""
    return _fixed(ntp) >> 16 & 0xFFFFFFFF


def _fixed(ntp: float) -> int:
    try:
        return ntp_to_fixed(ntp)
    except RtpError as error:
        raise RtcpError(str(error)) from error


def _pack(layout: str, *values: int) -> bytes:
    try:
        return struct.pack(layout, *values)
    except struct.error as error:
        raise RtcpError(f"RTCP field out of range in {values}: {error}") from error


def _scaled(value: float, per_unit: int) -> int:
    """A finite figure in fixed point, rounded."""
    if not math.isfinite(value):
        raise RtcpError(f"{value} can't be written into RTCP")
    return round(value * per_unit)


def _unpack(layout: str, body: bytes, at: int = 0) -> tuple[int, ...]:
    try:
        return struct.unpack_from(layout, body, at)
    except struct.error as error:
        raise RtcpError(f"RTCP packet of {len(body)} bytes ends inside a field at {at}") from error


def _packet(packet_type: int, count: int, body: bytes) -> bytes:
    """Header and body. `count` is the five bits that are also a subtype or feedback format."""
    if not 0 <= count <= 31 or len(body) % 4:
        raise RtcpError(f"RTCP packet {packet_type}: count {count} (0 … 31), {len(body)} bytes (whole words) can't be")
    return _pack("!BBH", 0x80 | count, packet_type, len(body) // 4) + body


def _words(body: bytes, at: int = 0) -> tuple[int, ...]:
    """All 32-bit words from `at` on."""
    return _unpack(f"!{max(0, len(body) - at) // 4}I", body, at)


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
        fraction = min(255, max(0, _scaled(self.fraction_lost, 1 << 32) >> 24))
        lost = min(0x7FFFFF, max(-0x800000, self.cumulative_lost)) & 0xFFFFFF
        delay = min(0xFFFFFFFF, max(0, _scaled(self.delay_since_last_sr, _FRACTIONS_PER_SECOND)))
        return _pack("!6I", self.ssrc, fraction << 24 | lost, self.highest_sequence, self.jitter, self.last_sr, delay)


def _read_blocks(body: bytes, at: int, count: int) -> tuple[ReportBlock, ...]:
    blocks = []
    for position in range(at, at + 24 * count, 24):
        ssrc, loss, highest, jitter, last_sr, delay = _unpack("!6I", body, position)
        fraction, lost = (loss >> 24) / 256, (loss & 0xFFFFFF) - (loss << 1 & 0x1000000)
        blocks.append(ReportBlock(ssrc, fraction, lost, highest, jitter, last_sr, delay / _FRACTIONS_PER_SECOND))
    return tuple(blocks)


@dataclass(frozen=True, slots=True)
class SenderReport:
    """RFC 3550 section 6.4.1. `ntp` in seconds since 1900."""

    ssrc: int
    ntp: float
    rtp_timestamp: int
    packet_count: int
    octet_count: int
    reports: tuple[ReportBlock, ...] = ()

    def to_bytes(self) -> bytes:
        head = _pack("!IQIII", self.ssrc, _fixed(self.ntp), self.rtp_timestamp, self.packet_count, self.octet_count)
        return _packet(200, len(self.reports), head + b"".join(block.to_bytes() for block in self.reports))


def _read_sender_report(count: int, body: bytes) -> SenderReport:
    ssrc, ntp, timestamp, packets, octets = _unpack("!IQIII", body)
    return SenderReport(ssrc, ntp_from_fixed(ntp), timestamp, packets, octets, _read_blocks(body, 24, count))


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """RFC 3550 section 6.4.2."""

    ssrc: int
    reports: tuple[ReportBlock, ...] = ()

    def to_bytes(self) -> bytes:
        blocks = b"".join(block.to_bytes() for block in self.reports)
        return _packet(201, len(self.reports), _pack("!I", self.ssrc) + blocks)


def _read_receiver_report(count: int, body: bytes) -> ReceiverReport:
    return ReceiverReport(_unpack("!I", body)[0], _read_blocks(body, 4, count))


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """RFC 3550 section 6.5, of which WebRTC uses CNAME: (SSRC, cname) per chunk, "" where a chunk has none."""

    chunks: tuple[tuple[int, str], ...]

    def to_bytes(self) -> bytes:
        body = b""
        for ssrc, cname in self.chunks:
            text = cname.encode()
            item = _pack("!BB", 1, len(text)) + text if text else b""
            body += _pack("!I", ssrc) + item + bytes(4 - len(item) % 4)
        return _packet(202, len(self.chunks), body)


def _read_source_description(count: int, body: bytes) -> SourceDescription:
    chunks, at = [], 0
    for _ in range(count):
        ssrc, cname = _unpack("!I", body, at)[0], ""
        at += 4
        while (kind := _unpack("!B", body, at)[0]) != 0:
            end = at + 2 + _unpack("!B", body, at + 1)[0]
            if end > len(body):
                raise RtcpError(f"SDES item {kind} ends {end - len(body)} bytes behind its packet")
            cname = body[at + 2 : end].decode(errors="replace") if kind == 1 else cname
            at = end
        at += 4 - at % 4
        chunks.append((ssrc, cname))
    return SourceDescription(tuple(chunks))


@dataclass(frozen=True, slots=True)
class Goodbye:
    """RFC 3550 section 6.6."""

    ssrcs: tuple[int, ...]
    reason: str = ""

    def to_bytes(self) -> bytes:
        text = self.reason.encode()
        item = _pack("!B", len(text)) + text if text else b""
        return _packet(203, len(self.ssrcs), _pack(f"!{len(self.ssrcs)}I", *self.ssrcs) + item + bytes(-len(item) % 4))


def _read_goodbye(count: int, body: bytes) -> Goodbye:
    ssrcs, at = _unpack(f"!{count}I", body), 4 * count
    if at == len(body):
        return Goodbye(ssrcs)
    if at + 1 + body[at] > len(body):
        raise RtcpError(f"BYE reason of {body[at]} bytes is longer than its packet")
    return Goodbye(ssrcs, body[at + 1 : at + 1 + body[at]].decode(errors="replace"))


@dataclass(frozen=True, slots=True)
class Nack:
    """Generic NACK (RFC 4585 section 6.2.1). Sequence numbers are taken modulo 2^16; sorted ones pack best."""

    sender_ssrc: int
    media_ssrc: int
    sequence_numbers: tuple[int, ...]

    def to_bytes(self) -> bytes:
        if not self.sequence_numbers:
            raise RtcpError("a NACK names at least one packet")
        items: list[list[int]] = []
        for sequence in self.sequence_numbers:
            behind = (sequence - items[-1][0]) & 0xFFFF if items else -1
            if 1 <= behind <= 16:
                items[-1][1] |= 1 << behind - 1
            elif behind:
                items.append([sequence & 0xFFFF, 0])
        body = b"".join(_pack("!HH", *item) for item in items)
        return _packet(205, 1, _pack("!II", self.sender_ssrc, self.media_ssrc) + body)


def _read_nack(body: bytes) -> Nack:
    sender, media, *items = _unpack_feedback(body)
    if not items:
        raise RtcpError("a NACK that names no packet")
    lost = [(i >> 16) + ahead & 0xFFFF for i in items for ahead in range(17) if not ahead or i >> ahead - 1 & 1]
    return Nack(sender, media, tuple(lost))


def _unpack_feedback(body: bytes) -> tuple[int, ...]:
    """Sender's SSRC, media SSRC, and the words that follow (RFC 4585 section 6.1)."""
    if len(body) < 8:
        raise RtcpError(f"feedback of {len(body)} bytes lacks its two SSRCs")
    return _words(body)


@dataclass(frozen=True, slots=True)
class PictureLoss:
    """PLI (RFC 4585 section 6.3.1)."""

    sender_ssrc: int
    media_ssrc: int

    def to_bytes(self) -> bytes:
        return _packet(206, 1, _pack("!II", self.sender_ssrc, self.media_ssrc))


@dataclass(frozen=True, slots=True)
class FullIntraRequest:
    """FIR (RFC 5104 section 4.3.1): (media SSRC, 8-bit command number) per request."""

    sender_ssrc: int
    requests: tuple[tuple[int, int], ...]

    def to_bytes(self) -> bytes:
        body = b"".join(_pack("!IB3x", ssrc, number) for ssrc, number in self.requests)
        return _packet(206, 4, _pack("!II", self.sender_ssrc, 0) + body)


def _read_full_intra_request(body: bytes) -> FullIntraRequest:
    sender, _, *words = _unpack_feedback(body)
    if len(words) % 2:
        raise RtcpError("a FIR entry is cut off")
    return FullIntraRequest(sender, tuple((words[i], words[i + 1] >> 24) for i in range(0, len(words), 2)))


@dataclass(frozen=True, slots=True)
class Remb:
    """Receiver estimated maximum bitrate (draft-alvestrand-rmcat-remb-03). 18 bits of mantissa: the sent figure is at
    most `bitrate_bps`, and less than 2^-17 of it below."""

    sender_ssrc: int
    bitrate_bps: int
    ssrcs: tuple[int, ...]

    def to_bytes(self) -> bytes:
        exponent = max(0, self.bitrate_bps.bit_length() - 18)
        if self.bitrate_bps < 0 or exponent > 63 or len(self.ssrcs) > 255:
            raise RtcpError(f"REMB of {self.bitrate_bps} bit/s for {len(self.ssrcs)} streams can't be written")
        figure = len(self.ssrcs) << 24 | exponent << 18 | self.bitrate_bps >> exponent
        words = (self.sender_ssrc, 0, _REMB, figure, *self.ssrcs)
        return _packet(206, 15, _pack(f"!{len(words)}I", *words))


def _read_remb(body: bytes) -> Remb:
    sender, _, _, figure, *ssrcs = _words(body)
    if len(ssrcs) < figure >> 24:
        raise RtcpError(f"REMB for {figure >> 24} streams names {len(ssrcs)}")
    return Remb(sender, (figure & 0x3FFFF) << (figure >> 18 & 0x3F), tuple(ssrcs[: figure >> 24]))


@dataclass(frozen=True, slots=True)
class ReferenceTime:
    """Receiver reference time in an extended report (RFC 3611 section 4.4). `ntp` in seconds since 1900."""

    ssrc: int
    ntp: float

    def to_bytes(self) -> bytes:
        return _packet(207, 0, _pack("!IBBHQ", self.ssrc, 4, 0, 2, _fixed(self.ntp)))


@dataclass(frozen=True, slots=True)
class Dlrr:
    """Delay since the last receiver reference time (RFC 3611 section 4.5): (receiver's SSRC, its `ReferenceTime` as
    `middle32`, delay in seconds) per receiver."""

    ssrc: int
    reports: tuple[tuple[int, int, float], ...]

    def to_bytes(self) -> bytes:
        blocks = (_pack("!III", ssrc, last, _scaled(s, _FRACTIONS_PER_SECOND)) for ssrc, last, s in self.reports)
        return _packet(207, 0, _pack("!IBBH", self.ssrc, 5, 0, 3 * len(self.reports)) + b"".join(blocks))


@dataclass(frozen=True, slots=True)
class Unknown:
    """A packet of a type or format not spoken here; of an extended report, one block behind its SSRC."""

    packet_type: int
    count: int
    body: bytes

    def to_bytes(self) -> bytes:
        return _packet(self.packet_type, self.count, self.body)


def _read_extended(count: int, body: bytes) -> Iterator[ReferenceTime | Dlrr | Unknown]:
    """One packet of ours for each block (RFC 3611 section 3)."""
    ssrc, at = _unpack("!I", body)[0], 4
    while at < len(body):
        kind, _, words = _unpack("!BBH", body, at)
        end = at + 4 + 4 * words
        if end > len(body):
            raise RtcpError(f"XR block {kind} ends {end - len(body)} bytes behind its packet")
        if kind == 4 and words == 2:
            yield ReferenceTime(ssrc, ntp_from_fixed(_unpack("!Q", body, at + 4)[0]))
        elif kind == 5 and words % 3 == 0:
            v = _words(body[:end], at + 4)
            yield Dlrr(ssrc, tuple((v[i], v[i + 1], v[i + 2] / _FRACTIONS_PER_SECOND) for i in range(0, words, 3)))
        else:
            yield Unknown(207, count, body[:4] + body[at:end])
        at = end


@dataclass(frozen=True, slots=True)
class TransportFeedback:
    """Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1): of `base_sequence` and
    all that follow, (16-bit sequence, arrival in seconds or None). Times are read in steps of 0.25 ms, and modulo the
    12.4 days that the signed reference time holds."""

    sender_ssrc: int
    media_ssrc: int
    base_sequence: int
    feedback_count: int
    arrivals: tuple[tuple[int, float | None], ...]

    def to_bytes(self) -> bytes:
        if any(sequence != self.base_sequence + i & 0xFFFF for i, (sequence, _) in enumerate(self.arrivals)):
            raise RtcpError(f"transport feedback names every packet from {self.base_sequence} on, in order")
        ticks = [None if arrival is None else _scaled(arrival, _TICKS_PER_SECOND) for _, arrival in self.arrivals]
        reference = next((tick for tick in ticks if tick is not None), 0) // _TICKS_PER_REFERENCE
        symbols, deltas, last = [], b"", reference * _TICKS_PER_REFERENCE
        for tick in ticks:
            step, last = (None, last) if tick is None else (tick - last, tick)
            symbols.append(0 if step is None else 1 if 0 <= step <= 255 else 2)
            deltas += b"" if step is None else _pack("!B" if 0 <= step <= 255 else "!h", step)
        head = (self.sender_ssrc, self.media_ssrc, self.base_sequence, len(ticks))
        body = _pack("!IIHHI", *head, (reference & 0xFFFFFF) << 8 | self.feedback_count & 0xFF)
        body += b"".join(_write_chunks(symbols)) + deltas
        return _packet(205, 15, body + bytes(-len(body) % 4))


def _write_chunks(symbols: list[int]) -> Iterator[bytes]:
    """Status chunks: a run where seven or more are alike, else seven 2-bit symbols (draft sections 3.1.3, 3.1.4)."""
    at = 0
    while at < len(symbols):
        run = next((i for i in range(at, len(symbols)) if symbols[i] != symbols[at]), len(symbols)) - at
        if run >= 7:
            run = min(run, _RUN_LIMIT)
            yield _pack("!H", symbols[at] << 13 | run)
            at += run
        else:
            yield _pack("!H", 0xC000 | sum(symbol << 12 - 2 * i for i, symbol in enumerate(symbols[at : at + 7])))
            at += 7


def _read_transport_feedback(body: bytes) -> TransportFeedback:
    sender, media, base, count, word = _unpack("!IIHHI", body)
    symbols: list[int] = []
    at = 16
    while len(symbols) < count:
        chunk = _unpack("!H", body, at)[0]
        at += 2
        if chunk < 0x8000:
            symbols += [chunk >> 13] * (chunk & _RUN_LIMIT)
        else:
            wide = chunk & 0x4000
            symbols += [chunk >> s & (3 if wide else 1) for s in (range(12, -1, -2) if wide else range(13, -1, -1))]
    ticks = ((word >> 8) - (word >> 7 & 0x1000000)) * _TICKS_PER_REFERENCE
    arrivals: list[tuple[int, float | None]] = []
    for i, symbol in enumerate(symbols[:count]):
        if symbol == 3:
            raise RtcpError("transport feedback uses the reserved status symbol 3")
        ticks += _unpack("!h" if symbol == 2 else "!B", body, at)[0] if symbol else 0
        at += symbol
        arrivals.append((base + i & 0xFFFF, ticks / _TICKS_PER_SECOND if symbol else None))
    return TransportFeedback(sender, media, base, word & 0xFF, tuple(arrivals))


RtcpPacket: TypeAlias = (
    SenderReport | ReceiverReport | SourceDescription | Goodbye | Nack | PictureLoss | FullIntraRequest | Remb
    | ReferenceTime | Dlrr | TransportFeedback | Unknown
)  # fmt: skip

_READERS: dict[int, Callable[[int, bytes], RtcpPacket]] = {
    200: _read_sender_report,
    201: _read_receiver_report,
    202: _read_source_description,
    203: _read_goodbye,
}
_FEEDBACK_READERS: dict[tuple[int, int], Callable[[bytes], RtcpPacket]] = {
    (205, 1): _read_nack,
    (205, 15): _read_transport_feedback,
    (206, 1): lambda body: PictureLoss(*_unpack_feedback(body)[:2]),
    (206, 4): _read_full_intra_request,
}


def _read(packet_type: int, count: int, body: bytes) -> Iterable[RtcpPacket]:
    if reader := _READERS.get(packet_type):
        return (reader(count, body),)
    if feedback_reader := _FEEDBACK_READERS.get((packet_type, count)):
        return (feedback_reader(body),)
    if (packet_type, count) == (206, 15) and body[8:12] == b"REMB":
        return (_read_remb(body),)
    if packet_type == 207:
        return _read_extended(count, body)
    return (Unknown(packet_type, count, body),)


def parse_compound(data: bytes | memoryview) -> list[RtcpPacket]:
    """All packets of a datagram, in order (RFC 3550 section 6.1, RFC 5506). Raises RtcpError when any is malformed: its
    lengths place all that follow."""
    data = bytes(data)
    if not data:
        raise RtcpError("an empty datagram holds no RTCP")
    packets: list[RtcpPacket] = []
    at = 0
    while at < len(data):
        first, packet_type, words = _unpack("!BBH", data, at)
        end = at + 4 + 4 * words
        if first >> 6 != 2 or not 192 <= packet_type <= 223:
            raise RtcpError(f"version {first >> 6}, packet type {packet_type} at byte {at} is no RTCP (2, 192 … 223)")
        if end > len(data):
            raise RtcpError(f"RTCP packet {packet_type} ends {end - len(data)} bytes behind the datagram")
        body = data[at + 4 : end]
        packets += _read(packet_type, first & 0x1F, _unpad(body) if first & 0x20 else body)
        at = end
    return packets


def _unpad(body: bytes) -> bytes:
    """The body without the padding that its last byte counts (RFC 3550 section 6.4.1)."""
    padding = body[-1] if body else 0
    if not 0 < padding <= len(body) or padding % 4:
        raise RtcpError(f"{padding} bytes of padding in an RTCP body of {len(body)}")
    return body[: len(body) - padding]
