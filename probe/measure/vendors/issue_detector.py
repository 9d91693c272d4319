"""The network score of webrtc-issue-detector, from round trip, jitter and loss.

Source: VLprojects/webrtc-issue-detector 1.17, NetworkScoresCalculator (earlier releases had other delay terms: R0 -
eff/120 - 10, and R0 - eff/1200). Scale: 0 to 5 by its clamp; its best is 4.40.

Known defects:
- R has no lower limit, and below 0 the polynomial rises again: a loss of 56 % scores more than none, one of 58 % and
  more 5 of 5;
- loss is that of the whole connection, video included, and rounded to whole percents before (not done here);
- the whole round trip counts as one-way delay, and jitter twice on top of it.
"""

from __future__ import annotations

from probe.measure.vendors.cubic import polynomial

R0 = 93.2
CEILING = 5.0


def mos(round_trip_seconds: float, jitter_seconds: float, loss_ratio: float) -> float:
    """MOS, clamped to 0-5 as the library does."""
    effective_ms = 1000 * (round_trip_seconds + 2 * jitter_seconds) + 10
    r = R0 - (effective_ms / 40 if effective_ms < 160 else (effective_ms - 120) / 10)
    return max(0.0, min(5.0, polynomial(r - 250 * loss_ratio)))
