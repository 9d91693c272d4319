"""What one participant sees of another while one topology carries it: pictures, freezes, frame rate, the score."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from probe.client.context import Context
from probe.measure.estimated_video import estimated_video_score
from probe.measure.frame_seconds import FrameSeconds
from probe.measure.video_quality import VideoQuality
from probe.native.analysis import frame_clock


class Watching:
    """One stretch of watching. Feed it every *new* frame, in the order of display; `finish` emits what it amounts to.

    Frames are timed by their complete arrival, not by our decoder: a busy generator is not a frozen meeting.
    """

    def __init__(self, context: Context, who: str, remote: str, topology: str) -> None:
        self.topology = topology
        self.last_mos: float | None = None
        self.began: float | None = None
        """Monotonic seconds of its first frame."""
        self.pictures: tuple[str, int, int] | None = None
        """Codec, width and height of a stream that is not ours, if all its pictures are alike."""

        self._context = context
        self._who = who
        self._remote = remote
        self.video_tags = {"topology": topology, "kind": "video"}
        self._tags = {"topology": topology}
        self._clock = frame_clock()
        self._seconds = FrameSeconds()
        self._quality = VideoQuality()
        self._frames = 0
        self._freezes = 0
        self._frozen = 0.0
        self._watched = 0.0
        self._bytes = 0
        self._ticks: tuple[int, int] | None = None
        self._unread = self._wrong = self._read = 0
        self._next_second: int | None = None
        self._finished = False

    def on_interval(self, start: float, end: float, *, frozen: bool) -> None:
        """The picture of `start` stood until `end` (monotonic seconds)."""
        duration = max(0.0, end - start)
        self._watched += duration
        if frozen:
            self._freezes += 1
            self._frozen += duration
            self._quality.add_frozen(start - self._context.epoch, duration)
        elif self.last_mos is not None:
            self._quality.add_displayed(start - self._context.epoch, duration, self.last_mos)
        self._tell_seconds(end - self._context.epoch)

    def on_frame(self, shown: float, tick: int | None, mos: float | None, size: int) -> None:
        """A new frame was complete at `shown`. `tick`: the sender's number of it, `mos`: of the picture, if known; `size`:
        its bytes, 0 where they are not known."""
        self.began = shown if self.began is None else self.began
        self._bytes += size
        self._clock.on_frame(shown)
        self._tell_rates(self._seconds.on_frame(shown))
        self._frames += 1
        self.last_mos = mos if mos is not None else self.last_mos
        if tick is not None:
            low, high = self._ticks or (tick, tick)
            self._ticks = (min(tick, low), max(tick, high))

    def on_frames(self, last: float | None, shown: NDArray[np.float64], frozen: Sequence[int], size: int) -> None:
        """New frames that nobody decodes, of `size` bytes together: `on_interval` and `on_frame` for each. `shown` does not
        fall; `last`: when the frame before them was shown; `frozen`: the places of those that ended a freeze."""
        first = shown.item(0)
        start = first if last is None else min(last, first)
        moving = shown.item(-1) - start
        for place in frozen:
            begin, end = shown.item(place - 1) if place else start, shown.item(place)
            moving -= end - begin
            self.on_interval(begin, end, frozen=True)
        self._watched += max(0.0, moving)
        self._bytes += size
        self._frames += len(shown)
        self._clock.on_frames(shown)
        self._tell_rates(self._seconds.on_frames(shown.tolist()))

    def stood_until(self, end: float) -> None:
        """No new frame came any more until then."""
        self._tell_rates(self._seconds.stood_until(end))

    def _tell_rates(self, rates: Sequence[float]) -> None:
        """Of the seconds that are over."""
        for rate in rates:
            self._emit("window_frame_rate", rate)
            self._emit("stream_available_ratio", rate >= 1.0)

    def on_reading(self, *, read: bool, plausible: bool) -> None:
        """A picture was decoded: could its ID be read, and was it one that the sender sent lately?"""
        self._read += read and plausible
        self._unread += not read
        self._wrong += read and not plausible

    def _tell_seconds(self, now: float) -> None:
        """Emit the picture MOS of each full second of the run that has passed."""
        second = math.floor(now)
        if self._next_second is None:
            self._next_second = second + 1  # the first one is not whole
        if second <= self._next_second:
            return
        for quality in self._quality.series():
            if self._next_second <= quality.second < second and quality.picture_mos is not None:
                self._context.emit("video_mos", quality.picture_mos, self._tags, who=self._who, remote=self._remote)
        self._next_second = second

    def mean_mos(self, start: float, end: float) -> float | None:
        """Mean score of the full seconds within [start, end] (monotonic)."""
        return self._quality.mean_between(start - self._context.epoch, end - self._context.epoch)

    def lowest_mos(self, start: float, end: float) -> float | None:
        """Lowest score of the seconds that [start, end] (monotonic) touches."""
        return self._quality.lowest_second(start - self._context.epoch, end - self._context.epoch)

    def finish(self) -> None:
        """Emit the stretch. Nothing where fewer than two frames were seen."""
        if self._finished or self._frames < 2:
            return
        self._finished = True
        rhythm = self._clock.rhythm()
        self._emit("frame_rate", rhythm.frame_rate)
        self._emit("harmonic_frame_rate", rhythm.harmonic_frame_rate)
        self._emit("freeze_count", self._freezes)
        self._emit("freeze_ratio", self._frozen / self._watched if self._watched > 0 else None)
        if self._ticks is not None:
            self._emit("frames_lost", max(0, self._ticks[1] - self._ticks[0] + 1 - self._frames))
        decoded = self._read + self._unread + self._wrong
        if decoded:
            self._emit("frame_id_unread_ratio", self._unread / decoded)
            self._emit("frame_id_wrong", self._wrong)
        self._emit("video_quality_score", self._quality.score)
        if self.last_mos is None:
            self._estimate(rhythm.frame_rate)

    def _estimate(self, frame_rate: float) -> None:
        """Nothing was compared with its source: what bitrate, size and frame rate let expect. Of somebody else's stream they must
        lie within what the estimate was fitted to."""
        content = self._context.video if self._remote in self._context.captures else None
        ours = (content.spec.codec, content.spec.width, content.spec.height) if content is not None else None
        sent = ours or self.pictures
        if sent is None or not self._bytes or not self._watched or not frame_rate:
            return
        codec, width, height = sent
        found = estimated_video_score(
            codec,
            self._bytes * 8 / self._watched,
            width,
            height,
            frame_rate,
            frozen_seconds=min(self._frozen, self._watched),
            duration_seconds=self._watched,
        )
        if ours is not None or not found.note:
            self._emit("video_score_estimated", found.score)

    def _emit(self, metric: str, value: float | None) -> None:
        if value is not None:
            self._context.emit(metric, value, self._tags, who=self._who, remote=self._remote)
