from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe import native
from probe.measure.histogram import LARGEST, RELATIVE_ERROR, SMALLEST, Histogram, tally_with

VALUES = st.floats(-1e18, 1e18)
SAMPLES = st.lists(VALUES, max_size=30)


def _of(values: list[float]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


def _merged(*parts: Histogram) -> Histogram:
    total = Histogram()
    for part in parts:
        total.merge(part)
    return total


def test_empty_knows_nothing() -> None:
    empty = Histogram()
    assert (empty.count, empty.sum) == (0, 0.0)
    assert empty.mean is empty.variance is empty.minimum is empty.maximum is empty.quantile(0.5) is None
    assert empty.count_at_most(1.0) == 0
    assert Histogram.from_dict(empty.to_dict()) == empty


def test_moments_are_exact_where_float_sums_are_not() -> None:
    histogram = _of([1e16, 1.0, -1e16])
    assert histogram.sum == 1.0
    assert histogram.mean == 1 / 3
    shifted = _of([1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16])
    assert shifted.variance == 30.0


def test_ranks_of_one_to_a_hundred() -> None:
    histogram = _of([float(n) for n in range(1, 101)])
    assert histogram.quantile(0.0) == 1.0
    assert histogram.quantile(1.0) == 100.0
    for q, expected in [(0.01, 1), (0.07, 7), (0.5, 50), (0.501, 51), (0.95, 95), (0.99, 99)]:
        assert histogram.quantile(q) == pytest.approx(expected, rel=RELATIVE_ERROR * 1.001)
    assert histogram.quantile(0.991) == 100.0  # the last rank is exact


def test_value_at_rank_respects_counts() -> None:
    histogram = Histogram()
    histogram.add(-2.0, 3)
    histogram.add(0.0, 2)
    histogram.add(5.0, 4)
    values = [histogram.value_at_rank(rank) for rank in range(1, 10)]
    assert values == pytest.approx([-2.0] * 3 + [0.0] * 2 + [5.0] * 4, rel=RELATIVE_ERROR * 1.001)
    assert (values[0], values[-1]) == (-2.0, 5.0)
    for rank in (0, 10):
        with pytest.raises(ValueError, match="rank"):
            histogram.value_at_rank(rank)


def test_count_at_most() -> None:
    histogram = _of([-1.0, 0.0, 0.1, 0.2, 0.3])
    assert [histogram.count_at_most(limit) for limit in (-2, -0.5, 0.0, 0.15, 0.25, 0.3, 9)] == [0, 1, 2, 3, 4, 5, 5]
    assert histogram.counts_at_most((-2, -0.5, 0.0, 0.15, 0.25, 0.3, 9)) == [0, 1, 2, 3, 4, 5, 5]
    assert Histogram().counts_at_most((0.0, 1.0)) == [0, 0]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 2 * LARGEST])
def test_refuses_what_is_no_measurement(bad: float) -> None:
    histogram = _of([1.0])
    with pytest.raises(ValueError, match="measurable"):
        histogram.add(bad)
    assert histogram == _of([1.0])


def test_refuses_a_count_below_one_and_a_quantile_outside() -> None:
    histogram = _of([1.0])
    with pytest.raises(ValueError, match="count"):
        histogram.add(1.0, 0)
    for q in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="quantile"):
            histogram.quantile(q)


@given(SAMPLES, st.floats(0, 1))
def test_quantile_is_the_nearest_rank_within_the_stated_error(values: list[float], q: float) -> None:
    histogram = _of(values)
    found = histogram.quantile(q)
    if not values:
        assert found is None
        return
    true = sorted(values)[min(max(math.ceil(q * len(values) - 1e-9), 1), len(values)) - 1]
    assert found is not None
    assert abs(found - true) <= RELATIVE_ERROR * 1.001 * abs(true) + SMALLEST
    assert min(values) <= found <= max(values)


@given(SAMPLES)
def test_quantiles_never_fall_and_moments_match(values: list[float]) -> None:
    histogram = _of(values)
    quantiles = [histogram.quantile(q / 20) for q in range(21)]
    assert values == [] or quantiles == sorted(q for q in quantiles if q is not None)
    assert histogram.count == len(values)
    assert histogram.sum == math.fsum(values)


@given(SAMPLES, SAMPLES, SAMPLES)
def test_merge_is_associative_and_commutative_and_equals_adding(a: list[float], b: list[float], c: list[float]) -> None:
    everything = _of(a + b + c)
    assert _merged(_merged(_of(a), _of(b)), _of(c)) == everything
    assert _merged(_of(a), _merged(_of(b), _of(c))) == everything
    assert _merged(_of(c), _of(b), _of(a)) == everything


