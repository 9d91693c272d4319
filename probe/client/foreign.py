"""A video stream whose sender is not ours: what its pictures are, and when they were captured, if it carries a clock."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from probe.client.context import Context
from probe.client.skimming import Media
from probe.measure.assembly import Frame
from probe.measure.capture_clock import WHY_NOT, CaptureClock, Captured
from probe.measure.observed import CLOCK, FOREIGN
from probe.measure.timeline import TOLERANCE

if TYPE_CHECKING:
    from av import VideoFrame

_MOST_SIZES = 4
"""That are named: a sender that changes all the time would fill the page."""


class Foreign:
    """One stream of `remote` as `who` receives it, on one path. `clock` is to be told what the stream says of its capture times.

    There is no source to compare its pictures with, so they are not rated; and no frame ID, so lost frames are not counted.
    """

    def __init__(self, context: Context, who: str, remote: str, topology: str, codec: str) -> None:
        self.clock = CaptureClock()
        self._context = context
        self._who = who
        self._remote = remote
        self._codec = codec
        self._tags = {"topology": topology, "kind": "video"}
        self._sizes: dict[tuple[int, int], None] = {}
        self._shown = self._skimmed = 0
        self._last: Captured | None = None
        self._told = math.nan
        self._source = ""
        self._error = 0.0

    @property
    def pictures(self) -> tuple[str, int, int] | None:
        """Codec, width and height; None before the first picture, and where they changed."""
        if len(self._sizes) != 1:
            return None
        [(width, height)] = self._sizes
        return self._codec, width, height

    def identity(self, frame: Frame) -> float | None:
        """The capture by the stream's own clock, as our monotonic seconds would be if that clock were ours. It tells a frame from
        another on whatever path it comes; None where the stream does not tell, and where its clock stands: a camera that always
        says 0, or counts in whole seconds, sends new pictures all the same."""
        told = self.clock.told(frame.timestamp)
        captured = frame.capture_time if told is None else self._context.clock.from_ntp(told)
        before, self._told = self._told, math.nan if captured is None else captured
        return None if abs(self._told - before) <= TOLERANCE else captured

    def identities(self, media: Media) -> NDArray[np.float64]:
        """The same of whole frames of which only headers were read: where nothing is told, the arrival."""
        stands = np.abs(np.diff(media.capture, prepend=self._told)) <= TOLERANCE
        self._told = media.capture.item(-1)
        return np.where(stands, media.arrival, media.identity)

    def on_shown(self, frame: Frame, picture: VideoFrame | None, seen: float) -> None:
        """A new frame was there at `seen` (monotonic)."""
        self._shown += 1
        if picture is not None and len(self._sizes) < _MOST_SIZES:
            self._sizes[picture.width, picture.height] = None
        clock = self._context.clock
        captured = self._last = self.clock.at(frame.timestamp, clock.to_ntp(seen))
        if captured is None:
            return
        self._source, self._error = captured.source, max(self._error, captured.error)
        delay = max(0.0, seen - clock.from_ntp(captured.time))
        self._context.emit("one_way_delay_seconds", delay, self._tags, who=self._who, remote=self._remote)

    def on_skimmed(self, count: int) -> None:
        """New frames of which only headers were read: their clock is not looked at."""
        self._skimmed += count

    def window(self) -> None:
        """A second has passed."""
        if self._last is not None:
            tags = {"source": self._last.source}
            self._context.emit(
                "capture_clock_error_seconds", self._last.error, tags, who=self._who, remote=self._remote
            )
        self._last = None

    def finish(self) -> None:
        """The stream is over."""
        if not self._shown and not self._skimmed:
            return
        source = "headers" if self._skimmed else self._source or self.clock.source
        tags = {"source": source}
        self._context.emit("capture_clock_ratio", bool(self._source), tags, who=self._who, remote=self._remote)
        sizes = [f"{width}×{height}" for width, height in self._sizes]
        self._context.observed[FOREIGN + " ".join([self._codec, ", ".join(sizes)]).strip()] += 1
        self._context.observed[CLOCK + (_method(source, self._error) if self._source else WHY_NOT[source])] += 1


def _method(source: str, error: float) -> str:
    """In words, with the largest error: up to the next of 1, 2, 5, 10, 20 … ms, so that streams of one kind read alike."""
    milliseconds = max(error * 1000, 1.0)
    power = 10.0 ** math.floor(math.log10(milliseconds))
    bound = next(step * power for step in (1, 2, 5, 10) if step * power >= milliseconds - 1e-9)
    clock = "can't be told from ours" if source == "synchronised" else "is set against ours by its sender reports"
    return f"by abs-capture-time; the sender's clock {clock}, ± {bound:g} ms"
