"""What a codec costs on the E-models' scales: Ie (impairment without loss) and Bpl (robustness to loss) by bitrate.

No Recommendation gives Opus. Its figures are those of M. Al-Ahmadi, P. Pocta, H. Melvin (ACM TOMM 2021, doi
10.1145/3458751; the table Opus_emodel.js, MIT licence), derived with an instrumental model: narrowband for G.107,
wideband for G.107.1, superwideband for G.107.2. The others are G.113's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Band = Literal["nb", "wb", "swb"]
RateControl = Literal["vbr", "cbr"]


@dataclass(frozen=True, slots=True)
class Robustness:
    """`bpl_bursty` already contains typical bursts: with it the burst ratio is 1, with `bpl` it is the measured one."""

    ie: float
    bpl: float
    bpl_bursty: float


_Row = tuple[int, float, float, float]

_OPUS: dict[tuple[Band, RateControl], tuple[_Row, ...]] = {  # kbit/s, Ie, Bpl random, Bpl bursty
    ("swb", "vbr"): (
        (14, 38.06, 16.51, 9.13),
        (15, 34.12, 15.0, 7.9),
        (16, 30.16302131, 11.83, 10.06),
        (19, 23.80720462, 10.67, 8.92),
        (22, 20.22332357, 10.47, 8.57),
        (25, 20.20905481, 11.28, 9.18),
        (28, 18.47734739, 10.63, 8.91),
        (31, 16.82867498, 10.44, 8.82),
        (34, 14.75893036, 10.12, 8.54),
        (37, 12.07782849, 10.38, 8.30),
        (40, 10.66596559, 9.79, 8.04),
    ),
    ("swb", "cbr"): (
        (16, 36.88067115, 13.30, 10.80),
        (19, 29.58016175, 10.74, 8.93),
        (22, 23.38003477, 10.01, 8.46),
        (25, 22.64371205, 10.57, 8.74),
        (28, 23.65242842, 11.67, 9.98),
        (31, 21.74245539, 11.51, 9.58),
        (34, 20.62029481, 11.78, 9.69),
        (37, 16.22868955, 10.62, 8.99),
        (40, 15.89845959, 11.35, 9.37),
    ),
    ("wb", "vbr"): (
        (11, 28.41322299, 23.93979569, 20.11987374),
        (12, 23.29505705, 22.2151863, 18.90376092),
        (13, 19.958882, 19.49608704, 16.91955649),
    ),
    ("wb", "cbr"): (
        (12, 29.76435108, 24.80947978, 20.77703993),
        (13, 26.16108167, 23.0047189, 19.372252),
        (14, 20.77194577, 17.5623101, 15.84824707),
        (15, 18.06274989, 18.73740804, 16.09740659),
    ),
    ("nb", "vbr"): (
        (6, 23.00233478, 24.5644848, 15.35503534),
        (7, 21.25545861, 22.45885046, 14.42549516),
        (8, 16.02443357, 20.25866692, 13.47963008),
        (9, 11.73674352, 18.90829837, 12.44222463),
    ),
    ("nb", "cbr"): (
        (6, 46.26834316, 8.939710714, 5.655040056),
        (7, 31.73480382, 18.17914283, 11.76446295),
        (8, 19.24547807, 15.12823436, 10.1315844),
        (9, 13.20879771, 17.23921027, 11.36427122),
        (10, 6.197366255, 15.32972957, 10.47043983),
        (11, 2.030115291, 15.95164784, 10.73313709),
    ),
}

G711_WITH_CONCEALMENT = Robustness(ie=0.0, bpl=25.1, bpl_bursty=25.1)
"""G.113 Appendix I: G.711 with packet-loss concealment, which every WebRTC receiver has."""

_G722_IE_WB = ((48, 31.0), (56, 20.0), (64, 13.0))
G722_BPL_WB = 4.3


def opus(bitrate_bps: float, band: Band = "swb", rate_control: RateControl = "vbr") -> Robustness:
    """Opus at a bitrate: linear between the table's rows and constant beyond them (the scale was never fitted there).

    WebRTC sends fullband VBR, which is the default; the other tables belong to the narrower E-models.
    """
    rows = _OPUS[band, rate_control]
    kbps = bitrate_bps / 1000
    below = max((row for row in rows if row[0] <= kbps), default=rows[0])
    above = min((row for row in rows if row[0] >= kbps), default=rows[-1])
    share = (kbps - below[0]) / (above[0] - below[0]) if above[0] > below[0] else 0.0
    ie, bpl, bursty = (low + share * (high - low) for low, high in zip(below[1:], above[1:], strict=True))
    return Robustness(ie, bpl, bursty)


def opus_range_bps(band: Band = "swb", rate_control: RateControl = "vbr") -> tuple[float, float]:
    """Lowest and highest bitrate that the table was fitted for."""
    rows = _OPUS[band, rate_control]
    return 1000.0 * rows[0][0], 1000.0 * rows[-1][0]


def g722(bitrate_bps: float) -> Robustness:
    """G.722 on the wideband scale: the next lower of its three modes (G.113). Its Bpl is not published: the E-model's
    default, which is on the pessimistic side."""
    kbps = bitrate_bps / 1000
    ie = max((row for row in _G722_IE_WB if row[0] <= kbps), default=_G722_IE_WB[0])[1]
    return Robustness(ie, G722_BPL_WB, G722_BPL_WB)