@given(st.lists(st.floats(-1e18, 1e18) | st.sampled_from([0.0, -0.0, 5e-324, 1e-9, 1.0]), max_size=30))
def test_round_trips_through_json(values: list[float]) -> None:
    histogram = _of(values)
    restored = Histogram.from_dict(json.loads(json.dumps(histogram.to_dict())))
    assert restored == histogram
    assert (restored.sum, restored.mean, restored.variance) == (histogram.sum, histogram.mean, histogram.variance)
    restored.add(3.0)
    assert restored != histogram


def test_merging_with_itself_doubles() -> None:
    histogram = _of([1.0, -2.0, 0.0])
    histogram.merge(histogram)
    assert histogram == _of([1.0, -2.0, 0.0] * 2)


def test_memory_is_bounded_by_the_range_not_by_the_number_of_values() -> None:
    rng = random.Random(7)
    histogram = _of([rng.lognormvariate(-3, 1) for _ in range(20_000)])
    assert len(json.dumps(histogram.to_dict())) < 30_000
    widest = _of([SMALLEST, LARGEST, -LARGEST])
    lowest, highest = widest.to_dict()["positive"][0][0], widest.to_dict()["positive"][-1][0]
    assert highest - lowest < 12_500


@pytest.mark.parametrize(
    "damage",
    [
        {"count": 3},
        {"relative_error": 0.01},
        {"sum": "zz<<0"},
        {"sum": "1<<999999999"},
        {"sum": "1<<-5"},
        {"positive": [[0]]},
        {"positive": [[0, -1], [1, 3]]},
        {"positive": [[10**9, 2]]},
        {"positive": None},
        {"min": 5.0},
        {"min": None},
        {"max": math.nan},
    ],
)
def test_damaged_data_is_refused(damage: dict[str, object]) -> None:
    data = _of([1.0, 2.0]).to_dict()
    with pytest.raises(ValueError, match="not a stored histogram"):
        Histogram.from_dict({**data, **damage})
    with pytest.raises(ValueError, match="not a stored histogram"):
        Histogram.from_dict({key: value for key, value in data.items() if key not in damage})


# many at once

EDGES = [0.0, -0.0, 5e-324, -5e-324, 2.2e-308, 1e-9, 0.99e-9, 1.0, 0.005012506, LARGEST, -LARGEST, 1.005012531328321]


@given(st.lists(VALUES | st.floats(0, 1) | st.sampled_from(EDGES), max_size=200))
def test_in_bulk_is_the_same_bit_for_bit(values: list[float]) -> None:
    many = Histogram()
    many.add_many(values)
    assert many.to_dict() == _of(values).to_dict()


def test_in_bulk_adds_to_what_was_there() -> None:
    rng = random.Random(3)
    values = [rng.lognormvariate(-6, 3) for _ in range(70_000)]  # more than one block
    values += [math.exp(bucket * math.log(1.0025 / 0.9975)) for bucket in range(-3000, 3000)]  # on buckets' edges
    values += [LARGEST * rng.uniform(-1, 1) for _ in range(100)]
    many = _of([1.0, -2.0])
    many.add_many(np.array(values))
    assert many.to_dict() == _of([1.0, -2.0, *values]).to_dict()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 2 * LARGEST])
@pytest.mark.parametrize("count", [1, 100])
def test_in_bulk_refuses_all_for_one(bad: float, count: int) -> None:
    histogram = _of([1.0])
    with pytest.raises(ValueError, match="measurable"):
        histogram.add_many([*[2.0] * count, bad])
    assert histogram == _of([1.0])


@pytest.mark.skipif(not native.available(), reason="the compiled path was not built: no C compiler")
@given(st.lists(VALUES | st.floats(0, 1) | st.sampled_from(EDGES), max_size=200))
def test_compiled_and_not_count_the_same_bit_for_bit(values: list[float]) -> None:
    compiled, plain = Histogram(), Histogram()
    compiled.add_many(values)
    tally_with(None)
    try:
        plain.add_many(values)
    finally:
        tally_with(native.core.tally)
    assert compiled.to_dict() == plain.to_dict()


def test_skewness() -> None:
    # G1 of 1, 2, 3, 10 by hand: m = 4, m2 = 12.5, m3 = 45, g1 = 45 / 12.5 ** 1.5, times sqrt(4 * 3) / 2
    found = Histogram()
    for value in (1.0, 2.0, 3.0, 10.0):
        found.add(value)
    assert found.skewness == pytest.approx(45 / 12.5**1.5 * math.sqrt(12) / 2, rel=0.01)
    mirrored = Histogram()
    mirrored.add_many([-1.0, -2.0, -3.0, -10.0])
    assert mirrored.skewness == pytest.approx(-found.skewness)
    equal = Histogram()
    equal.add(3.0, 9)
    assert equal.skewness == 0.0
    assert Histogram().skewness == 0.0
