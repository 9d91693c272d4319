"""Twilio's preflight MOS, from round trip, jitter and loss.

Source: twilio-video.js, lib/preflight/mos.ts. Scale: MOS, 1 to 4.43 (the formula's best; the cubic ends at 4.5).

Known defects:
- starts at R0 = 94.768, which is G.107's Ro: it omits Is, so the best is 4.433 where G.107 says 4.409;
- the whole round trip counts as one-way delay, and jitter twice on top of it;
- loss costs 2.5 R per percent for every codec, with or without concealment or burst;
- the score of 5 has steps of up to 1 at a MOS of 4.2, 4.0, 3.6 and 3.0.
"""

from __future__ import annotations

from probe.measure.vendors.cubic import polynomial

R0 = 94.768


def mos(round_trip_seconds: float, jitter_seconds: float, loss_ratio: float) -> float:
    """MOS. Delay costs 1 R per 40 ms below an effective 160 ms and 1 R per 10 ms above; from 1 s on all is lost."""
    effective_ms = 1000 * (round_trip_seconds + 2 * jitter_seconds) + 10
    percent = 100 * loss_ratio
    r = 0.0
    if effective_ms < 160:
        r = R0 - effective_ms / 40
    elif effective_ms < 1000:
        r = R0 - (effective_ms - 120) / 10
    return polynomial(max(r - 2.5 * percent, 6.52) if percent <= r / 2.5 else 0.0)


def score(mos_value: float) -> int:
    """The 1 to 5 that Twilio shows for a MOS."""
    return 1 + sum(mos_value > step for step in (3.0, 3.6, 4.0, 4.2))


CEILING = mos(0.0, 0.0, 0.0)
