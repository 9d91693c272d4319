"""mediasoup's score of a stream, 0 to 10, from loss and its repair.

Source: versatica/mediasoup, worker RtpStreamRecv.cpp, UpdateScore. Scale: whole numbers 0 to 10.

Known defects:
- the share is of received, not of expected packets: at 50 % loss it is already 0;
- knows loss only: no delay, jitter, bitrate or codec, and audio as video;
- a stream that sends nothing scores 10.
The library counts in whole packets; this takes their ratios, so tiny windows may differ by one.
"""

from __future__ import annotations

import math

CEILING = 10


def score(loss_ratio: float, repaired_ratio: float = 0.0, retransmitted_ratio: float | None = None) -> int:
    """10 (1 - lost' / received)^4. All ratios are of expected packets; `loss_ratio` is loss before repair,
    `repaired_ratio` of them came by retransmission (at most the loss), `retransmitted_ratio` came again at all.
    """
    received = 1 - loss_ratio
    if received <= 0:
        return 0
    lost = min(loss_ratio, received)
    repaired = min(repaired_ratio, lost)
    weight = (1 / (repaired / received + 1)) ** 4
    if retransmitted_ratio:
        weight *= repaired / max(retransmitted_ratio, repaired)
    return math.floor(10 * (1 - (lost - repaired * weight) / received) ** 4 + 0.5)
