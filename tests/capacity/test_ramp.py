"""The search in simulated machines: no time passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.capacity.ramp import PRECISION, Ramp


def search(ramp: Ramp, capacity: int, *, hiccups: set[int] | None = None) -> list[int]:
    """All that is tried on a machine that drives `capacity`; at the steps in `hiccups` it fails whatever it is asked."""
    tried: list[int] = []
    while (participants := ramp.next()) is not None:
        well = len(tried) not in (hiccups or set())
        tried.append(participants)
        ramp.tell(participants, held=well and participants <= capacity, clearly=well and participants > 1.2 * capacity)
        assert len(tried) < 100
    return tried


def test_it_doubles_then_halves() -> None:
    ramp = Ramp(2, 16, 5000)
    assert search(ramp, 100) == [16, 32, 64, 128, 96, 112, 112, 104, 104, 100]
    assert (ramp.low, ramp.high) == (100, 104)
    assert not ramp.at_ceiling


def test_a_hiccup_is_tried_again() -> None:
    ramp = Ramp(2, 16, 64)
    assert search(ramp, 1000, hiccups={1}) == [16, 32, 32, 64]
    assert ramp.at_ceiling


def test_two_in_a_row_are_believed() -> None:
    ramp = Ramp(2, 16, 64)
    assert search(ramp, 1000, hiccups={1, 2})[:4] == [16, 32, 32, 24]
    assert ramp.high == 32


def test_too_large_a_beginning_goes_down_to_one_meeting() -> None:
    ramp = Ramp(4, 16, 5000)
    assert search(ramp, 3) == [16, 8, 4]
    assert ramp.low is None
    ramp = Ramp(4, 16, 5000)
    search(ramp, 7)
    assert (ramp.low, ramp.high) == (4, 8)


def test_steps_are_bounded() -> None:
    ramp = Ramp(2, 16, 5000, steps=3)
    assert search(ramp, 4000) == [16, 32, 64]
    assert ramp.next() is None
    assert ramp.low == 64


@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 6000))
def test_it_ends_at_the_largest_that_holds(size: int, processes: int, capacity: int) -> None:
    unit = size * processes
    ramp = Ramp(unit, max(unit, 16), max(unit, 5000), steps=60)
    tried = search(ramp, capacity)
    assert all(participants % unit == 0 for participants in tried)
    if ramp.low is None:
        assert capacity < unit
        return
    assert ramp.low <= capacity
    if not ramp.at_ceiling:
        assert ramp.high is not None
        assert ramp.high > capacity
        assert ramp.high - ramp.low <= max(unit, PRECISION * ramp.low)


def test_wrong_use_raises() -> None:
    with pytest.raises(ValueError, match="nothing to search"):
        Ramp(4, 2, 100)
    with pytest.raises(ValueError, match="16 participants were to be tried, not 15"):
        Ramp(2, 16, 100).tell(15, held=True)
