"""What a view keeps of one stream that it perceives."""

from __future__ import annotations

import math

from probe.client.foreign import Foreign
from probe.client.listening import Listening
from probe.client.skimming import Skimmed
from probe.client.stream_decoder import StreamDecoder
from probe.measure.recognition import STEADY
from probe.wire.rtp import TimestampUnwrapper


class Perceived:
    """One kind of media on one path. `media`: packets of audio, or frames of video, that came; `since`: when they began to come
    without a pause; `last`: when the last one came (monotonic seconds)."""

    def __init__(self) -> None:
        self.unwrap = TimestampUnwrapper()
        self.listening: Listening | None = None
        self.decoder: StreamDecoder | None = None
        self.keyframe_seen = False
        self.media = 0
        self.skimmed: Skimmed | None = None
        self.foreign: Foreign | None = None
        self.since = self.last = -math.inf

    def came(self, first: float, last: float, count: int) -> bool:
        """So many more, between these times. Whether they are the first of all."""
        if first - self.last >= STEADY:
            self.since = first
        self.last = max(self.last, last)
        self.media += count
        return self.media == count
