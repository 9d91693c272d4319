"""ITU-T G.1070: video quality of a planned videophone service, from bitrate, frame rate and loss.

A planning model of 2007-2018, for three small displays and two codecs; neither VP8, VP9 and AV1 nor HD have coefficient
sets. A named cross-check: our estimate for undecoded streams is `estimated_video`, which is fitted to our own content.
By design it is not monotonic in the frame rate: at a low bitrate fewer frames score higher.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Coefficients:
    """v1 to v12 of one codec, picture size and display; `source` says how well they are known."""

    name: str
    source: str
    v: tuple[float, ...]

    @property
    def ceiling(self) -> float:
        """1 + v3: MOS at endless bitrate and the best frame rate."""
        return 1 + self.v[2]


_UNCHECKED = "G.1070 Appendix I, quoted without the Recommendation at hand"

H264_VGA = Coefficients(
    "H.264, VGA, 9.2 inch",
    "found alike in two public implementations",
    (5.517, 0.0129, 3.459, 178.53, 1.02, 1.15, 0.000355, 0.114, 513.77, 0.736, -6.451, 13.684),
)
MPEG4_QVGA = Coefficients(
    "MPEG-4, QVGA, 4.2 inch",
    _UNCHECKED,
    (1.431, 0.02228, 3.759, 184.1, 1.161, 1.446, 0.0003881, 2.116, 467.4, 2.736, 15.28, 4.170),
)
MPEG4_QQVGA = Coefficients(
    "MPEG-4, QQVGA, 2.1 inch",
    _UNCHECKED,
    (7.160, 0.02215, 3.461, 111.9, 2.091, 1.382, 0.0005881, 0.8401, 113.9, 6.047, 46.87, 10.87),
)


def mos(
    bitrate_bps: float, frames_per_second: float, loss_ratio: float = 0.0, coefficients: Coefficients = H264_VGA
) -> float:
    """Video quality Vq, 1 to `coefficients.ceiling`: 1 + Icoding exp(-Ppl / DPpl) (G.1070, video quality function).

    `bitrate_bps` above 0, `frames_per_second` from 1 (below, the loss term has no meaning), `loss_ratio` of packets 0-1.
    """
    coding = _coding(bitrate_bps / 1000, frames_per_second, coefficients.v)
    return 1 + coding * math.exp(-100 * loss_ratio / _robustness(bitrate_bps / 1000, frames_per_second, coefficients.v))


def _coding(kbps: float, fps: float, v: tuple[float, ...]) -> float:
    """Icoding: what coding leaves, 0-4, best at the frame rate Ofr that suits the bitrate."""
    best_fps = min(max(v[0] + v[1] * kbps, 1.0), 30.0)
    at_best = min(max(v[2] - v[2] / (1 + math.pow(kbps / v[3], v[4])), 0.0), 4.0)
    width = v[5] + v[6] * kbps
    return at_best * math.exp(-(math.log(fps / best_fps) ** 2) / (2 * width * width))


def _robustness(kbps: float, fps: float, v: tuple[float, ...]) -> float:
    """DPplv: the loss, in percent, that takes the quality to 1/e."""
    return v[9] + v[10] * math.exp(-fps / v[7]) + v[11] * math.exp(-kbps / v[8])
