from __future__ import annotations

import math
import random
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.histogram import RELATIVE_ERROR, Histogram
from probe.measure.intervals import (
    Interval,
    attempts_needed,
    exact_ratio_interval,
    incomplete_beta,
    mean_interval,
    percentile_interval,
    samples_needed,
    student_t,
    wilson,
)


def _of(values: list[float]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


def test_wilson_against_the_textbook() -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3, 95 %
    for successes, n, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        interval = wilson(successes, n, 0.95)
        assert interval is not None
        assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


def test_twenty_of_twenty_do_not_prove_98_percent() -> None:
    interval = wilson(20, 20)
    assert interval is not None
    assert interval.low == pytest.approx(0.8808, abs=5e-5)
    assert interval.high == 1.0
    assert attempts_needed(20, 20, 0.98) == 129


def test_attempts_that_prove_the_targets() -> None:
    assert attempts_needed(0, 0, 0.98) == 149  # 0.98 ** 149 < 5 % < 0.98 ** 148
    assert attempts_needed(0, 0, 0.995) == 598
    assert attempts_needed(149, 149, 0.98) == 0
    assert attempts_needed(148, 148, 0.98) == 1


def test_a_target_of_one_cannot_be_proven() -> None:
    assert attempts_needed(1000, 1000, 1.0) is None
    assert attempts_needed(0, 0, 1 - 1e-9) is None  # provable, but not within the bound


def test_nothing_is_to_be_proven_for_zero() -> None:
    assert attempts_needed(0, 5, 0.0) == 0
    assert attempts_needed(0, 0, 0.0) == 1  # without any attempt there is no interval


@given(st.integers(0, 50), st.integers(0, 50), st.floats(0.5, 0.999))
def test_attempts_needed_is_the_smallest_that_suffices(failures: int, successes: int, target: float) -> None:
    n = failures + successes
    more = attempts_needed(successes, n, target)
    assert more is not None
    proven = exact_ratio_interval(successes + more, n + more)
    assert proven is not None
    assert proven.low >= target - 1e-12
    if more > 0:
        almost = exact_ratio_interval(successes + more - 1, n + more - 1)
        assert almost is None or almost.low < target + 1e-12


def test_exact_interval_against_the_textbook() -> None:
    # C. J. Clopper, E. S. Pearson (1934); R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 5, 95 %
    for successes, n, low, high in [
        (81, 263, 0.2527, 0.3676),
        (15, 148, 0.0578, 0.1617),
        (0, 20, 0.0, 0.1684),
        (1, 29, 0.0009, 0.1776),
    ]:
        interval = exact_ratio_interval(successes, n, 0.95)
        assert interval is not None
        assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)
    assert exact_ratio_interval(0, 0) is None


@given(st.integers(1, 300), st.floats(0, 1))
def test_exact_interval_leaves_each_tail_its_error(n: int, share: float) -> None:
    successes = round(share * n)
    interval = exact_ratio_interval(successes, n)
    assert interval is not None
    if successes:
        assert 1 - _binomial(successes - 1, n, interval.low) == pytest.approx(0.05, abs=1e-9)
    if successes < n:
        assert _binomial(successes, n, interval.high) == pytest.approx(0.05, abs=1e-9)


def _binomial(k: int, n: int, p: float) -> float:
    """P(B(n, p) <= k), summed up."""
    return math.fsum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))


@given(st.integers(1, 5000), st.floats(0, 1), st.floats(0.5, 0.99))
def test_wilson_contains_the_ratio_and_mirrors(n: int, share: float, confidence: float) -> None:
    successes = round(share * n)
    interval, mirrored = wilson(successes, n, confidence), wilson(n - successes, n, confidence)
    assert interval is not None
    assert mirrored is not None
    assert 0 <= interval.low <= successes / n <= interval.high <= 1
    assert (interval.low, interval.high) == pytest.approx((1 - mirrored.high, 1 - mirrored.low), abs=1e-12)


