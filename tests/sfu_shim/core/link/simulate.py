"""Sends packets through a link in simulated time."""

from __future__ import annotations

from collections.abc import Iterable

from probe.wire.rtp import build_packet, parse_header
from sfu_shim.core.link.link import Copy, Link
from sfu_shim.core.link.release import ReleaseQueue


def rtp(sequence: int, *, ssrc: int = 7, timestamp: int | None = None, size: int = 100) -> bytes:
    """An RTP packet of `size` bytes in all; 90 kHz timestamps 10 ms apart if not told otherwise."""
    stamp = sequence * 900 if timestamp is None else timestamp
    return build_packet(
        payload_type=96,
        marker=False,
        sequence_number=sequence & 0xFFFF,
        timestamp=stamp & 0xFFFFFFFF,
        ssrc=ssrc,
        payload=bytes(size - 12),
    )


def carry(link: Link, offers: Iterable[tuple[float, bytes]], late: float = 0.0) -> list[Copy]:
    """All copies in order of release, each let out `late` seconds behind its time."""
    queue: ReleaseQueue[None] = ReleaseQueue()
    out: list[Copy] = []

    def let_out(now: float) -> None:
        for copy, _ in queue.release(now):
            link.note_released(copy, copy.release + late)
            out.append(copy)

    for now, data in offers:
        let_out(now)
        for copy in link.offer(data, now):
            queue.push(copy, None)
    let_out(float("inf"))
    return out


def stream(count: int, interval: float = 0.01, *, size: int = 100, ssrc: int = 7) -> list[tuple[float, bytes]]:
    """`count` packets, one each `interval` seconds from 0 on, timestamps to match (90 kHz)."""
    return [(i * interval, rtp(i, ssrc=ssrc, timestamp=round(i * interval * 90000), size=size)) for i in range(count)]


def numbers(copies: Iterable[Copy]) -> list[int]:
    """Sequence numbers in order of release."""
    return [parse_header(copy.data).sequence_number for copy in copies]
