"""What a view keeps of one stream that it perceives."""

from __future__ import annotations

import math

from probe.client.context import Context
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

    def window(self, now: float, round_trip: float | None) -> None:
        """A second has passed."""
        if self.listening is not None:
            self.listening.window(now, round_trip)
        if self.foreign is not None:
            self.foreign.window()

    def finish(self) -> None:
        """The stream is over. What still comes counts for nothing."""
        self.skimmed = None
        if self.listening is not None:
            self.listening.finish()
        if self.foreign is not None:
            self.foreign.finish()


def perceive(context: Context, who: str, remote: str, topology: str, kind: str, codec: str) -> Perceived:
    """A stream that begins, with all that looks at one like it."""
    stream = Perceived()
    if kind == "audio":
        stream.listening = Listening(context, who, remote, topology)
        return stream
    ours = remote in context.captures
    if context.depth == "pictures":
        stream.decoder = StreamDecoder(codec, context.video if ours else None, context.clock)
    if not ours:
        stream.foreign = Foreign(context, who, remote, topology, codec)
    return stream
