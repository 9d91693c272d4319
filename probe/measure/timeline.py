"""When new media reached a receiver, over all the paths that carried it: gaps and repetitions across a migration."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

MEMORY = 120.0
"""Seconds of arrivals that are remembered."""
TOLERANCE = 0.001
"""Capture times this near to each other name the same media: each path writes them with its own rounding."""
_SWEEP = 10.0
"""Seconds of arrivals after which what is forgotten is thrown away."""


class MediaTimeline:
    """One kind of media of one sender, at one receiver. All times in seconds; `arrival` of one monotonic clock, capture
    times of any clock that all paths share (a frame number times the frame interval will do).

    What is remembered stands in arrays, in the order of capture: a few bytes each, and a second of media that follows on
    what was there is appended at once.
    """

    def __init__(self, *, tolerance: float = TOLERANCE) -> None:
        if tolerance <= 0:
            raise ValueError(f"a tolerance of {tolerance} s tells nothing apart")
        self._tolerance = tolerance
        self._captures = array("d")  # of new media, ascending
        self._arrivals = array("d")
        self._paths = array("i")  # which brought it, as a number
        self._numbers: dict[str, int] = {}
        self._latest = -math.inf  # arrival of new media
        self._swept = -math.inf
        self._pruned = False
        self.new = 0
        self.repeated = 0

    def on_media(self, capture_time: float, arrival: float, path: str) -> bool:
        """A packet or frame arrived. True if it is new: media with that capture time was not here before, by any path.
        What another path brought before is repeated; what the same path brought is a mere duplicate."""
        number = self._number(path)
        place = len(self._captures)
        if place and capture_time - self._captures[-1] <= self._tolerance:
            known = self._find(capture_time)
            if known is not None:
                self.repeated += self._paths[known] != number
                return False
            place = bisect_right(self._captures, capture_time)
        self._captures.insert(place, capture_time)
        self._arrivals.insert(place, arrival)
        self._paths.insert(place, number)
        self._count(1, arrival)
        return True

    def on_many(
        self, capture_times: NDArray[np.float64], arrivals: NDArray[np.float64], path: str
    ) -> NDArray[np.bool_]:
        """`on_media` for each, in this order: which of them are new."""
        count = len(capture_times)
        if not count or not self._follow(capture_times):
            found = [self.on_media(*one, path) for one in zip(capture_times.tolist(), arrivals.tolist(), strict=True)]
            return np.array(found, bool)
        self._captures.frombytes(capture_times.tobytes())
        self._arrivals.frombytes(arrivals.tobytes())
        self._paths += array("i", (self._number(path),)) * count
        self._count(count, np.maximum.reduce(arrivals).item())
        return np.ones(count, bool)

    def longest_gap(self, start: float, end: float) -> float:
        """The longest time without new media, in seconds, of all such times that overlap [start, end]. Each counts whole,
        even where it began before `start` or ended after `end`; one that no media has ended yet counts up to `end`.
        Before the first media of all there was nothing to miss: that time counts from `start`."""
        if end < start:
            raise ValueError(f"no interval runs from {start} to {end}")
        self._sweep()
        arrivals = np.sort(np.frombuffer(self._arrivals)).tolist() if self._arrivals else []
        before = bisect_right(arrivals, start) - 1
        after = bisect_left(arrivals, end)
        edges = arrivals[max(0, before) : after + 1]
        if before < 0 and not self._pruned:
            edges.insert(0, start)
        if after == len(arrivals):
            edges.append(end)
        return max((later - earlier for earlier, later in pairwise(edges)), default=0.0)

    def _number(self, path: str) -> int:
        return self._numbers.setdefault(path, len(self._numbers))

    def _follow(self, capture_times: NDArray[np.float64]) -> bool:
        """Whether all of these were captured after what is known, one after the other."""
        if self._captures and capture_times.item(0) - self._captures[-1] <= self._tolerance:
            return False
        return not np.count_nonzero(capture_times[1:] - capture_times[:-1] <= self._tolerance)

    def _find(self, capture_time: float) -> int | None:
        """The place of the media with that capture time; of several the nearest. None for what is not remembered."""
        reach = 2 * self._tolerance  # rounding: the test of each difference decides
        first = bisect_left(self._captures, capture_time - reach)
        near = []
        for place in range(first, bisect_right(self._captures, capture_time + reach)):
            distance = abs(self._captures[place] - capture_time)
            if distance <= self._tolerance and self._arrivals[place] >= self._latest - MEMORY:
                near.append((distance, place))
        return min(near)[1] if near else None

    def _count(self, count: int, arrival: float) -> None:
        self.new += count
        self._latest = max(self._latest, arrival)
        if self._latest - self._swept >= _SWEEP:
            self._sweep()

    def _sweep(self) -> None:
        """Throw away what is no longer remembered."""
        self._swept, oldest = self._latest, self._latest - MEMORY
        if not self._arrivals or np.frombuffer(self._arrivals).min() >= oldest:
            return
        self._pruned = True
        arrivals = np.array(self._arrivals)
        kept = arrivals >= oldest
        self._arrivals = array("d", arrivals[kept].tobytes())
        self._captures = array("d", np.array(self._captures)[kept].tobytes())
        self._paths = array("i", np.array(self._paths)[kept].tobytes())
