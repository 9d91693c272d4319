"""Frames per second, second by second, without the error of counting: one more or less is 3 % of 30.

The time from one frame to the next is one frame, spread evenly over it. So an even stream of 30 frames a second reads 30 in each
second, wherever the seconds begin, a second within a freeze of 10 s reads 0.1, and the mean over the seconds is the mean
frame rate.
"""

from __future__ import annotations

from collections.abc import Iterable


class FrameSeconds:
    """One stretch of watching. The seconds count from its first frame. Times in monotonic seconds."""

    def __init__(self) -> None:
        self._begin = 0.0
        self._last: float | None = None
        self._frames = 0.0

    def on_frame(self, shown: float) -> list[float]:
        """A new frame; one that was shown before the last counts at the last's time. The frame rates of the seconds that are over
        with it."""
        return self.on_frames((shown,))

    def on_frames(self, shown: Iterable[float]) -> list[float]:
        """`on_frame` for each, in this order."""
        over: list[float] = []
        for time in shown:
            if self._last is None:
                self._begin = self._last = time
            elif time < self._begin + 1.0:  # nearly all of them
                self._frames += 1.0
                self._last = max(time, self._last)
            else:
                over += self._spread(time, 1.0)
        return over

    def stood_until(self, end: float) -> list[float]:
        """No frame came any more until then. The frame rates of the seconds that are over with it."""
        return [] if self._last is None else self._spread(max(end, self._last), 0.0)

    def _spread(self, end: float, frames: float) -> list[float]:
        """`frames` evenly from the last one to `end`."""
        assert self._last is not None
        over, length = [], end - self._last
        while end >= self._begin + 1.0:
            share = (self._begin + 1.0 - self._last) / length if length else 0.0
            over.append(self._frames + frames * share)
            self._begin, self._last, self._frames = self._begin + 1.0, self._begin + 1.0, 0.0
            frames, length = frames * (1.0 - share), end - self._last
        self._frames += frames
        self._last = end
        return over
