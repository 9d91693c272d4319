"""sipwise rtpengine's MOS for Opus: G.107.2 with other constants.

Source: sipwise/rtpengine, daemon/ssrc.c, mos_calc_fb. Scale: MOS, 1 to 4.41 (the cubic ends at 4.5). Listening quality
(`--mos=LQ`) here: no delay.

Known defects: Ie 10.2 is EVS's at 48 kbit/s, and Bpl 4.3 G.107's default for codecs without concealment: far too
pessimistic for Opus (2 % loss 3.45; EVS with its own Bpl 3.98). No burst ratio, though G.107.2 has one.
"""

from __future__ import annotations

from probe.measure.emodel import g107_2, mos_from_r

OPUS_IE, OPUS_BPL = 10.2, 4.3


def mos_lq(loss_ratio: float) -> float:
    """Fullband MOS-LQ of Opus."""
    return mos_from_r(g107_2(ie=OPUS_IE, bpl=OPUS_BPL, loss_ratio=loss_ratio) / 1.48)


CEILING = mos_lq(0.0)
