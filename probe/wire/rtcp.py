"""RTCP packets, both ways: reports (RFC 3550, RFC 3611) and feedback (RFC 4585, RFC 5104, REMB, transport-wide).

A datagram holds one or more packets; reduced-size ones (RFC 5506) need no report in front. Every class has `to_bytes`,
which raises RtcpError when a field does not fit.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from probe.wire.rtcp_extended import Dlrr, ReferenceTime, Unknown, read_extended
from probe.wire.rtcp_feedback import (
    FullIntraRequest,
    Nack,
    PictureLoss,
    Remb,
    read_full_intra_request,
    read_nack,
    read_remb,
    unpack_feedback,
)
from probe.wire.rtcp_fields import (
    ReportBlock,
    RtcpError,
    fixed,
    middle32,
    pack,
    packet_bytes,
    read_blocks,
    unpack,
)
from probe.wire.rtcp_twcc import TransportFeedback, read_transport_feedback
from probe.wire.rtp import ntp_from_fixed

_HEADER = struct.Struct("!BBH")
_SENDER_REPORT = struct.Struct("!IQIII")
_MOST_DESCRIPTIONS = 4096
"""Different ones that are remembered: everybody repeats its own, once a second."""


class SenderReport(NamedTuple):
    """RFC 3550 section 6.4.1. `ntp` in seconds since 1900."""

    ssrc: int
    ntp: float
    rtp_timestamp: int
    packet_count: int
    octet_count: int
    reports: tuple[ReportBlock, ...] = ()

    def to_bytes(self) -> bytes:
        ssrc, ntp, timestamp, packets, octets, reports = self
        try:
            head = _SENDER_REPORT.pack(ssrc, fixed(ntp), timestamp, packets, octets)
        except struct.error as error:
            raise RtcpError(f"RTCP field out of range in {self}: {error}") from error
        return packet_bytes(200, len(reports), head + b"".join([block.to_bytes() for block in reports]))


def _read_sender_report(count: int, body: bytes) -> SenderReport:
    if len(body) < _SENDER_REPORT.size:
        raise RtcpError(f"RTCP packet of {len(body)} bytes ends inside a sender report")
    ssrc, ntp, timestamp, packets, octets = _SENDER_REPORT.unpack_from(body)
    return SenderReport(
        ssrc, ntp_from_fixed(ntp), timestamp, packets, octets, read_blocks(body, _SENDER_REPORT.size, count)
    )


class ReceiverReport(NamedTuple):
    """RFC 3550 section 6.4.2."""

    ssrc: int
    reports: tuple[ReportBlock, ...] = ()

    def to_bytes(self) -> bytes:
        blocks = b"".join(block.to_bytes() for block in self.reports)
        return packet_bytes(201, len(self.reports), pack("!I", self.ssrc) + blocks)


def _read_receiver_report(count: int, body: bytes) -> ReceiverReport:
    return ReceiverReport(unpack("!I", body)[0], read_blocks(body, 4, count))


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """RFC 3550 section 6.5, of which WebRTC uses CNAME: (SSRC, cname) per chunk, "" where a chunk has none."""

    chunks: tuple[tuple[int, str], ...]

    def to_bytes(self) -> bytes:
        body = b""
        for ssrc, cname in self.chunks:
            text = cname.encode()
            item = pack("!BB", 1, len(text)) + text if text else b""
            body += pack("!I", ssrc) + item + bytes(4 - len(item) % 4)
        return packet_bytes(202, len(self.chunks), body)


@lru_cache(_MOST_DESCRIPTIONS)
def _read_source_description(count: int, body: bytes) -> SourceDescription:
    chunks, at = [], 0
    for _ in range(count):
        ssrc, cname = unpack("!I", body, at)[0], ""
        at += 4
        while (kind := unpack("!B", body, at)[0]) != 0:
            end = at + 2 + unpack("!B", body, at + 1)[0]
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
        item = pack("!B", len(text)) + text if text else b""
        return packet_bytes(
            203, len(self.ssrcs), pack(f"!{len(self.ssrcs)}I", *self.ssrcs) + item + bytes(-len(item) % 4)
        )


def _read_goodbye(count: int, body: bytes) -> Goodbye:
    ssrcs, at = unpack(f"!{count}I", body), 4 * count
    if at == len(body):
        return Goodbye(ssrcs)
    if at + 1 + body[at] > len(body):
        raise RtcpError(f"BYE reason of {body[at]} bytes is longer than its packet")
    return Goodbye(ssrcs, body[at + 1 : at + 1 + body[at]].decode(errors="replace"))


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
    (205, 1): read_nack,
    (205, 15): read_transport_feedback,
    (206, 1): lambda body: PictureLoss(*unpack_feedback(body)[:2]),
    (206, 4): read_full_intra_request,
}


def _read(packet_type: int, count: int, body: bytes) -> Iterable[RtcpPacket]:
    if reader := _READERS.get(packet_type):
        return (reader(count, body),)
    if feedback_reader := _FEEDBACK_READERS.get((packet_type, count)):
        return (feedback_reader(body),)
    if (packet_type, count) == (206, 15) and body[8:12] == b"REMB":
        return (read_remb(body),)
    if packet_type == 207:
        return read_extended(count, body)
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
        if at + _HEADER.size > len(data):
            raise RtcpError(f"RTCP datagram of {len(data)} bytes ends inside a header at {at}")
        first, packet_type, words = _HEADER.unpack_from(data, at)
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


__all__ = [
    "Dlrr",
    "FullIntraRequest",
    "Goodbye",
    "Nack",
    "PictureLoss",
    "ReceiverReport",
    "ReferenceTime",
    "Remb",
    "ReportBlock",
    "RtcpError",
    "RtcpPacket",
    "SenderReport",
    "SourceDescription",
    "TransportFeedback",
    "Unknown",
    "middle32",
    "parse_compound",
]
