"""When the frames of somebody else's stream were captured, by our clock: abs-capture-time, set against RTCP's sender reports.

Three clocks count NTP seconds (since 1900): the capturer's, in which the header extension tells each capture; the sender's, in
which the one who sends us the packets writes its reports (the capturer itself, or a server in between); and ours.

- Capturer and sender: the extension's second field says how far apart they are, "Capture NTP Clock = Sender NTP Clock + Capture
  Clock Offset" (webrtc.org, abs-capture-time). Without it they are taken for one clock. Either way the sender reports say the
  same instant a second time, for they tie RTP timestamps to the sender's clock (RFC 3550 section 6.4.1): by how much the two
  statements differ is part of the error. (A server that translates the reports of a camera sees the capture later, by the way
  between them.)
- Sender and us: a report that says S and arrives at A went D on its way, so we are A - S - D ahead. D is somewhere from 0 to the
  whole round trip; half of it is taken, as libwebrtc does, and the other half is the error (RFC 5905 section 8 bounds NTP so).

What goes on that the round trip does not see (a server that passes on the camera's own reports, as if they were its own)
is not in the error: nothing in the stream tells.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

Source = Literal["synchronised", "estimated", "none", "unset", "apart", "headers"]

WHY_NOT: dict[str, str] = {
    "none": "the stream carries no clock",
    "unset": "the stream carries a clock, but nothing to set it by: no sender report or no round trip",
    "apart": "the stream's clock and its sender reports tell different times",
    "headers": "at depth headers nobody looks at a stream's clock",
}
"""Of a `source` that gives no time, in words. The last is that of streams which have no CaptureClock."""
WINDOW = 30.0
"""Seconds of sender reports and round trips that are looked at: the quickest of each waited least on the way."""
DRIFT = 100e-6
"""Seconds per second by which two undisciplined quartz clocks run apart at most."""
SENDING = 0.001
"""Seconds that may pass between writing a report and sending it."""
ALIKE = 0.002
"""Seconds by which clocks that are kept by NTP in one network differ, and reports are late for other reasons than the way."""
REACH = 5.0
"""Seconds from one capture time that was told to a frame without its own (libwebrtc's limit too)."""
LARGEST_ERROR = 1.0
"""Seconds; a time that is less sure says nothing."""
STEP = 1.0
"""Seconds between two reports' offsets that no network makes: a clock was set."""


@dataclass(frozen=True, slots=True)
class Captured:
    """`time` in seconds since 1900 by our clock, at most `error` seconds from the truth."""

    time: float
    error: float
    source: Source


class CaptureClock:
    """One stream of `clock_rate` Hz. Timestamps are RTP's, 32 bits; all times are NTP seconds, and where `now` or `arrival` is
    said, by our clock.

    `source` says how well the clock is known. synchronised: the sender's clock can't be told from ours, and is taken for it;
    estimated: it is set against ours by its reports; none: the stream tells no capture time; unset: it does, but no report or no
    round trip has come yet; apart: what it tells is too far from what the reports say to mean anything.
    """

    def __init__(self, clock_rate: int = 90_000) -> None:
        self._rate = clock_rate
        self._told: tuple[int, float, float | None] | None = None
        self._reports: deque[tuple[float, float]] = deque()  # arrival, and arrival - what it says
        self._tied: tuple[int, float] | None = None  # of the last report: RTP timestamp, sender's clock
        self._trips: deque[tuple[float, float]] = deque()
        self.source: Source = "none"

    def on_capture(self, timestamp: int, captured: float, offset: float | None) -> None:
        """A packet with that RTP timestamp says when it was captured, and how far the capturer is ahead of the sender."""
        self._told = (timestamp, captured, offset)

    def on_sender_report(self, ntp: float, timestamp: int, arrival: float) -> None:
        """A sender report arrived. One of a sender without a clock says 0 (RFC 3550 section 6.4.1), and nothing."""
        if ntp <= 0:
            return
        ahead = arrival - ntp
        if self._reports and abs(ahead - self._reports[-1][1]) > STEP:
            self._reports.clear()
        self._reports.append((arrival, ahead))
        self._tied = (timestamp, ntp)

    def on_round_trip(self, seconds: float, now: float) -> None:
        """There and back between the sender and us."""
        self._trips.append((now, seconds))

    def told(self, timestamp: int) -> float | None:
        """The capture of a frame by the capturer's own clock; None where the stream does not tell."""
        if self._told is None:
            return None
        known, captured, _ = self._told
        after = _ticks(known, timestamp) / self._rate
        return captured + after if abs(after) <= REACH else None

    def at(self, timestamp: int, now: float) -> Captured | None:
        """The capture of a frame by our clock. None where `source` says why not."""
        captured = self.told(timestamp)
        if self._told is None or captured is None:
            self.source = "none"
            return None
        found = self._ahead(now)
        if found is None or self._tied is None:
            self.source = "unset"
            return None
        ahead, error = found
        by_sender = captured - (self._told[2] or 0.0)
        report_timestamp, report_ntp = self._tied
        error += abs(by_sender - report_ntp - _ticks(report_timestamp, timestamp) / self._rate)
        self.source = "synchronised" if ahead == 0.0 else "estimated"
        if error > LARGEST_ERROR:
            self.source = "apart"
            return None
        return Captured(by_sender + ahead, error, self.source)

    def _ahead(self, now: float) -> tuple[float, float] | None:
        """How far we are ahead of the sender, and the error. Where that may be nothing it is taken for nothing, and what was read is
        part of the error: two clocks that agree within it are more likely kept by NTP than alike by chance."""
        _forget(self._trips, now)
        _forget(self._reports, now)
        if not self._trips or not self._reports:
            return None
        trip = min(seconds for _, seconds in self._trips)
        _, quickest, arrival = min((ahead + DRIFT * (now - at), ahead, at) for at, ahead in self._reports)
        ahead, error = quickest - trip / 2, trip / 2 + DRIFT * (now - arrival) + SENDING
        return (0.0, abs(ahead) + error) if abs(ahead) <= error + ALIKE else (ahead, error)


def _forget(entries: deque[tuple[float, float]], now: float) -> None:
    """What is older than the window, but the last: an old round trip is better than none."""
    while len(entries) > 1 and entries[0][0] < now - WINDOW:
        entries.popleft()


def _ticks(before: int, after: int) -> int:
    """From one timestamp to another, modulo 32 bits (RFC 3550 section 5.1)."""
    return (after - before + 2**31) % 2**32 - 2**31
