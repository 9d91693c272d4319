"""A virtual audio playout buffer: which packets a listener would have heard, and how long they waited.

aiortc's own jitter buffer distorts what comes after it, and real receivers' buffers differ; this one is simple and stated,
so that its discards and its delay can be checked by hand.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from probe.measure.rtp_stream import burst_ratio, emodel_burst_ratio

HISTORY = 10.0
"""Seconds of arrivals that the fastest packet and the delay quantile are taken from."""
QUANTILE = 0.97
MARGIN = 0.020
MIN_TARGET = 0.020
MAX_TARGET = 0.200
START_TARGET = 0.080
"""Target before enough packets were seen."""
RESYNC = 5.0
"""A transit time this far from the fastest shows a new clock at the sender, not the network."""
_RETARGET_EVERY = 25
_MAX_PENDING = 4096


@dataclass(frozen=True, slots=True)
class PlayoutWindow:
    """What became due in one window: of `expected` packets, `lost` had not arrived by their playout and `late` had, but
    too late to be played; `loss_runs` and the raw `burst_ratio_observed` tell how those fell together, `burst_ratio` is
    the same as the E-model takes it (≥ 1). `delay_seconds`: mean wait of played packets in the buffer, to be added to
    the mean network delay; `target_seconds`: playout behind the fastest packet, at the window's end."""

    expected: int
    lost: int
    late: int
    loss_runs: int
    burst_ratio: float
    delay_seconds: float
    target_seconds: float

    @property
    def loss_ratio(self) -> float:
        """Lost and late together, of expected: what the E-model calls Ppl."""
        return (self.lost + self.late) / self.expected if self.expected else 0.0

    @property
    def burst_ratio_observed(self) -> float:
        return burst_ratio(self.lost + self.late, self.loss_runs, self.expected)


@dataclass(frozen=True, slots=True)
class _Arrived:
    deadline: float
    wait: float
    late: bool


class PlayoutBuffer:
    """Adaptive buffer of one audio stream (quality model: with d = arrival − media time, the base is the least d of the last
    10 s, the target clamp(p97(d − base) + 20 ms, 20 ms, 200 ms); a packet is late if d − base exceeds the target)."""

    def __init__(self) -> None:
        self._transits: deque[tuple[float, float]] = deque()  # (arrival, d) of the last 10 s
        self._fastest: deque[tuple[float, float]] = deque()  # those that are or may become the minimum, d ascending
        self._pending: dict[int, _Arrived] = {}
        self._evaluated: int | None = None
        self._since_target = 0
        self.target_seconds = START_TARGET
        self.resyncs = 0

    def on_packet(self, sequence: int, media_time: float, arrival: float) -> None:
        """A distinct packet arrived: extended number, media time and arrival in seconds (of any two steady clocks).
        Duplicates, and packets whose window has been judged, change nothing."""
        if sequence in self._pending or (self._evaluated is not None and sequence <= self._evaluated):
            return
        transit = arrival - media_time
        if self._fastest and abs(transit - self._fastest[0][1]) > RESYNC:
            self._resync()
        self._observe(transit, arrival)
        base = self._fastest[0][1]
        wait = base + self.target_seconds - transit
        self._pending[sequence] = _Arrived(media_time + base + self.target_seconds, wait, wait < 0)
        if len(self._pending) > _MAX_PENDING:
            self._forget(min(self._pending))

    def window(self, now: float) -> PlayoutWindow:
        """Judge all packets that became due since the last call (1–5 s before): numbers up to the highest arrived one whose
        playout time has passed. Without such a packet nothing is expected: after the last one heard, silence and loss
        look alike."""
        due = [sequence for sequence, packet in self._pending.items() if packet.deadline <= now]
        if not due:
            return PlayoutWindow(0, 0, 0, 0, 1.0, self.target_seconds, self.target_seconds)
        last = max(due)
        first = min(self._pending) if self._evaluated is None else self._evaluated + 1
        first = max(first, last - _MAX_PENDING + 1)
        packets = [self._pending.get(sequence) for sequence in range(first, last + 1)]
        self._forget(last)
        return self._judge(packets)

    def reset(self) -> None:
        """The stream restarted: its numbers and media times begin anew."""
        self._pending.clear()
        self._evaluated = None
        self._resync()

    def _forget(self, last: int) -> None:
        """All numbers up to `last` are judged, or were never asked about in 80 s and count for nothing."""
        self._evaluated = last
        self._pending = {sequence: packet for sequence, packet in self._pending.items() if sequence > last}

    def _judge(self, packets: Sequence[_Arrived | None]) -> PlayoutWindow:
        unheard = [packet is None or packet.late for packet in packets]
        waits = [packet.wait for packet in packets if packet is not None and not packet.late]
        runs = sum(1 for i, gone in enumerate(unheard) if gone and (i == 0 or not unheard[i - 1]))
        lost = sum(1 for packet in packets if packet is None)
        return PlayoutWindow(
            expected=len(packets),
            lost=lost,
            late=sum(unheard) - lost,
            loss_runs=runs,
            burst_ratio=emodel_burst_ratio(sum(unheard), runs, len(packets)),
            delay_seconds=math.fsum(waits) / len(waits) if waits else self.target_seconds,
            target_seconds=self.target_seconds,
        )

    def _observe(self, transit: float, arrival: float) -> None:
        """Keep the last 10 s, their minimum, and every half second (at 50 packets/s) the target."""
        self._transits.append((arrival, transit))
        while self._fastest and self._fastest[-1][1] >= transit:
            self._fastest.pop()
        self._fastest.append((arrival, transit))
        for kept in (self._transits, self._fastest):
            while kept[0][0] < arrival - HISTORY:
                kept.popleft()
        self._since_target += 1
        if self._since_target >= _RETARGET_EVERY:
            self._since_target = 0
            self._retarget()

    def _retarget(self) -> None:
        transits = sorted(transit for _, transit in self._transits)
        rank = max(0, math.ceil(QUANTILE * len(transits)) - 1)
        spread = transits[rank] - self._fastest[0][1]
        self.target_seconds = min(MAX_TARGET, max(MIN_TARGET, spread + MARGIN))

    def _resync(self) -> None:
        self._transits.clear()
        self._fastest.clear()
        self._since_target = 0
        self.target_seconds = START_TARGET
        self.resyncs += 1
