from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.schedule import RETRY_AFTER, Pace, Restarts, Schedule, may_retry


def test_a_punctual_user_is_due_every_period() -> None:
    schedule = Schedule(100.0, 31.0)
    assert [schedule.next(now) for now in (99.0, 130.0, 161.9)] == [100.0, 131.0, 162.0]
    assert (schedule.skipped, schedule.slot) == (0, 2)


def test_what_is_late_is_timed_from_when_it_was_due() -> None:
    schedule = Schedule(100.0, 10.0)
    schedule.next(100.0)
    assert schedule.next(115.0) == 110.0
    assert schedule.skipped == 0


def test_slots_that_passed_whole_are_counted() -> None:
    schedule = Schedule(100.0, 10.0)
    schedule.next(100.0)
    assert schedule.next(145.0) == 140.0
    assert (schedule.skipped, schedule.slot) == (3, 4)


def test_what_cannot_begin_late_waits_for_the_next_slot() -> None:
    schedule = Schedule(100.0, 10.0)
    assert schedule.next_ahead(90.0) == 100.0
    assert schedule.next_ahead(100.5) == 110.0
    assert schedule.next_ahead(125.0) == 130.0
    assert schedule.skipped == 1


@given(st.lists(st.floats(0.01, 100.0), max_size=50), st.booleans())
def test_no_slot_is_asked_for_twice_or_lost_uncounted(steps: list[float], ahead: bool) -> None:
    schedule, now = Schedule(0.0, 7.0), 0.0
    for asked, step in enumerate(steps, start=1):
        now += step
        before = schedule.slot
        due = schedule.next_ahead(now) if ahead else schedule.next(now)
        assert schedule.slot > before
        assert due == schedule.slot * 7.0
        assert due > (now if ahead else now - 7.0) or due == now
        assert asked + schedule.skipped == schedule.slot + 1
        now = max(now, due)


@pytest.mark.parametrize(
    ("attempt", "now", "allowed"),
    [(1, 100.0, True), (2, 100.0, True), (3, 100.0, False), (1, 130.0 - RETRY_AFTER, False), (1, 128.9, True)],
)
def test_retries_are_as_many_as_asked_for_and_within_the_stay(attempt: int, now: float, allowed: bool) -> None:
    assert may_retry(attempt, 2, now, 130.0) is allowed


def test_a_batch_is_spread_over_its_second() -> None:
    workers = [Pace(spacing=0.5, offset=offset) for offset in (0.0, 0.25)]
    assert [pace.start(10.0) for pace in workers for _ in range(2)] == [10.0, 10.5, 10.25, 10.75]
    assert workers[0].start(11.0) == 11.0
    assert workers[0].start(60.0) == 60.0


def test_nobody_is_put_off_for_long() -> None:
    pace = Pace(spacing=0.5)
    assert [pace.start(10.0) for _ in range(4)] == [10.0, 10.5, 11.0, 11.0]


def test_restarts_are_bounded_and_forgiven() -> None:
    restarts = Restarts(most=3, window=600.0, first_pause=1.0)
    assert [restarts.pause(now) for now in (0.0, 10.0, 20.0, 30.0)] == [1.0, 2.0, 4.0, None]
    assert restarts.pause(599.9) is None
    assert restarts.pause(600.0) == 4.0
    assert restarts.pause(1300.0) == 1.0
