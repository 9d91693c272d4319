"""What a view keeps of one stream that it perceives."""

from __future__ import annotations

from probe.client.listening import Listening
from probe.client.skimming import Skimmed
from probe.client.stream_decoder import StreamDecoder
from probe.wire.rtp import TimestampUnwrapper


class Perceived:
    """One kind of media on one path. `media`: packets of audio, or frames of video, that came."""

    def __init__(self) -> None:
        self.unwrap = TimestampUnwrapper()
        self.listening: Listening | None = None
        self.decoder: StreamDecoder | None = None
        self.keyframe_seen = False
        self.media = 0
        self.skimmed: Skimmed | None = None
