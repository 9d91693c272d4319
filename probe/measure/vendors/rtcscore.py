"""rtcscore's audio and video MOS, also found in code derived from it.

Source: ggarber/rtcscore, rtc_mos.js. Scale: clamped to 1-5; audio reaches 4.5. The library rounds to 0.01, not here.

Known defects:
- audio: operator precedence in the delay term, `0.1 * delay - 150` for 0.1 * (delay - 150): beyond 150 ms the
  impairment is about -130, which R's clamp at 100 turns into MOS 4.5 whatever the loss, until about 1 s. (Some
  versions square the difference instead.)
- video: logarithmic regression whose data is not published; knows neither loss nor freezes, and a frame rate above the
  expected one adds to the score.
"""

from __future__ import annotations

import math

from probe.measure.vendors.cubic import polynomial

CEILING = 5.0
DEFAULT_AUDIO_BUFFER_SECONDS = 0.05


def audio_mos(
    round_trip_seconds: float,
    loss_ratio: float,
    *,
    buffer_seconds: float = DEFAULT_AUDIO_BUFFER_SECONDS,
    bitrate_bps: float | None = None,
    fec: bool = True,
    dtx: bool = False,
) -> float:
    """MOS by R = 100 - Ie,eff - Id. Without a bitrate Ie is 6, with DTX 8."""
    delay_ms = 20 + 1000 * (buffer_seconds + round_trip_seconds / 2)
    codec = 8.0 if dtx else 6.0
    if bitrate_bps is not None and not dtx:
        codec = min(max(55 - 4.6 * math.log(bitrate_bps), 0.0), 30.0)
    percent = 100 * loss_ratio
    loss = codec + (100 - codec) * percent / (percent + (20 if fec else 10))
    delay = 0.03 * delay_ms + (0.1 * delay_ms - 150 if delay_ms > 150 else 0.0)
    return min(max(polynomial(min(max(100 - loss - delay, 0.0), 100.0)), 1.0), CEILING)


def video_mos(
    bitrate_bps: float,
    pixels: int,
    frames_per_second: float,
    *,
    expected_frames_per_second: float | None = None,
    delay_seconds: float = 0.0,
    codec: str = "VP8",
) -> float:
    """MOS from bits per pixel and frame (VP9's count 1.2 times), less for missing frames and delay (buffer + RTT/2)."""
    bits = (1.2 if codec.upper() == "VP9" else 1.0) * bitrate_bps / (pixels * frames_per_second)
    base = min(max(0.56 * math.log(bits) + 5.36, 1.0), 5.0)
    missing = 1.9 * math.log((expected_frames_per_second or frames_per_second) / frames_per_second)
    return min(max(base - missing - 2 * delay_seconds, 1.0), CEILING)
