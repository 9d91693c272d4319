"""Decodes one video stream and reads its pictures: runs on a decoder thread, one stream always on the same one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from probe.media.decoder import VideoDecoder
from probe.media.picture import PictureReading, PictureScorer
from probe.rtc.clock import Clock

if TYPE_CHECKING:
    from av import VideoFrame

    from probe.media.video import EncodedVideo


@dataclass(frozen=True, slots=True)
class Decoded:
    """`decoded_at`: monotonic seconds. `reading` None: the data gave no picture. `picture` is kept for sampling only."""

    decoded_at: float
    reading: PictureReading | None
    picture: VideoFrame | None


class StreamDecoder:
    """`content` is what the sender is known to send; None (a foreign sender): pictures are decoded, not rated."""

    def __init__(self, codec: str, content: EncodedVideo | None, clock: Clock) -> None:
        self._decoder = VideoDecoder(codec)
        self._scorer = PictureScorer(content) if content is not None else None
        self._clock = clock

    def decode(self, data: bytes) -> Decoded:
        """One assembled frame."""
        pictures = self._decoder.decode(data)
        decoded_at = self._clock.now()
        if not pictures:
            return Decoded(decoded_at, None, None)
        picture = pictures[-1]
        reading = (
            self._scorer.score(picture) if self._scorer is not None else PictureReading(None, None, None, None, False)
        )
        return Decoded(decoded_at, reading, picture)
