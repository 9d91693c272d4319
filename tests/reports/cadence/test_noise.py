"""What changed, and what only scatters: checked against its promise by simulation."""

from __future__ import annotations

import random
from itertools import combinations
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.cadence.model import Change
from reports.cadence.noise import changed, changed_share, difference_of_shares, rank_sum_p

LOW = [1.0, 1.1, 0.9, 1.05]


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        (LOW, [2.0, 2.1, 1.9, 2.2], Change.WORSE),
        ([2.0, 2.1, 1.9, 2.2], LOW, Change.BETTER),
        (LOW, [1.07, 1.15, 0.95, 1.02], Change.SAME),
        ([1.0] * 7, [1.0] * 7, Change.SAME),
        ([1.0] * 7, [1.005] * 7, Change.SAME),
        ([1.0] * 7, [1.02] * 7, Change.WORSE),
        ([0.0] * 7, [0.02, 0.021, 0.019, 0.02, 0.018, 0.022, 0.02], Change.WORSE),
        ([0.3] * 6 + [0.31], [0.36] * 6 + [9.0], Change.WORSE),
        ([0.3, 0.31, 0.29, 0.3, 0.3, 0.31, 0.29], [0.3, 0.31, 0.29, 0.3, 0.3, 0.31, 9.0], Change.SAME),
        (LOW, [2.0, 2.1, 1.9], Change.UNKNOWN),
        ([], [], Change.UNKNOWN),
    ],
)
def test_figures_of_runs_where_lower_is_better(before: list[float], now: list[float], found: Change) -> None:
    assert changed(before, now, higher_is_better=False) is found


def by_hand(before: list[float], now: list[float]) -> float:
    """The same test by going through all ways to deal the values."""
    values = before + now
    rank = {value: fmean(n for n, one in enumerate(sorted(values), 1) if one == value) for value in values}
    expected = len(now) * (len(values) + 1) / 2
    sums = [sum(rank[value] for value in some) for some in combinations(values, len(now))]
    seen = abs(sum(rank[value] for value in now) - expected)
    return sum(abs(one - expected) >= seen for one in sums) / len(sums)


@given(
    st.lists(st.integers(0, 6).map(float), min_size=1, max_size=6),
    st.lists(st.integers(0, 6).map(float), min_size=1, max_size=6),
)
def test_the_rank_sum_is_exact_with_ties_too(before: list[float], now: list[float]) -> None:
    assert rank_sum_p(before, now) == pytest.approx(by_hand(before, now))


def test_of_many_runs_the_normal_distribution_is_close() -> None:
    rng = random.Random(4)
    before, now = [rng.gauss(0.0, 1.0) for _ in range(30)], [rng.gauss(0.5, 1.0) for _ in range(30)]
    exact = rank_sum_p(before, now)
    assert rank_sum_p([*before, 0.1], now) == pytest.approx(exact, abs=0.02)
    assert rank_sum_p([1.0] * 40, [1.0] * 40) == 1.0


def test_the_direction_decides_what_is_better() -> None:
    assert changed([4.0, 4.1, 4.05, 4.1], [4.6, 4.7, 4.65, 4.7], higher_is_better=True) is Change.BETTER


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        ((98, 100), (80, 100), Change.WORSE),
        ((80, 100), (98, 100), Change.BETTER),
        ((98, 100), (97, 100), Change.SAME),
        ((100, 100), (100, 100), Change.SAME),
        ((0, 0), (100, 100), Change.UNKNOWN),
    ],
)
def test_shares(before: tuple[float, int], now: tuple[float, int], found: Change) -> None:
    assert changed_share(before, now, higher_is_better=True) is found


@pytest.mark.parametrize(
    ("now", "before", "interval"),
    [((56, 70), (48, 80), (0.0524, 0.3339)), ((9, 10), (3, 10), (0.1705, 0.8090)), ((10, 10), (0, 10), (0.6075, 1.0))],
)
def test_newcombes_own_examples(now: tuple[int, int], before: tuple[int, int], interval: tuple[float, float]) -> None:
    """His table II, method 10."""
    assert difference_of_shares(before, now) == pytest.approx(interval, abs=5e-5)


def test_false_alarms_are_as_rare_as_they_are_said_to_be() -> None:
    """Of weeks that are drawn from one distribution at most 5 % are called different, of shares likewise."""
    rng = random.Random(5)
    weeks, alarms, share_alarms = 2000, 0, 0
    for _ in range(weeks):
        one, two = ([rng.gauss(0.3, 0.03) for _ in range(7)] for _ in range(2))
        alarms += changed(one, two, higher_is_better=False) is not Change.SAME
        good, better = (sum(rng.random() < 0.95 for _ in range(140)) for _ in range(2))
        share_alarms += changed_share((good, 140), (better, 140), higher_is_better=True) is not Change.SAME
    assert alarms / weeks <= 0.06
    assert share_alarms / weeks <= 0.06


def test_a_fifth_more_is_found() -> None:
    rng = random.Random(6)
    found = 0
    for _ in range(500):
        before, now = [rng.gauss(0.30, 0.02) for _ in range(7)], [rng.gauss(0.36, 0.02) for _ in range(7)]
        found += changed(before, now, higher_is_better=False) is Change.WORSE
    assert found / 500 >= 0.99
