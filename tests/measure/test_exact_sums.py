from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.exact_sums import (
    mean_of,
    pack,
    sums_of_many,
    sums_of_one,
    sums_of_parts,
    unpack,
    variance_of,
)

SUM_UNIT, SQUARE_UNIT = Fraction(1, 2**1074), Fraction(1, 2**2148)
VALUES = st.floats(-1e18, 1e18) | st.sampled_from([0.0, 5e-324, -5e-324, 2.2e-308, 1.0, 1e18])


def _expected(values: list[float]) -> tuple[Fraction, Fraction]:
    exact = [Fraction(value) for value in values]
    return sum(exact, Fraction()), sum((value**2 for value in exact), Fraction())


def _shown(sums: tuple[int, int]) -> tuple[Fraction, Fraction]:
    return sums[0] * SUM_UNIT, sums[1] * SQUARE_UNIT


@given(VALUES, st.integers(1, 1000))
def test_one_value_many_times(value: float, count: int) -> None:
    assert _shown(sums_of_one(value, count)) == _expected([value] * count)


@given(st.lists(VALUES, min_size=1, max_size=100))
def test_many_values(values: list[float]) -> None:
    assert _shown(sums_of_many(np.array(values))) == _expected(values)


def test_more_values_than_are_added_at_a_time() -> None:
    values = [math.ldexp(1 + number / 7, number % 40 - 20) for number in range(20_000)]
    assert _shown(sums_of_many(np.array(values))) == _expected(values)


def test_no_values_add_nothing() -> None:
    assert sums_of_many(np.array([])) == sums_of_parts([]) == (0, 0)


def test_parts_are_in_units_of_their_power_of_two() -> None:
    """One value 3.0 is 0.75 * 2**2; the second is as many of its units as do not fit a word, below zero."""
    three = 3 << 51
    parts = [(2, 1, 0, three, three**2 >> 64, three**2 & (1 << 64) - 1), (60, -1, 1, 5, 0, 7)]
    unit = 2**7
    total, squares = _shown(sums_of_parts(parts))
    assert total == 3 - (2**64 + 5) * unit
    assert squares == 9 + 7 * unit**2


def test_mean_and_variance_are_rounded_once() -> None:
    total, squares = sums_of_many(np.array([1e16, 1.0, -1e16]))
    assert mean_of(total, 3) == 1 / 3
    assert variance_of(total, squares, 3) == float((2 * Fraction(10**32) + 1 - Fraction(1, 3)) / 2)


@given(st.integers(-(2**3000), 2**3000))
def test_what_is_packed_comes_back(number: int) -> None:
    assert unpack(pack(number)) == number


def test_packed_is_short() -> None:
    assert pack(0) == "0<<0"
    assert pack(-10 << 1074) == "-5<<1075"


@pytest.mark.parametrize("text", ["", "5", "zz<<0", "1<<-1", "1<<4297", "1<<x", None])
def test_what_was_not_packed_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"range|invalid literal"):
        unpack(text)
