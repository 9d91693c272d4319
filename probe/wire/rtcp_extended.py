"""RTCP extended reports (RFC 3611): round trips for those who only receive. What is not known is kept as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from probe.wire.rtcp_fields import (
    FRACTIONS_PER_SECOND,
    RtcpError,
    fixed,
    pack,
    packet_bytes,
    scaled,
    unpack,
    words,
)
from probe.wire.rtp import ntp_from_fixed


@dataclass(frozen=True, slots=True)
class ReferenceTime:
    """Receiver reference time in an extended report (RFC 3611 section 4.4). `ntp` in seconds since 1900."""

    ssrc: int
    ntp: float

    def to_bytes(self) -> bytes:
        return packet_bytes(207, 0, pack("!IBBHQ", self.ssrc, 4, 0, 2, fixed(self.ntp)))


@dataclass(frozen=True, slots=True)
class Dlrr:
    """Delay since the last receiver reference time (RFC 3611 section 4.5): (receiver's SSRC, its `ReferenceTime` as
    `middle32`, delay in seconds) per receiver."""

    ssrc: int
    reports: tuple[tuple[int, int, float], ...]

    def to_bytes(self) -> bytes:
        blocks = (pack("!III", ssrc, last, scaled(s, FRACTIONS_PER_SECOND)) for ssrc, last, s in self.reports)
        return packet_bytes(207, 0, pack("!IBBH", self.ssrc, 5, 0, 3 * len(self.reports)) + b"".join(blocks))


@dataclass(frozen=True, slots=True)
class Unknown:
    """A packet of a type or format not spoken here; of an extended report, one block behind its SSRC."""

    packet_type: int
    count: int
    body: bytes

    def to_bytes(self) -> bytes:
        return packet_bytes(self.packet_type, self.count, self.body)


def read_extended(count: int, body: bytes) -> Iterator[ReferenceTime | Dlrr | Unknown]:
    """One packet of ours for each block (RFC 3611 section 3)."""
    ssrc, at = unpack("!I", body)[0], 4
    while at < len(body):
        kind, _, length = unpack("!BBH", body, at)
        end = at + 4 + 4 * length
        if end > len(body):
            raise RtcpError(f"XR block {kind} ends {end - len(body)} bytes behind its packet")
        if kind == 4 and length == 2:
            yield ReferenceTime(ssrc, ntp_from_fixed(unpack("!Q", body, at + 4)[0]))
        elif kind == 5 and length % 3 == 0:
            v = words(body[:end], at + 4)
            yield Dlrr(ssrc, tuple((v[i], v[i + 1], v[i + 2] / FRACTIONS_PER_SECOND) for i in range(0, length, 3)))
        else:
            yield Unknown(207, count, body[:4] + body[at:end])
        at = end
