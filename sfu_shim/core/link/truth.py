"""What a link did, written down as it happens: the reference that the probe's readings are compared with."""

from __future__ import annotations

from typing import Any

from probe.measure.histogram import Histogram
from sfu_shim.core.link.packets import KINDS, Packet
from sfu_shim.core.link.stream_truth import HISTORY, StreamTruth
from sfu_shim.core.link.tally import Tally

MAX_STREAMS = 64
"""Streams told apart in one link; packets of further ones count in the totals only."""


class LinkTruth:
    """`total` and `kinds` (rtp, rtcp, stun, dtls, other) count all datagrams, `streams` RTP by SSRC. `lateness`: seconds
    by which copies left later than planned, because the driver's loop was busy. `blackouts`: (start, end) seconds."""

    def __init__(self, history: int = HISTORY) -> None:
        self.total = Tally()
        self.kinds = {kind: Tally() for kind in KINDS}
        self.streams: dict[int, StreamTruth] = {}
        self.lateness = Histogram()
        self.blackouts: list[tuple[float, float]] = []
        self._history = history

    def offered(self, packet: Packet, arrival: float) -> int:
        """A datagram came. Returns the extended sequence number of RTP, else 0."""
        self.total.offer(packet.size)
        self.kinds[packet.kind].offer(packet.size)
        stream = self._stream(packet)
        return stream.offered(packet, arrival) if stream else 0

    def dropped(self, packet: Packet, number: int, cause: str, arrival: float) -> None:
        """A datagram, or a copy that was planned, does not get through."""
        self.total.drop(cause)
        self.kinds[packet.kind].drop(cause)
        if stream := self._stream(packet):
            stream.dropped(number, cause, arrival)

    def planned(self, packet: Packet, *, added: bool, held_back: bool) -> None:
        """A copy will be released; `added`: the link made it."""
        stream = self._stream(packet)
        for tally in (self.total, self.kinds[packet.kind], *((stream.tally,) if stream else ())):
            tally.duplicated += added
            tally.held_back += held_back

    def released(self, packet: Packet, number: int, arrival: float, planned: float, actual: float) -> None:
        """A copy left at `actual`; it should have at `planned`."""
        self.total.deliver(packet.size, arrival, actual)
        self.kinds[packet.kind].deliver(packet.size, arrival, actual)
        self.lateness.add(max(0.0, actual - planned))
        if stream := self._stream(packet):
            stream.delivered(number, packet, arrival, actual)

    def _stream(self, packet: Packet) -> StreamTruth | None:
        if packet.kind != "rtp":
            return None
        stream = self.streams.get(packet.ssrc)
        if stream is None and len(self.streams) < MAX_STREAMS:
            stream = self.streams[packet.ssrc] = StreamTruth(packet.ssrc, self._history)
        return stream

    @property
    def lateness_p99(self) -> float:
        """Seconds; 0 before anything was released."""
        return self.lateness.quantile(0.99) or 0.0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: all counts, without the packet-by-packet history."""
        return {
            "total": self.total.to_dict(),
            "kinds": {kind: tally.to_dict() for kind, tally in self.kinds.items() if tally.offered},
            "streams": [stream.to_dict() for stream in self.streams.values()],
            "blackouts": [[start, end] for start, end in self.blackouts],
            "lateness": {
                "count": self.lateness.count,
                "mean_seconds": self.lateness.mean,
                "p99_seconds": self.lateness.quantile(0.99),
                "max_seconds": self.lateness.maximum,
            },
        }
