"""Round-trip time from the reports that a receiver sends back (RFC 3550 section 6.4.1, RFC 3611 section 4.5)."""

from __future__ import annotations

from probe.wire.rtcp import ReportBlock

_MODULUS = 65536.0
_RESOLUTION = 1 / 65536
_LIMIT = 60.0
_GAIN = 1 / 8


class RttEstimator:
    """Round trips of one path, in seconds. `latest` and `smoothed` are None before the first; `rejected` counts reports
    whose figures can't be true."""

    def __init__(self) -> None:
        self.latest: float | None = None
        self.smoothed: float | None = None
        self.count = 0
        self.rejected = 0

    def on_report_block(self, block: ReportBlock, arrival_ntp: float) -> float | None:
        """The round trip that a report block proves; it arrived at `arrival_ntp` (seconds since 1900, by the clock that
        wrote our sender reports). None when it quotes no sender report, or when the figures can't be true."""
        return self._measure(block.last_sr, block.delay_since_last_sr, arrival_ntp)

    def on_dlrr(self, last_rr: int, delay: float, arrival_ntp: float) -> float | None:
        """The same for a receiver without media of its own: `last_rr` quotes its reference time, `delay` in seconds."""
        return self._measure(last_rr, delay, arrival_ntp)

    def _measure(self, quoted: int, delay: float, arrival_ntp: float) -> float | None:
        """arrival − quoted − delay, all modulo 2^16 s. The quoted times have steps of 15 µs, so on the shortest path the
        figure may come out below 0 by as much: that is 0. Anything more negative, or above a minute, is no round trip."""
        if quoted == 0:
            return None
        trip = (arrival_ntp - quoted * _RESOLUTION - delay) % _MODULUS
        if trip >= _MODULUS - 2 * _RESOLUTION:
            trip = 0.0
        if trip > _LIMIT:
            self.rejected += 1
            return None
        self.latest = trip
        self.smoothed = trip if self.smoothed is None else self.smoothed + _GAIN * (trip - self.smoothed)
        self.count += 1
        return trip
