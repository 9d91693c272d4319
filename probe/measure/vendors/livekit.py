"""LiveKit's connection quality: 0 to 100 per window of 5 s, smoothed, shown as excellent, good, poor or lost, and as MOS.

Source: livekit/livekit, pkg/sfu/connectionquality (scorer.go, connectionstats.go). Scale: MOS, 1.61 (floor 30) to 4.5.

Known defects:
- a perfect window is R = 100, MOS 4.5, where G.107 ends at 93.2;
- loss costs a fixed number of points per percent, the same for every bitrate and burst; packets that came out of order
  are taken off the loss, also when none of them was a repair;
- the floor of 30 makes a dead-bad stream MOS 1.61; a stream without packets gets 40, above it;
- bitrate and layers are judged against what the server expected, not against what a viewer needs.
"""

from __future__ import annotations

import math
from typing import Literal

from probe.measure.vendors.cubic import limited

BEST, FLOOR = 100.0, 30.0
DRY, NO_RTCP = 40.0, 20.0
"""Fixed scores of a window without packets: with, and without RTCP in it."""
CEILING = 4.5
RISING, FALLING = 0.4, 0.8
Media = Literal["opus", "red", "video"]
_LOSS_WEIGHTS: dict[Media, float] = {"opus": 8.0, "red": 4.0, "video": 10.0}


def loss_weight(media: Media, *, fec: bool = False, packet_rate_ratio: float = 1.0) -> float:
    """Points per percent of loss. FEC (audio only) divides by 1.5; a packet rate below the stream's usual one (DTX,
    still screens) weighs by its square root."""
    weight = _LOSS_WEIGHTS[media] / (1.5 if fec and media != "video" else 1.0)
    return weight * math.sqrt(min(packet_rate_ratio, 1.0))


def packet_score(round_trip_seconds: float, jitter_seconds: float, loss_ratio: float, weight: float) -> float:
    """0-100 from the window's largest round trip and jitter, and its loss (lost - missing - out of order)."""
    effective_ms = 1000 * (round_trip_seconds / 2 + 2 * jitter_seconds)
    delay = (effective_ms - 120) / 10 if effective_ms > 160 else effective_ms / 40
    return max(0.0, BEST - delay - 100 * loss_ratio * weight)


def bitrate_score(actual_bps: float, expected_bps: float) -> float:
    """0-100: full at the expected bitrate, 80 at 1/2.7, 40 at 1/20 of it. Nothing expected is full marks."""
    if expected_bps <= 0:
        return BEST
    if actual_bps <= 0:
        return 0.0
    return min(max(BEST - 20 * math.log(expected_bps / actual_bps), 0.0), BEST)


def layer_score(distance: float) -> float:
    """0-100 from the mean number of spatial layers below the wanted one."""
    return min(max(BEST - 35 * distance, 0.0), BEST)


def smoothed(previous: float, window: float) -> float:
    """The score after a window that had packets: it falls fast, rises slowly, and ends at 30. Streams begin at 100."""
    factor = FALLING if window < previous else RISING
    return max(FLOOR, factor * window + (1 - factor) * previous)


def quality(score: float) -> str:
    """The word that LiveKit's clients show."""
    return next((word for word, above in (("excellent", 80), ("good", 40), ("poor", 20)) if score > above), "lost")


def mos(score: float) -> float:
    """MOS of a score of 0-100, by the E-model's cubic."""
    return limited(score)
