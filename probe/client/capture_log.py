"""What a sender sent and when: by it a frame ID read off a decoded picture becomes a capture time.

The content is a loop, so an ID comes again with each turn; the latest turn that is not in the picture's future is meant.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass
from typing import Protocol

PLAUSIBLE_DELAY = 6.0
"""Seconds; beyond it a frame ID can't be told from the loop's next turn, and the reading counts as wrong."""

_KEEP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Capture:
    """`tick`: number of the frame since the camera was switched on; `time`: monotonic seconds."""

    tick: int
    time: float


class Captures(Protocol):
    """What a sender sent lately."""

    def find(self, index: int, seen: float) -> Capture | None:
        """The capture that a picture with this ID, decoded at `seen`, must come from. None: it can't be ours."""


class CaptureLog:
    """Captures of one sender, the last 30 seconds."""

    def __init__(self) -> None:
        self._by_index: dict[int, deque[Capture]] = {}
        self._recent: deque[tuple[int, Capture]] = deque()

    def note(self, index: int, tick: int, time: float) -> None:
        """The frame with content index `index` was handed out at `time`."""
        capture = Capture(tick, time)
        self._by_index.setdefault(index, deque()).append(capture)
        self._recent.append((index, capture))
        while self._recent and self._recent[0][1].time < time - _KEEP_SECONDS:
            old, _ = self._recent.popleft()
            self._by_index[old].popleft()

    def find(self, index: int, seen: float) -> Capture | None:
        """The capture that a picture with this ID, decoded at `seen`, must come from. None: it can't be ours."""
        captures = self._by_index.get(index)
        if not captures:
            return None
        position = bisect_right([capture.time for capture in captures], seen)
        if position == 0:
            return None
        capture = captures[position - 1]
        return capture if seen - capture.time <= PLAUSIBLE_DELAY else None
