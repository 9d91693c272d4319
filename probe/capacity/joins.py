"""The join phase of a process: who is in since when, and what joining itself cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from probe.rtc.clock import Clock


class Joins:
    """`arrival(meeting)` gives the callback that a meeting tells of those who have media, or left."""

    def __init__(self, clock: Clock, size: int) -> None:
        self._clock = clock
        self._size = size
        self._meetings: list[list[float]] = []

    def meeting(self) -> Callable[[int], None]:
        """Of one more meeting: what to call with +1 when somebody is in."""
        times: list[float] = []
        self._meetings.append(times)

        def arrive(change: int) -> None:
            if change > 0:
                times.append(self._clock.now())

        return arrive

    @property
    def times(self) -> list[float]:
        """When each was in, in order."""
        return sorted(time for times in self._meetings for time in times)

    def participant_seconds(self, until: float) -> float:
        """Time spent in calls by all together. A meeting's call counts from when it is complete: before, nobody sends (two) or
        not yet to all (more)."""
        complete = [max(times) for times in self._meetings if len(times) == self._size]
        return sum(self._size * max(0.0, until - time) for time in complete)


def join_cpu(spent: float, call_share: float, participant_seconds: float) -> float:
    """CPU seconds that joining cost: `spent` in the join phase, less what the calls already up took meanwhile at
    `call_share` of a core per participant, as read in the window. Not below 0: the estimate is as noisy as both."""
    return max(0.0, spent - call_share * participant_seconds)


def p95(values: Sequence[float]) -> float | None:
    """Nearest rank; None of nothing."""
    return float(np.quantile(values, 0.95, method="inverted_cdf")) if values else None
