"""Freezes of rendered video, by libwebrtc's rule (video_quality_observer2), which W3C webrtc-stats describes.

An interval between two frames is a freeze when it is at least max(3 · avg, avg + 150 ms), avg being the mean of the last 30
intervals, this one included, rounded down to milliseconds, once there are five of them. Its whole length is frozen time.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from probe.measure.frame_clock import FrameClock, FrameRhythm

WINDOW = 30
MIN_INTERVALS = 5
MIN_INCREASE = 150
"""Milliseconds."""


class FreezeDetector:
    """One rendered stream. Times in seconds; they are rounded to milliseconds first, as libwebrtc's are."""

    def __init__(self) -> None:
        self._clock = FrameClock()
        self._intervals: deque[int] = deque(maxlen=WINDOW)
        self._last: int | None = None
        self._paused = False
        self._frozen = 0
        self._paused_for = 0
        self.count = 0
        self.pause_count = 0

    def on_frame(self, render_time: float) -> bool:
        """A frame was rendered. True if the interval that it ended was a freeze. A time before the last one counts as
        the same instant."""
        last, time = self._last, round(render_time * 1000)
        self._last = time = time if last is None else max(time, last)
        self._clock.on_frame(render_time)
        if last is None:
            self._paused = False
            return False
        if self._paused:
            self._paused = False
            self.pause_count += 1
            self._paused_for += time - last
            return False
        return self._on_interval(time - last)

    def on_frames(self, render_times: NDArray[np.float64]) -> list[int]:
        """`on_frame` for each, in this order: the places of those that ended a freeze."""
        first = int(self._last is None or self._paused)  # one that can't
        if first and len(render_times):
            self.on_frame(render_times.item(0))
        rest = render_times[1:] if first else render_times
        if self._last is None or not len(rest):
            return []
        self._clock.on_frames(rest)
        intervals = self._measure(rest, self._last)
        if max(intervals) < MIN_INCREASE:  # then no average makes a freeze of any of them
            self._intervals.extend(intervals)
            return []
        return [place for place, interval in enumerate(intervals, first) if self._on_interval(interval)]

    def _measure(self, times: NDArray[np.float64], last: int) -> list[int]:
        """Milliseconds between frames, of which the one before them was at `last`."""
        instants = np.empty(len(times) + 1, np.int64)
        instants[0], instants[1:] = last, np.rint(times * 1000)
        instants = np.maximum.accumulate(instants)
        self._last = instants.item(-1)
        intervals: list[int] = (instants[1:] - instants[:-1]).tolist()
        return intervals

    def _on_interval(self, interval: int) -> bool:
        """Milliseconds between two frames."""
        self._intervals.append(interval)
        frozen = self._is_freeze(interval, len(self._intervals), sum(self._intervals))
        if frozen:
            self.count += 1
            self._frozen += interval
        return frozen

    def pause(self) -> None:
        """The stream stopped on purpose (muted, disabled): the interval up to the next frame is a pause, no freeze, and
        no part of the averages."""
        self._paused = True
        self._clock.skip()

    @property
    def total_seconds(self) -> float:
        """Frozen time of all freezes that have ended."""
        return self._frozen / 1000

    @property
    def paused_seconds(self) -> float:
        return self._paused_for / 1000

    def open_freeze(self, now: float) -> float:
        """Seconds of a freeze that is going on now: the time since the last frame, if a frame at this moment would end a
        freeze, else 0. libwebrtc never counts a freeze that no frame ends; a report that ends within one has to."""
        if self._last is None or self._paused:
            return 0.0
        interval = round(now * 1000) - self._last
        kept = list(self._intervals)[-(WINDOW - 1) :]
        return interval / 1000 if self._is_freeze(interval, len(kept) + 1, sum(kept) + interval) else 0.0

    @property
    def watched_seconds(self) -> float:
        """Time between the first and the last frame, without pauses."""
        return self._clock.rhythm().total_seconds

    @property
    def freeze_ratio(self) -> float:
        """Frozen of watched time, 0–1."""
        watched = self.watched_seconds
        return min(1.0, self.total_seconds / watched) if watched > 0 else 0.0

    @property
    def rhythm(self) -> FrameRhythm:
        """Frame rate and harmonic frame rate, pauses left out."""
        return self._clock.rhythm()

    @property
    def harmonic_frame_rate(self) -> float:
        return self._clock.rhythm().harmonic_frame_rate

    @staticmethod
    def _is_freeze(interval: int, count: int, total: int) -> bool:
        if count < MIN_INTERVALS:
            return False
        average = total // count
        return interval >= max(3 * average, average + MIN_INCREASE)
