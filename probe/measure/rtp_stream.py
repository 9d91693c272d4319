"""What one RTP stream's headers tell its receiver: loss, reordering, duplicates, jitter (RFC 3550 appendix A)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from probe.measure.stream_counter import MAX_DROPOUT, WINDOW, PacketFate, StreamCounter
from probe.wire.rtcp import ReportBlock, middle32

__all__ = [
    "MAX_DROPOUT",
    "WINDOW",
    "PacketFate",
    "StreamReceiver",
    "StreamReports",
    "StreamSnapshot",
    "StreamWindow",
    "burst_ratio",
    "emodel_burst_ratio",
]


@dataclass(frozen=True, slots=True)
class StreamSnapshot:
    """A stream's counters at `time` (seconds). `packets`: distinct first transmissions that arrived; `bytes`: all that
    arrived; `lost_first`: of `expected`, not arrived by first transmission; `lost_residual`: of those, not recovered
    either; `loss_runs`: unbroken runs that `lost_first` falls into. Subtract two of one stream with `since`."""

    time: float
    packets: int = 0
    bytes: int = 0
    duplicates: int = 0
    reordered: int = 0
    recovered: int = 0
    strays: int = 0
    restarts: int = 0
    expected: int = 0
    lost_first: int = 0
    lost_residual: int = 0
    loss_runs: int = 0
    jitter_seconds: float = 0.0

    def since(self, earlier: StreamSnapshot) -> StreamWindow:
        """What happened between two snapshots. A late packet can repair the loss of the window before: the counts may
        be negative then, so that windows add up; the ratios stay within 0–1."""
        return StreamWindow(
            seconds=self.time - earlier.time,
            packets=self.packets - earlier.packets,
            bytes=self.bytes - earlier.bytes,
            expected=self.expected - earlier.expected,
            lost_first=self.lost_first - earlier.lost_first,
            lost_residual=self.lost_residual - earlier.lost_residual,
            loss_runs=self.loss_runs - earlier.loss_runs,
        )

    @property
    def burst_ratio(self) -> float:
        """Of the whole stream so far, unclamped."""
        return burst_ratio(self.lost_first, self.loss_runs, self.expected)


@dataclass(frozen=True, slots=True)
class StreamWindow:
    """Differences of two snapshots. `seconds` long."""

    seconds: float
    packets: int
    bytes: int
    expected: int
    lost_first: int
    lost_residual: int
    loss_runs: int

    @property
    def bitrate_bps(self) -> float:
        return 8.0 * self.bytes / self.seconds if self.seconds > 0 else 0.0

    @property
    def loss_ratio(self) -> float:
        return _ratio(self.lost_first, self.expected)

    @property
    def residual_loss_ratio(self) -> float:
        return _ratio(self.lost_residual, self.expected)

    @property
    def burst_ratio(self) -> float:
        """Unclamped; 1 where the window shows no loss run of its own."""
        return burst_ratio(self.lost_first, self.loss_runs, self.expected)


def _ratio(part: int, whole: int) -> float:
    return min(1.0, max(0.0, part / whole)) if whole > 0 else 0.0


def burst_ratio(lost: int, runs: int, expected: int) -> float:
    """Mean length of the loss runs over the mean length that random loss of the same ratio has, 1 / (1 - ratio) (G.107
    section 3.5). Below 1 when losses are spread more evenly than at random; 1 without loss."""
    if lost <= 0 or runs <= 0 or expected <= 0:
        return 1.0
    return lost / runs * (1.0 - lost / expected)


def emodel_burst_ratio(lost: int, runs: int, expected: int) -> float:
    """Burst ratio as the E-model takes it: not defined below 1 (G.107 table 1: 1 to 8)."""
    return max(1.0, burst_ratio(lost, runs, expected))


class StreamReports:
    """What a counter's figures amount to: snapshots, and the report blocks sent back (RFC 3550 section 6.4). Mixed into one."""

    if TYPE_CHECKING:  # from the counter, and from `begin_reports`
        ssrc: int
        clock_rate: int
        packets: int
        bytes: int
        duplicates: int
        reordered: int
        recovered: int
        strays: int
        restarts: int
        jitter_seconds: float
        _last_sr: int
        _last_sr_arrival: float
        _last_report: tuple[int, int]

        @property
        def expected(self) -> int: ...

        @property
        def loss_runs(self) -> int: ...

        @property
        def highest(self) -> int | None: ...

    def begin_reports(self) -> None:
        """Before the first packet."""
        self._last_sr = 0
        self._last_sr_arrival = 0.0
        self._last_report = (0, 0)

    def on_sender_report(self, ntp: float, arrival: float) -> None:
        """A sender report with NTP time `ntp` (seconds since 1900) arrived."""
        self._last_sr = middle32(ntp)
        self._last_sr_arrival = arrival

    @property
    def lost_first(self) -> int:
        """Packets whose first transmission has not arrived."""
        return self.expected - self.packets

    @property
    def lost_residual(self) -> int:
        """Packets that arrived neither by first transmission nor by retransmission."""
        return self.lost_first - self.recovered

    def snapshot(self, now: float) -> StreamSnapshot:
        """All counters. Changes nothing."""
        return StreamSnapshot(
            time=now,
            packets=self.packets,
            bytes=self.bytes,
            duplicates=self.duplicates,
            reordered=self.reordered,
            recovered=self.recovered,
            strays=self.strays,
            restarts=self.restarts,
            expected=self.expected,
            lost_first=self.lost_first,
            lost_residual=self.lost_residual,
            loss_runs=self.loss_runs,
            jitter_seconds=self.jitter_seconds,
        )

    def report_block(self, now: float) -> ReportBlock:
        """The block for a report sent now (RFC 3550 sections 6.4.1, A.3): the fraction covers the time since the call
        before. As there, duplicates count as received, so the cumulative loss may be negative."""
        expected, received = self.expected, self.packets + self.duplicates
        expected_interval = expected - self._last_report[0]
        lost_interval = expected_interval - (received - self._last_report[1])
        self._last_report = (expected, received)
        return ReportBlock(
            ssrc=self.ssrc,
            fraction_lost=_ratio(lost_interval, expected_interval),
            cumulative_lost=min(0x7FFFFF, max(-0x800000, expected - received)),
            highest_sequence=(self.highest or 0) & 0xFFFFFFFF,
            jitter=min(0xFFFFFFFF, int(self.jitter_seconds * self.clock_rate)),
            last_sr=self._last_sr,
            delay_since_last_sr=max(0.0, now - self._last_sr_arrival) if self._last_sr else 0.0,
        )


class StreamReceiver(StreamCounter, StreamReports):
    """One stream as its receiver sees it."""

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        super().__init__(ssrc, clock_rate)
        self.begin_reports()
