"""What a link did to one RTP stream, and what an observer at its far end must therefore see."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from probe.wire.rtp import SequenceUnwrapper
from sfu_shim.core.link.packets import Packet
from sfu_shim.core.link.pattern import ArrivalPattern
from sfu_shim.core.link.tally import Tally

HISTORY = 4096
"""Packets remembered one by one, if not told otherwise: a minute of 500 kbit/s video."""
MAX_LOST = 1 << 16


class Release(NamedTuple):
    """A copy that left the link. `number`: extended sequence number; `arrival`, `released`: actual times, seconds;
    `first`: no earlier copy of that number had left."""

    number: int
    timestamp: int
    size: int
    arrival: float
    released: float
    first: bool


class Lost(NamedTuple):
    """A packet that the link dropped: extended number, one of `tally.CAUSES`, when it came (seconds)."""

    number: int
    cause: str
    arrival: float


@dataclass(frozen=True, slots=True)
class Observed:
    """What a receiver that saw all that left the link has counted, by the definitions of `probe.measure.rtp_stream`:
    `lost` are the numbers missing between the lowest and the highest that came, by whomever they were lost (losses at
    the very start and end show nowhere); `reordered` came after a higher number; `bytes` are of all copies."""

    packets: int
    bytes: int
    expected: int
    lost: int
    duplicates: int
    reordered: int
    loss_runs: int
    burst_ratio: float


class StreamTruth:
    """One SSRC. `history` bounds how many packets are remembered one by one; the counts have no bound."""

    def __init__(self, ssrc: int, history: int = HISTORY) -> None:
        self.ssrc = ssrc
        self.tally = Tally()
        self.pattern = ArrivalPattern()
        self.releases: deque[Release] = deque(maxlen=history)
        self.offers: deque[tuple[float, int]] = deque(maxlen=history)
        self.lost: deque[Lost] = deque(maxlen=MAX_LOST)
        self._unwrap = SequenceUnwrapper().unwrap

    def offered(self, packet: Packet, arrival: float) -> int:
        """A packet came to the link at `arrival`. Returns its extended number."""
        self.tally.offer(packet.size)
        self.offers.append((arrival, packet.size))
        return self._unwrap(packet.sequence)

    def dropped(self, number: int, cause: str, arrival: float) -> None:
        self.tally.drop(cause)
        self.lost.append(Lost(number, cause, arrival))

    def delivered(self, number: int, packet: Packet, arrival: float, released: float) -> None:
        """A copy left. To be called in the order in which they do."""
        self.tally.deliver(packet.size, arrival, released)
        first = self.pattern.arrive(number) != "duplicate"
        self.releases.append(Release(number, packet.timestamp, packet.size, arrival, released, first))

    @property
    def complete(self) -> bool:
        """Are all packets of the stream still remembered one by one?"""
        return len(self.releases) == self.tally.delivered

    def observed(self, until: float | None = None) -> Observed:
        """What the far end has counted; with `until`, by that time (seconds). Raises ValueError when the history no
        longer reaches back to the stream's begin, and so can't tell."""
        if until is None:
            return _observed(self.pattern, self.tally.delivered_bytes)
        if not self.complete:
            raise ValueError(f"stream {self.ssrc}: only the last {len(self.releases)} packets are remembered")
        pattern, size = ArrivalPattern(), 0
        for release in self.releases:
            if release.released <= until:
                pattern.arrive(release.number)
                size += release.size
        return _observed(pattern, size)

    def jitter_series(self, clock_rate: int) -> Iterator[tuple[float, float]]:
        """(release time, interarrival jitter in seconds) packet by packet: RFC 3550 section 6.4.1 applied to the actual
        release times of distinct packets, from the first that is remembered."""
        jitter, last = 0.0, None
        for release in self.releases:
            if not release.first:
                continue
            if last is not None:
                ticks = (release.timestamp - last.timestamp) % (1 << 32)
                media = (ticks - (1 << 32) if ticks >= 1 << 31 else ticks) / clock_rate
                jitter += (abs(release.released - last.released - media) - jitter) / 16.0
            yield release.released, jitter
            last = release

    def jitter_seconds(self, clock_rate: int, until: float | None = None) -> float:
        """The last of `jitter_series`, or the last by time `until`."""
        found = 0.0
        for released, jitter in self.jitter_series(clock_rate):
            if until is not None and released > until:
                break
            found = jitter
        return found

    def delay_between(self, start: float, end: float) -> float | None:
        """Mean added delay, seconds, of the remembered copies released within [start, end]; None: there are none."""
        delays = [one.released - one.arrival for one in self.releases if start <= one.released <= end]
        return sum(delays) / len(delays) if delays else None

    def offered_bytes_between(self, start: float, end: float) -> int:
        """Of the remembered packets that came to the link within [start, end), lost ones included."""
        return sum(size for arrival, size in self.offers if start <= arrival < end)

    def delivered_bytes_between(self, start: float, end: float) -> int:
        """Of the remembered copies that left within [start, end)."""
        return sum(one.size for one in self.releases if start <= one.released < end)

    def gaps(self, longer_than: float) -> list[tuple[float, float]]:
        """(start, end) of every remembered interval without new content that is longer than that, seconds."""
        times = [one.released for one in self.releases if one.first]
        return [(before, after) for before, after in pairwise(times) if after - before > longer_than]

    def longest_gap(self, start: float, end: float) -> float:
        """Longest remembered interval without new content that overlaps [start, end], seconds; 0 without any."""
        found = (after - before for before, after in self.gaps(0.0) if before < end and after > start)
        return max(found, default=0.0)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready. `lost` are 16-bit sequence numbers, by cause."""
        lost: dict[str, list[int]] = {}
        for one in self.lost:
            lost.setdefault(one.cause, []).append(one.number & 0xFFFF)
        return {
            "ssrc": self.ssrc,
            **self.tally.to_dict(),
            "lost": lost,
            "lost_forgotten": max(0, self.tally.lost - len(self.lost)),
            "observed": asdict(self.observed()),
        }


def _observed(pattern: ArrivalPattern, size: int) -> Observed:
    return Observed(
        packets=pattern.packets,
        bytes=size,
        expected=pattern.expected,
        lost=pattern.missing,
        duplicates=pattern.duplicates,
        reordered=pattern.reordered,
        loss_runs=pattern.runs,
        burst_ratio=pattern.burst_ratio,
    )