def test_no_attempts_no_interval() -> None:
    assert wilson(0, 0) is None
    assert percentile_interval(Histogram(), 0.95) is None
    assert mean_interval(Histogram()) is None
    assert mean_interval(_of([3.0])) is None


@pytest.mark.parametrize(("successes", "n"), [(-1, 3), (4, 3), (0, -1), (math.nan, 3)])
def test_impossible_counts(successes: float, n: int) -> None:
    for interval in (wilson, exact_ratio_interval):
        with pytest.raises(ValueError, match="attempts"):
            interval(successes, n)


@pytest.mark.parametrize("confidence", [0.0, 1.0, -1.0, 90.0, math.nan])
def test_impossible_confidence(confidence: float) -> None:
    histogram = _of([1.0, 2.0])
    for call in (
        lambda: wilson(1, 2, confidence),
        lambda: percentile_interval(histogram, 0.5, confidence),
        lambda: mean_interval(histogram, confidence),
        lambda: samples_needed(0.5, confidence),
    ):
        with pytest.raises(ValueError, match="confidence"):
            call()


@pytest.mark.parametrize("q", [0.0, 1.0, 95.0])
def test_impossible_quantiles_and_targets(q: float) -> None:
    with pytest.raises(ValueError, match="quantile"):
        percentile_interval(_of([1.0]), q)
    with pytest.raises(ValueError, match="quantile"):
        samples_needed(q)
    with pytest.raises(ValueError, match="target"):
        attempts_needed(0, 0, q + 1.5)


def _exact_ranks(n: int, q: float, tail: float) -> tuple[int, int]:
    """Order-statistic ranks by plain summation of the binomial; 0 and n + 1 are open ends."""
    cdf, total = [], 0.0
    for k in range(n + 1):
        total += math.comb(n, k) * q**k * (1 - q) ** (n - k)
        cdf.append(total)
    low = max((rank for rank in range(1, n + 1) if cdf[rank - 1] <= tail), default=0)
    high = min((rank for rank in range(1, n + 1) if 1 - cdf[rank - 1] <= tail), default=n + 1)
    return (low if cdf[max(low - 1, 0)] <= tail else 0), high


@pytest.mark.parametrize("q", [0.05, 0.5, 0.95, 0.99])
@pytest.mark.parametrize("n", [1, 2, 5, 20, 59, 100, 300])
def test_percentile_interval_takes_the_exact_order_statistics(n: int, q: float) -> None:
    interval = percentile_interval(_of([float(value) for value in range(1, n + 1)]), q)
    assert interval is not None
    # P(X_(l) > quantile) = P(B <= l - 1), P(X_(u) < quantile) = P(B >= u) = 1 - P(B <= u - 1)
    low, high = _exact_ranks(n, q, 0.05)
    expected_low = float(low) if low else -math.inf
    expected_high = float(high) if high <= n else math.inf
    assert interval.low == pytest.approx(expected_low, rel=RELATIVE_ERROR * 1.001)
    assert interval.high == pytest.approx(expected_high, rel=RELATIVE_ERROR * 1.001)


def test_known_median_interval() -> None:
    # n = 20, 95 %: the 6th and the 15th value (David and Nagaraja; any table of the sign test)
    interval = percentile_interval(_of([float(value) for value in range(1, 21)]), 0.5, 0.95)
    assert interval is not None
    assert (round(interval.low), round(interval.high)) == (6, 15)


def test_too_few_values_leave_the_end_open() -> None:
    assert samples_needed(0.95) == 59
    assert samples_needed(0.99) == 299
    assert samples_needed(0.05) == 59
    short, enough = (percentile_interval(_of([float(n) for n in range(1, count + 1)]), 0.95) for count in (58, 59))
    assert short is not None
    assert enough is not None
    assert short.high == math.inf
    assert short.to_list()[1] is None
    assert enough.high == 59.0
    assert Interval(0.5, 1.0, 0.9).to_list() == [0.5, 1.0]


