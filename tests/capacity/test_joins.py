"""What joining cost, by hand."""

from __future__ import annotations

import pytest

from probe.capacity.joins import Joins, join_cpu, p95
from probe.rtc.clock import Clock


class Told(Clock):
    """A clock that is set."""

    time = 0.0

    def now(self) -> float:
        return self.time


def test_calls_count_from_when_their_meeting_is_complete() -> None:
    clock = Told()
    joins = Joins(clock, 2)
    first, second = joins.meeting(), joins.meeting()
    for clock.time, arrive, change in ((1.0, first, 1), (2.0, first, 1), (3.0, second, 1), (3.5, first, -1)):
        arrive(change)
    assert joins.times == [1.0, 2.0, 3.0]
    assert joins.participant_seconds(until=5.0) == 2 * 3.0  # the second meeting waits for its other half


def test_joining_is_what_the_calls_did_not_cost() -> None:
    assert join_cpu(1.0, 0.01, 60.0) == pytest.approx(0.4)
    assert join_cpu(0.5, 0.01, 60.0) == 0.0


def test_p95_is_a_join_that_was() -> None:
    assert p95([]) is None
    assert p95([0.3]) == 0.3
    assert p95([number / 100 for number in range(1, 101)]) == 0.95
