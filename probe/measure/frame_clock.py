"""The rhythm of a stream of frames: rate, harmonic rate, longest interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FrameRhythm:
    """Intervals between frames: how many, their sum and sum of squares (seconds), the longest. Windows subtract."""

    frames: int = 0
    intervals: int = 0
    total_seconds: float = 0.0
    total_squared: float = 0.0
    longest_seconds: float = 0.0

    @property
    def frame_rate(self) -> float:
        """Frames per second over the watched intervals, 0 before the second frame."""
        return self.intervals / self.total_seconds if self.total_seconds > 0 else 0.0

    @property
    def harmonic_frame_rate(self) -> float:
        """sum(d) / sum(d²): what a random instant sees, falling with irregularity (as in libwebrtc's observers)."""
        return self.total_seconds / self.total_squared if self.total_squared > 0 else 0.0

    @property
    def interval_variance(self) -> float:
        """(sum(d²) − sum(d)²/n) / n, in s² (W3C webrtc-stats, totalSquaredInterFrameDelay)."""
        if not self.intervals:
            return 0.0
        return max(0.0, (self.total_squared - self.total_seconds**2 / self.intervals) / self.intervals)

    def since(self, earlier: FrameRhythm) -> FrameRhythm:
        """The window between two rhythms of one clock. Its longest interval is unknown unless it is the new longest."""
        new_longest = self.longest_seconds if self.longest_seconds > earlier.longest_seconds else 0.0
        return FrameRhythm(
            self.frames - earlier.frames,
            self.intervals - earlier.intervals,
            self.total_seconds - earlier.total_seconds,
            self.total_squared - earlier.total_squared,
            new_longest,
        )


class FrameClock:
    """Sums up the intervals between frames, at `on_frame`'s times in seconds."""

    __slots__ = ("_frames", "_intervals", "_last", "_longest", "_squares", "_sum")

    def __init__(self) -> None:
        self._last: float | None = None
        self._frames = self._intervals = 0
        self._sum = self._squares = self._longest = 0.0

    def on_frame(self, time: float) -> float | None:
        """A frame came. Returns the interval since the one before, None for the first and after `skip`. A time before the
        last one counts as the same instant: arrival stamps of two sources can cross by microseconds."""
        last, self._last = self._last, time if self._last is None else max(time, self._last)
        self._frames += 1
        if last is None:
            return None
        interval = self._last - last
        self._intervals += 1
        self._sum += interval
        self._squares += interval * interval
        self._longest = max(self._longest, interval)
        return interval

    def on_frames(self, times: NDArray[np.float64]) -> None:
        """`on_frame` for each, in this order."""
        if self._last is None and len(times):
            self.on_frame(times.item(0))
            times = times[1:]
        if self._last is not None:
            self._frames += len(times)
            self._intervals += len(times)
            self._sum_up(times, self._last)

    def _sum_up(self, times: NDArray[np.float64], last: float) -> None:
        """The intervals of frames that follow on one at `last`."""
        total, squares, longest = self._sum, self._squares, self._longest
        for time in times.tolist():
            interval = 0.0
            if time > last:
                interval, last = time - last, time
            total += interval
            squares += interval * interval
            if interval > longest:
                longest = interval
        self._last = last
        self._sum, self._squares, self._longest = total, squares, longest

    def skip(self) -> None:
        """Leave out the interval up to the next frame: the stream was paused on purpose."""
        self._last = None

    @property
    def last(self) -> float | None:
        """Time of the last frame, None before the first and after `skip`."""
        return self._last

    def rhythm(self) -> FrameRhythm:
        """The sums so far."""
        return FrameRhythm(self._frames, self._intervals, self._sum, self._squares, self._longest)