def test_percentile_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = random.Random(5)
    true = math.log(20)  # p95 of the exponential distribution
    hits = 0
    for _ in range(400):
        interval = percentile_interval(_of([rng.expovariate(1.0) for _ in range(120)]), 0.95)
        assert interval is not None
        hits += interval.low <= true <= interval.high
    assert hits / 400 > 0.87  # at least 90 %; three standard deviations of the simulation below


def test_mean_interval_of_a_small_sample() -> None:
    interval = mean_interval(_of([1.0, 2.0, 3.0, 4.0, 5.0]), 0.95)
    assert interval is not None
    half = 2.7764451 * math.sqrt(2.5 / 5)
    assert (interval.low, interval.high) == pytest.approx((3 - half, 3 + half), abs=1e-7)


def test_mean_interval_of_equal_values_has_no_width() -> None:
    interval = mean_interval(_of([0.1] * 10))
    assert interval is not None
    assert interval.low == interval.high == 0.1


@pytest.mark.parametrize(
    ("degrees", "confidence", "expected"),
    [
        (1, 0.90, 6.3138),
        (2, 0.95, 4.3027),
        (10, 0.90, 1.8125),
        (10, 0.99, 3.1693),
        (30, 0.95, 2.0423),
        (120, 0.95, 1.9799),
    ],
)
def test_student_t_against_the_table(degrees: int, confidence: float, expected: float) -> None:
    assert round(student_t(degrees, confidence), 4) == expected


def test_student_t_meets_the_normal_quantile() -> None:
    normal = NormalDist().inv_cdf(0.95)
    assert student_t(1_000_000) == pytest.approx(normal, abs=1e-5)
    assert student_t(1_000_001) == normal
    with pytest.raises(ValueError, match="degrees"):
        student_t(0)


def test_incomplete_beta_known_values() -> None:
    assert incomplete_beta(2, 3, 0.4) == pytest.approx(0.5248, abs=1e-12)  # P(B(4, 0.4) >= 2)
    assert incomplete_beta(0.5, 0.5, 0.25) == pytest.approx(2 / math.pi * math.asin(0.5), abs=1e-12)
    assert (incomplete_beta(2, 3, 0.0), incomplete_beta(2, 3, 1.0)) == (0.0, 1.0)


def test_a_campaign_of_millions_is_no_trouble() -> None:
    histogram = Histogram()
    histogram.add(1.0, 50_000_000)
    histogram.add(2.0, 50_000_000)
    interval = percentile_interval(histogram, 0.99)
    assert interval is not None
    assert interval.low == pytest.approx(2.0, rel=RELATIVE_ERROR)


@given(st.lists(st.floats(0.001, 10), min_size=1, max_size=200), st.floats(0.05, 0.95))
def test_values_that_count_as_fewer_have_the_ends_that_so_many_would_have(values: list[float], q: float) -> None:
    histogram = _of(values)
    alone = percentile_interval(histogram, q)
    assert percentile_interval(histogram, q, worth=len(values)) == alone
    assert percentile_interval(histogram, q, worth=math.inf) == alone
    assert alone is not None
    for worth in (0.5, len(values) / 3, len(values) - 1):
        fewer = percentile_interval(histogram, q, worth=worth)
        assert fewer is not None
        assert fewer.low <= alone.low
        assert fewer.high >= alone.high


def test_ends_of_values_that_count_as_fewer() -> None:
    histogram = _of([number / 1000 for number in range(1, 1001)])
    interval = percentile_interval(histogram, 0.5, worth=10.9)
    assert interval is not None
    # of ten values the 2nd and the 9th, which stand for the 101st to 200th and the 801st to 900th
    assert interval.low == pytest.approx(0.101, rel=RELATIVE_ERROR)
    assert interval.high == pytest.approx(0.9, rel=RELATIVE_ERROR)
