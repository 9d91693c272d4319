"""Who is asked every 20 ms, in simulated time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from probe.client.polls import INTERVAL, Polls
from tests.client.fakes import START, FakeClock, FakeWheel


class StrawPath:
    """Wants to be asked `more` times again; `then` happens while it is asked."""

    def __init__(self, more: int = 0, then: Callable[[], None] = lambda: None) -> None:
        self.asked: list[float] = []
        self._more = more
        self._then = then

    def poll(self, now: float) -> bool:
        self.asked.append(now)
        self._then()
        self._more -= 1
        return self._more >= 0


def polls() -> tuple[FakeWheel, Polls]:
    clock = FakeClock()
    wheel = FakeWheel(clock)
    return wheel, Polls(clock, wheel)


def test_who_wants_is_asked_from_the_next_tick_until_it_is_done() -> None:
    wheel, asking = polls()
    path, other = StrawPath(3), StrawPath(0)
    asking.want(path)
    asking.want(path)
    asking.want(other)
    wheel.run_until(START + 1.0)
    assert path.asked == pytest.approx([START + INTERVAL * (n + 1) for n in range(4)])
    assert other.asked == pytest.approx([START + INTERVAL])
    assert not wheel._due  # nobody misses anything: no timer


def test_it_can_begin_again() -> None:
    wheel, asking = polls()
    path = StrawPath()
    for second in range(3):
        asking.want(path)
        wheel.run_until(START + second + 1.0)
    assert path.asked == pytest.approx([START + second + INTERVAL for second in range(3)])


def test_who_is_forgotten_is_not_asked_even_in_the_same_tick() -> None:
    wheel, asking = polls()
    gone = StrawPath(100)
    first = StrawPath(5, lambda: asking.forget(gone))
    asking.want(first)
    asking.want(gone)
    wheel.run_until(START + 1.0)
    assert gone.asked == []
    assert len(first.asked) == 6
    itself = StrawPath(100)
    itself._then = lambda: asking.forget(itself)
    asking.want(itself)
    wheel.run_until(START + 2.0)
    assert len(itself.asked) == 1
    asking.forget(itself)


def test_who_wants_within_a_tick_is_asked_at_the_next() -> None:
    wheel, asking = polls()
    late = StrawPath()
    asking.want(StrawPath(0, lambda: asking.want(late)))
    wheel.run_until(START + 1.0)
    assert late.asked == pytest.approx([START + 2 * INTERVAL])


def test_one_that_raises_stops_only_itself() -> None:
    wheel, asking = polls()

    def bad() -> None:
        raise KeyError("mine")

    raising, other = StrawPath(100, bad), StrawPath(3)
    asking.want(raising)
    asking.want(other)
    with pytest.raises(KeyError, match="mine"):
        wheel.run_until(START + INTERVAL + 1e-6)
    wheel.run_until(START + 1.0)
    assert len(raising.asked) == 1
    assert len(other.asked) == 4


def test_after_a_stall_the_missed_ticks_are_left_out() -> None:
    wheel, asking = polls()
    path = StrawPath(3)
    asking.want(path)
    wheel.fake.time += 5.0
    wheel.run_until(START + 5.1)
    assert path.asked[0] == pytest.approx(START + 5.0)
    assert path.asked[-1] - path.asked[0] == pytest.approx(2 * INTERVAL)
