"""Few bars from many buckets: nothing is lost, and no bar is finer than what is known."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.histogram import Histogram
from probe.measure.summary import Summary
from reports.distributions import BARS, bars, distributions
from tests.reports.build import add, good_run


def of(values: list[float]) -> Histogram:
    histogram = Histogram()
    histogram.add_many(values)
    return histogram


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.booleans())
def test_every_value_is_in_a_bar(values: list[float], whole: bool) -> None:
    values = [float(round(value)) for value in values] if whole else values
    found = bars(of(values), whole=whole)
    edges, counts = found["edges"], found["counts"]
    assert sum(counts) == len(values)
    assert len(edges) == len(counts) + 1 <= BARS + 1
    assert edges[0] <= min(values)  # with fewer than 100 values that is the 1st percentile
    assert edges[-1] >= max(values)
    assert all(a < b for a, b in pairwise(edges)) or min(values) == max(values)


def test_equal_bars() -> None:
    found = bars(of([1.0 + n / 100 for n in range(401)]))
    assert found["edges"] == pytest.approx([1.0 + 4 * n / BARS for n in range(BARS + 1)])
    assert found["counts"] == pytest.approx([10] * BARS, abs=3)  # the summary's buckets are 0.5 % wide


def test_a_long_tail_gets_bars_that_grow() -> None:
    found = bars(of([0.001] * 1000 + [0.002] * 500 + [10.0]))
    steps = [b / a for a, b in pairwise(found["edges"])]
    assert steps == pytest.approx([10_000 ** (1 / BARS)] * BARS, rel=1e-4)
    assert [count for count in found["counts"] if count] == [1000, 500, 1]


def test_a_few_that_lie_far_below_are_in_the_first_bar() -> None:
    found = bars(of([0.0] * 5 + [0.001] * 1000 + [10.0]))
    assert found["edges"][0] == pytest.approx(0.001, rel=0.003)
    assert found["counts"][0] == 1005


def test_whole_numbers_lie_in_the_middle_of_their_bars() -> None:
    found = bars(of([0.0, 0.0, 1.0, 3.0]), whole=True)
    assert found == {"edges": [-0.5, 0.5, 1.5, 2.5, 3.5], "counts": [2, 1, 0, 1]}


def test_bars_are_no_finer_than_the_summary_is() -> None:
    assert len(bars(of([4.70, 4.71, 4.72, 4.73]))["counts"]) == 1
    assert bars(of([2.0, 2.0])) == {"edges": [2.0, 2.0], "counts": [2]}
    with pytest.raises(ValueError, match="empty"):
        bars(Histogram())


def test_what_has_a_distribution() -> None:
    found = distributions(good_run())
    assert "join_success_ratio" not in found  # successes and failures
    assert "join_duration_seconds" not in found  # four values
    assert found["round_trip_time_seconds"]["unit"] == "seconds"
    assert sum(found["round_trip_time_seconds"]["counts"]) == 80
    summary = Summary()
    add(summary, "nack_count", [0, 0, 1, 2, 2])
    assert distributions(summary)["nack_count"]["counts"] == [2, 1, 2]
