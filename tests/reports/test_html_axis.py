"""Scales and round numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.html_axis import Scale, clock, lasting, round_values, time_values


def test_a_scale_draws_its_ends_at_the_ends() -> None:
    scale = Scale(1.0, 5.0, 100.0, 20.0)
    assert [scale(value) for value in (1, 3, 5, 0, 9)] == [100, 60, 20, 100, 20]


def test_a_wide_scale_draws_ratios() -> None:
    scale = Scale(0.001, 1.0, 0.0, 300.0, wide=True)
    assert [scale(value) for value in (0.001, 0.01, 0.1, 1.0, 0.0)] == pytest.approx([0, 100, 200, 300, 0])
    assert scale.ticks(5) == pytest.approx([0.001, 0.01, 0.1, 1.0])
    assert Scale(0.0011, 0.0019, 0, 1, wide=True).ticks() == []


def test_a_scale_without_extent_draws_in_the_middle() -> None:
    assert Scale(2.0, 2.0, 0.0, 10.0)(2.0) == 5.0


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 8))
def test_round_values_are_few_and_within(low: float, size: float, most: int) -> None:
    found = round_values(low, low + size, most)
    assert 0 < len(found) <= most or size < 1e-9 * abs(low) or len(found) == 0
    assert all(low - 1e-6 * size - 1e-9 <= value <= low + size * (1 + 1e-6) + 1e-9 for value in found)


def test_round_values() -> None:
    assert round_values(0.0, 1.0, 5) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert round_values(0.0, 0.0043, 5) == [0.0, 0.001, 0.002, 0.003, 0.004]
    assert round_values(1.0, 5.0, 5) == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert round_values(3.0, 3.0) == [3.0]


def test_times_are_those_of_a_clock() -> None:
    assert time_values(24.0) == [0, 5, 10, 15, 20]
    assert time_values(509.0) == [0, 120, 240, 360, 480]
    assert len(time_values(40 * 86400)) <= 7
    assert [clock(seconds) for seconds in (8.4, 90, 7500)] == ["8 s", "1:30", "2:05:00"]
    assert [lasting(seconds) for seconds in (0, 24.2, 508.8, 3900, 14400)] == [
        "0 s",
        "24 s",
        "8 min 29 s",
        "1 h 5 min",
        "4 h",
    ]
