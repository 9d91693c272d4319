"""What a datagram of a peer connection is, as far as anyone on the path can tell (RFC 7983)."""

from __future__ import annotations

from typing import NamedTuple

from probe.wire.rtp import RtpError, is_rtcp, parse_header

KINDS = ("rtp", "rtcp", "stun", "dtls", "other")


class Packet(NamedTuple):
    """`size` in bytes (UDP payload). `ssrc`, 16-bit `sequence` and `timestamp` of RTP, else 0: SRTP leaves the header in
    clear (RFC 3711 section 3.1)."""

    kind: str
    size: int
    ssrc: int = 0
    sequence: int = 0
    timestamp: int = 0


def identify(data: bytes) -> Packet:
    """Never raises: what looks like RTP but is not is "other"."""
    size = len(data)
    first = data[0] if size else 255
    if 128 <= first <= 191:
        if is_rtcp(data):
            return Packet("rtcp", size)
        try:
            header = parse_header(data, encrypted=True)
        except RtpError:
            return Packet("other", size)
        return Packet("rtp", size, header.ssrc, header.sequence_number, header.timestamp)
    if first <= 3:
        return Packet("stun", size)
    return Packet("dtls" if 20 <= first <= 63 else "other", size)
