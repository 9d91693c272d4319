"""Which of a sender's frames were seen lately, on any path: how many got lost across a migration."""

from __future__ import annotations

from collections import deque

_REMEMBERED = 1800
"""A minute of frames at 30 fps: longer than any migration may take."""


class RecentFrames:
    """Frames are known by the sender's tick: the frame's number on its camera's clock."""

    def __init__(self) -> None:
        self._frames: deque[tuple[float, int]] = deque(maxlen=_REMEMBERED)

    def on_frame(self, shown: float, tick: int) -> None:
        """A frame came, at monotonic `shown`."""
        self._frames.append((shown, tick))

    def lost(self, start: float, end: float) -> int | None:
        """Frames that the sender sent and that never were seen, between the last one before `start` and the last one before `end`.
        None where no frame came in that time, or none can be told by its number."""
        ticks = {tick for shown, tick in self._frames if start <= shown <= end}
        if not ticks:
            return None
        before = max((tick for shown, tick in self._frames if shown < start), default=min(ticks))
        ticks = {tick for tick in ticks if tick > before} | {before}
        return max(ticks) - min(ticks) + 1 - len(ticks)
