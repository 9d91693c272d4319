from __future__ import annotations

import math

import numpy as np
import pytest

from reports.contrast import Reading, contrast, fisher, margin, two_sided


def test_fisher_against_the_textbook() -> None:
    # R. A. Fisher's tea: 3 of 4 against 1 of 4, two-sided p 34 / 70; 10 of 12 against 2 of 12 (Dickinson's twins, 10/13 and 2/17)
    assert fisher(3, 4, 1, 4) == pytest.approx(34 / 70)
    assert fisher(10, 13, 2, 17) == pytest.approx(0.0005367, rel=1e-3)
    assert fisher(5, 5, 5, 5) == 1.0


def test_many_attempts_are_pooled() -> None:
    few, many = fisher(9_000, 10_000, 8_900, 10_000), fisher(900_000, 1_000_000, 890_000, 1_000_000)
    assert 0.01 < few < 0.05
    assert many < 1e-50


def test_student_s_tails() -> None:
    assert two_sided(2.228, 10) == pytest.approx(0.05, abs=1e-4)
    assert two_sided(4.587, 10) == pytest.approx(0.001, abs=1e-5)
    assert two_sided(0.0, 3) == pytest.approx(1.0)


def test_several_runs_are_judged_by_what_runs_differ_by() -> None:
    before = [Reading(value, 0.05, 100) for value in (0.10, 0.12, 0.14, 0.12)]
    after = [Reading(value, 0.05, 100) for value in (0.16, 0.18)]
    found = contrast(before, after, "seconds")
    assert found is not None
    assert [found.before, found.after] == pytest.approx([0.12, 0.17])
    error = math.sqrt((0.0008 + 0.0002) / 4 * (1 / 4 + 1 / 2))
    assert found.interval.high - found.difference == pytest.approx(2.776 * error, rel=1e-3)
    assert found.p == pytest.approx(two_sided((0.05 - 0.03 * 0.12) / error, 4))


def test_runs_that_agree_by_chance_are_no_quieter_than_their_values() -> None:
    same = [Reading(0.1, 0.05, 25)] * 3
    found = contrast(same, [Reading(0.13, 0.05, 25)] * 3, "seconds")
    assert found is not None
    assert found.interval.high - found.difference == pytest.approx(2.776 * 0.01 * math.sqrt(2 / 3), rel=1e-3)


def test_three_runs_find_what_two_do() -> None:
    one, other = Reading(0.0, 0.004, 12), Reading(0.02, 0.004, 12)
    two = contrast([one], [other], "ratio")
    three = contrast([one, Reading(0.0005, 0.004, 12)], [other], "ratio")
    assert two is not None
    assert three is not None
    assert three.p < two.p < 1e-3
    scattered = contrast([one, Reading(0.018, 0.004, 12)], [other], "ratio")
    assert scattered is not None
    assert scattered.p > 0.1
    assert contrast([one, one], [Reading(0.02, None, 12)], "ratio") is None


def test_a_change_within_the_margin_is_none() -> None:
    assert margin("seconds", 0.1) == pytest.approx(0.003)
    assert margin("seconds", 0.001) == 0.001
    found = contrast([Reading(0.1, 0.0, 50)] * 3, [Reading(0.102, 0.0, 50)] * 3, "seconds")
    assert found is not None
    assert found.p == 1.0
    certain = contrast([Reading(0.1, 0.0, 50)] * 3, [Reading(0.2, 0.0, 50)] * 3, "seconds")
    assert certain is not None
    assert certain.p < 1e-12


def test_single_runs_count_participants_and_an_assumed_noise() -> None:
    found = contrast([Reading(0.1, 0.02, 4)], [Reading(0.2, 0.02, 4)], "seconds")
    assert found is not None
    error = math.sqrt(2 * 0.01**2 + 2 * 0.003**2)
    assert found.p == pytest.approx(two_sided(0.097 / error, 6))
    assert contrast([Reading(0.1, None, 1)], [Reading(0.2, None, 1)], "seconds") is None
    assert contrast([], [Reading(0.2, 0.1, 4)], "seconds") is None


def test_single_ratios_are_judged_by_fisher_with_newcombe_s_interval() -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998) 873, table II (a), method 10: 56/70 less 48/80 is 0.0524 to 0.3339
    found = contrast([Reading(48 / 80, None, 80, rate=True)], [Reading(56 / 70, None, 70, rate=True)], "ratio")
    assert found is not None
    assert (round(found.interval.low, 4), round(found.interval.high, 4)) == (0.0524, 0.3339)
    assert found.p == pytest.approx(fisher(48, 80, 56, 70))


def test_several_runs_without_a_failure_are_not_without_noise() -> None:
    before = [Reading(1.0, None, 20, rate=True)] * 4
    one_failure = contrast(before, [Reading(0.95, None, 20, rate=True)], "ratio")
    assert one_failure is not None
    assert one_failure.p > 0.2
    half = contrast(before, [Reading(0.5, None, 20, rate=True)] * 2, "ratio")
    assert half is not None
    assert half.p < 1e-3


def test_runs_that_differ_by_themselves_rarely_seem_changed() -> None:
    """Whatever the runs' own scatter is: p is below 1 % in no more than 1 % of comparisons."""
    rng = np.random.default_rng(3)
    for before, after in ((3, 3), (5, 1), (5, 5)):
        low = 0
        for values in 1.0 + 0.1 * rng.standard_normal((2000, before + after)):
            readings = [Reading(value, 0.01, 100) for value in values.tolist()]
            found = contrast(readings[:before], readings[before:], "fps")
            assert found is not None
            low += found.p < 0.01
        assert low / 2000 < 0.01
