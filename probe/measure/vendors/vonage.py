"""Vonage's audio and video scores of its network test.

Source: opentok-network-test-js, subscriberMOS.ts. Scale: MOS, 1 to 4.5; audio reaches 4.30 at best.

Known defects:
- audio: a shadowed variable keeps the measured round trip away from the formula: the delay is always 150 + 30 ms, so
  no delay ever lowers a score;
- audio: losing every packet still scores 1.28;
- video: knows bitrate and size only (no frame rate, freezes, loss or codec), and is capped at 4.5 just below target.
"""

from __future__ import annotations

import math

from probe.measure.vendors.cubic import limited

VIDEO_CEILING = 4.5
_DELAY_MS = 150 + 30
_LOWEST_BPS = 30_000


def audio_mos(loss_ratio: float) -> float:
    """MOS by R = 93.2 - Id(180 ms) - 19.8 ln(1 + 29.7 p), the pre-2010 form of the simplified E-model."""
    over = _DELAY_MS - 177.3
    delay = 0.024 * _DELAY_MS + 0.11 * over * (over >= 0)
    return limited(93.2 - delay - 19.8 * math.log(1 + 29.7 * loss_ratio))


def target_bps(pixels: int) -> float:
    """The bitrate that gives full marks to pictures of so many pixels (a curve through Vonage's own settings)."""
    return float(10 ** (2.069924867 * math.log10(pixels) ** 0.6250223771))


def video_mos(bitrate_bps: float, pixels: int) -> float:
    """1 below 30 kbit/s, then 1 to 5 linear in the logarithm of the bitrate up to the target, capped at 4.5."""
    if bitrate_bps < _LOWEST_BPS:
        return 1.0
    target = target_bps(pixels)
    if min(bitrate_bps, target) == target:
        return VIDEO_CEILING
    return min(VIDEO_CEILING, 4 * math.log(bitrate_bps / _LOWEST_BPS) / math.log(target / _LOWEST_BPS) + 1)


AUDIO_LOWEST, AUDIO_CEILING = audio_mos(1.0), audio_mos(0.0)
