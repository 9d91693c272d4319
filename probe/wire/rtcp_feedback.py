"""RTCP feedback messages: what a receiver asks of a sender (RFC 4585, RFC 5104, REMB)."""

from __future__ import annotations

from dataclasses import dataclass

from probe.wire.rtcp_fields import RtcpError, pack, packet_bytes, words

_REMB = int.from_bytes(b"REMB", "big")


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
        body = b"".join(pack("!HH", *item) for item in items)
        return packet_bytes(205, 1, pack("!II", self.sender_ssrc, self.media_ssrc) + body)


def read_nack(body: bytes) -> Nack:
    sender, media, *items = unpack_feedback(body)
    if not items:
        raise RtcpError("a NACK that names no packet")
    lost = [(i >> 16) + ahead & 0xFFFF for i in items for ahead in range(17) if not ahead or i >> ahead - 1 & 1]
    return Nack(sender, media, tuple(lost))


def unpack_feedback(body: bytes) -> tuple[int, ...]:
    """Sender's SSRC, media SSRC, and the words that follow (RFC 4585 section 6.1)."""
    if len(body) < 8:
        raise RtcpError(f"feedback of {len(body)} bytes lacks its two SSRCs")
    return words(body)


@dataclass(frozen=True, slots=True)
class PictureLoss:
    """PLI (RFC 4585 section 6.3.1)."""

    sender_ssrc: int
    media_ssrc: int

    def to_bytes(self) -> bytes:
        return packet_bytes(206, 1, pack("!II", self.sender_ssrc, self.media_ssrc))


@dataclass(frozen=True, slots=True)
class FullIntraRequest:
    """FIR (RFC 5104 section 4.3.1): (media SSRC, 8-bit command number) per request."""

    sender_ssrc: int
    requests: tuple[tuple[int, int], ...]

    def to_bytes(self) -> bytes:
        body = b"".join(pack("!IB3x", ssrc, number) for ssrc, number in self.requests)
        return packet_bytes(206, 4, pack("!II", self.sender_ssrc, 0) + body)


def read_full_intra_request(body: bytes) -> FullIntraRequest:
    sender, _, *words = unpack_feedback(body)
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
        return packet_bytes(206, 15, pack(f"!{len(words)}I", *words))


def read_remb(body: bytes) -> Remb:
    sender, _, _, figure, *ssrcs = words(body)
    if len(ssrcs) < figure >> 24:
        raise RtcpError(f"REMB for {figure >> 24} streams names {len(ssrcs)}")
    return Remb(sender, (figure & 0x3FFFF) << (figure >> 18 & 0x3F), tuple(ssrcs[: figure >> 24]))
