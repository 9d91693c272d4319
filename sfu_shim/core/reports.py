"""RTCP that the SFU makes itself (it terminates RTCP): sender reports downstream, receiver reports upstream. Pure.

RTP and NTP time in an outgoing sender report have to agree across the streams of one publisher, or lips part from
voices. So the publisher's own mapping is translated: its NTP clock is set against ours by one offset per publisher,
the smallest that any of its sender reports showed (the one that waited least on the way).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from functools import lru_cache

from probe.wire.rtcp import ReceiverReport, Remb, ReportBlock, SenderReport, SourceDescription
from sfu_shim.core.outgoing import Outgoing
from sfu_shim.core.source import Source

_OFFSETS = 32
MAX_BLOCKS = 31
"""Report blocks in one packet (5-bit count, RFC 3550 section 6.4.1)."""
MAX_SENDERS = 16
"""Sender reports in one compound packet: 16 × (28 + 8 + a CNAME) bytes keep below 1200."""


class PublisherClock:
    """The offset between a publisher's NTP clock and ours, in seconds."""

    def __init__(self) -> None:
        self._offsets: deque[float] = deque(maxlen=_OFFSETS)

    def on_sender_report(self, ntp: float, arrival_ntp: float) -> None:
        """Both in seconds since 1900: the publisher's when it sent, ours when it came."""
        self._offsets.append(arrival_ntp - ntp)

    def to_publisher(self, ntp: float) -> float | None:
        """Our time as the publisher's; None before its first sender report."""
        return ntp - min(self._offsets) if self._offsets else None


def sender_report(
    outgoing: Outgoing, source: Source | None, clock: PublisherClock, now: float, ntp: float
) -> SenderReport:
    """`now` and `ntp` are the same instant, monotonic and since 1900. Before the publisher's own first report the
    timestamp is extrapolated from the newest packet."""
    theirs = clock.to_publisher(ntp)
    if theirs is None or source is None or source.sender_report is None or not outgoing.anchored_to(source.ssrc):
        timestamp = outgoing.time_at(now)
    else:
        report_ntp, report_timestamp = source.sender_report
        timestamp = outgoing.to_outgoing_time(report_timestamp + (theirs - report_ntp) * source.clock_rate)
    return SenderReport(
        ssrc=outgoing.spec.ssrc,
        ntp=ntp,
        rtp_timestamp=timestamp,
        packet_count=outgoing.numbers.packets & 0xFFFFFFFF,
        octet_count=outgoing.numbers.octets & 0xFFFFFFFF,
    )


@lru_cache(maxsize=4096)
def _description(ssrcs: tuple[int, ...], cname: str) -> bytes:
    """The same with every report of a stream, so written once."""
    return SourceDescription(tuple((ssrc, cname) for ssrc in ssrcs)).to_bytes()


def compounds(
    own_ssrc: int, cname: str, senders: Sequence[SenderReport], blocks: Sequence[ReportBlock], remb: Remb | None
) -> Iterable[bytes]:
    """RFC 3550 section 6.1: each compound packet begins with a report and holds the CNAME of who speaks in it."""
    for start in range(0, len(senders), MAX_SENDERS):
        group = senders[start : start + MAX_SENDERS]
        names = _description(tuple(report.ssrc for report in group), cname)
        yield b"".join(report.to_bytes() for report in group) + names
    for start in range(0, len(blocks), MAX_BLOCKS):
        report = ReceiverReport(own_ssrc, tuple(blocks[start : start + MAX_BLOCKS]))
        tail = remb.to_bytes() if remb is not None and start == 0 else b""
        yield report.to_bytes() + _description((own_ssrc,), cname) + tail


def feedback(own_ssrc: int, cname: str, packet: bytes) -> bytes:
    """A feedback message as a compound packet, for senders that want no reduced-size RTCP (RFC 4585 section 3.1)."""
    return ReceiverReport(own_ssrc, ()).to_bytes() + _description((own_ssrc,), cname) + packet
