"""When new media reached a receiver, over all the paths that carried it: gaps and repetitions across a migration."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import deque
from itertools import pairwise

MEMORY = 120.0
"""Seconds of arrivals that are remembered."""
TOLERANCE = 0.001
"""Capture times this near to each other name the same media: each path writes them with its own rounding."""


class MediaTimeline:
    """One kind of media of one sender, at one receiver. All times in seconds; `arrival` of one monotonic clock, capture
    times of any clock that all paths share (a frame number times the frame interval will do)."""

    def __init__(self, *, tolerance: float = TOLERANCE) -> None:
        if tolerance <= 0:
            raise ValueError(f"a tolerance of {tolerance} s tells nothing apart")
        self._tolerance = tolerance
        self._seen: dict[int, tuple[float, str]] = {}  # capture time in tolerances: (capture time, path that was first)
        self._arrivals: deque[tuple[float, int]] = deque()  # of new media, with their keys in `_seen`
        self._pruned = False
        self.new = 0
        self.repeated = 0

    def on_media(self, capture_time: float, arrival: float, path: str) -> bool:
        """A packet or frame arrived. True if it is new: media with that capture time was not here before, by any path.
        What another path brought before is repeated; what the same path brought is a mere duplicate."""
        key = math.floor(capture_time / self._tolerance)
        for near in (key, key - 1, key + 1):
            known = self._seen.get(near)
            if known is not None and abs(known[0] - capture_time) <= self._tolerance:
                self.repeated += known[1] != path
                return False
        self._seen[key] = (capture_time, path)
        self._arrivals.append((arrival, key))
        self.new += 1
        while self._arrivals[0][0] < arrival - MEMORY:
            self._seen.pop(self._arrivals.popleft()[1], None)
            self._pruned = True
        return True

    def longest_gap(self, start: float, end: float) -> float:
        """The longest time without new media, in seconds, of all such times that overlap [start, end]. Each counts whole,
        even where it began before `start` or ended after `end`; one that no media has ended yet counts up to `end`.
        Before the first media of all there was nothing to miss: that time counts from `start`."""
        if end < start:
            raise ValueError(f"no interval runs from {start} to {end}")
        arrivals = sorted(arrival for arrival, _ in self._arrivals)  # paths may cross by their reading order
        before = bisect_right(arrivals, start) - 1
        after = bisect_left(arrivals, end)
        edges = arrivals[max(0, before) : after + 1]
        if before < 0 and not self._pruned:
            edges.insert(0, start)
        if after == len(arrivals):
            edges.append(end)
        return max((later - earlier for earlier, later in pairwise(edges)), default=0.0)
