"""What of many readings may count as independent, and how sure their mean is then."""

from __future__ import annotations

import math

import pytest

from probe.measure.intervals import student_t
from probe.model.samples import Sample
from reports.independent import SKEW_WEIGHT, independent
from reports.units import Share, Units, UnitWant

WANT = UnitWant("round_trip_time_seconds")


def shares(**units: tuple[int, float]) -> dict[str, Share]:
    """ "meeting_who": (readings, their mean)."""
    return {name.replace("_", "\n"): Share(count, count * mean) for name, (count, mean) in units.items()}


def test_meetings_where_there_are_several_else_participants() -> None:
    found = independent(shares(m_a=(10, 1.0), m_b=(30, 2.0), n_a=(20, 3.0)), 60)
    assert found is not None
    assert found.what == "meeting"
    assert sorted((share.count, share.sum) for share in found.shares) == [(20, 60.0), (40, 70.0)]
    found = independent(shares(m_a=(10, 1.0), m_b=(30, 2.0)), 40)
    assert found is not None
    assert (found.what, [share.count for share in found.shares]) == ("participant", [10, 30])


@pytest.mark.parametrize(("runs", "what", "count"), [(2, "meeting", 4), (5, "meeting", 10), (6, "run", 6)])
def test_runs_where_six_were_pooled(runs: int, what: str, count: int) -> None:
    pooled = Units()
    for number in range(runs):
        one = Units([WANT])
        for meeting in ("m", "n"):
            for who in ("a", "b"):
                one.add(Sample(WANT.metric, float(number), 1.0, {}, {"who": who, "meeting": meeting}))
        pooled.append(one)
    found = independent(pooled.shares(WANT), 4 * runs)
    assert found is not None
    assert (found.what, len(found.shares), {share.count for share in found.shares}) == (
        what,
        count,
        {4 * runs // count},
    )


def test_one_participant_is_taken_as_it_is() -> None:
    assert independent(shares(m_a=(40, 1.0)), 40) is None
    assert independent({}, 0) is None


def test_nothing_is_known_where_some_readings_are_not_among_them() -> None:
    assert independent(shares(m_a=(10, 1.0), n_b=(30, 2.0)), 41) is None


def test_equal_shares_give_students_interval_of_their_means() -> None:
    means = (1.0, 2.0, 4.0, 5.0)  # as far on one side as on the other: no skewness
    found = independent(shares(**{f"m{at}_a": (25, mean) for at, mean in enumerate(means)}), 100)
    assert found is not None
    interval = found.interval(0.9)
    half = student_t(3, 0.9) * math.sqrt(10 / 3 / 4)  # variance of the four means is 10/3
    assert interval.low == pytest.approx(3 - half)
    assert interval.high == pytest.approx(3 + half)


def test_who_read_more_counts_for_more() -> None:
    found = independent(shares(m_a=(90, 1.0), n_a=(10, 2.0)), 100)
    assert found is not None
    interval = found.interval(0.9)
    # Each pulls the mean by 0.09; the squares of their weights sum to 0.82, so they are worth 1.2 equal ones.
    variance = 0.09**2 * (1 / (1 - 2 * 0.9 + 0.82) + 1 / (1 - 2 * 0.1 + 0.82))
    half = student_t(1, 0.9) * math.sqrt(variance)
    assert interval.low == pytest.approx(1.1 - half)
    assert interval.high == pytest.approx(1.1 + half)


def test_a_long_tail_moves_its_end_out() -> None:
    found = independent(shares(**{f"m{at}_a": (10, mean) for at, mean in enumerate((1.0, 1.0, 1.0, 1.0, 6.0))}), 50)
    assert found is not None
    interval, t = found.interval(0.9), student_t(4, 0.9)
    assert interval.low == pytest.approx(2 - t)  # the mean of the five means is 2, its error 1
    skewness = (64 - 4) / 20**1.5
    assert interval.high == pytest.approx(2 + t + SKEW_WEIGHT * skewness * (1 + 2 * t * t) / 6)


def test_agreement_is_no_spread_and_more_units_narrow_it() -> None:
    found = independent(shares(m_a=(10, 2.0), n_a=(20, 2.0), o_a=(5, 2.0)), 35)
    assert found is not None
    interval = found.interval(0.9)
    assert interval.high - interval.low == pytest.approx(0.0, abs=1e-12)
    assert found.narrowed(1.0, 3, 0.9) == 1.0
    # worth 35² / 525 = 2.33 equal ones, and four times as many 9.33
    assert found.narrowed(1.0, 12, 0.9) == pytest.approx(0.5 * student_t(8, 0.9) / student_t(1, 0.9))


@pytest.mark.parametrize("good", [[3, 3, 3, 3], [0, 0, 0], [4, 4, 4, 4]])
def test_where_meetings_agree_each_reading_counts(good: list[int]) -> None:
    found = independent({f"m{at}\na": Share(4, float(one)) for at, one in enumerate(good)}, 4 * len(good))
    assert found is not None
    assert found.worth(0.9) == 4 * len(good)


def test_where_each_meeting_is_good_or_bad_meetings_count() -> None:
    found = independent({f"m{at}\na": Share(10, 10.0 * (at > 3)) for at in range(20)}, 200)
    assert found is not None
    assert found.worth(0.9) == 20
    unequal = independent({"m\na": Share(30, 30.0), "n\na": Share(10, 0.0)}, 40)
    assert unequal is not None
    assert unequal.worth(0.9) == pytest.approx(40**2 / (30**2 + 10**2))


def test_in_between_the_variance_of_the_meetings_decides() -> None:
    good = [10, 9, 10, 7, 10, 10, 8, 10]
    found = independent({f"m{at}\na": Share(10, float(one)) for at, one in enumerate(good)}, 80)
    assert found is not None
    ratio = sum(good) / 80
    variance = sum((one / 10 - ratio) ** 2 for one in good) / 7 / 8
    few = student_t(79, 0.9) / student_t(7, 0.9)
    assert found.worth(0.9) == pytest.approx(ratio * (1 - ratio) / variance * few**2)
    assert 8 < found.worth(0.9) < 80


def test_readings_one_each_count_as_they_are() -> None:
    for total in (20, 200):
        found = independent({f"m\n{at}": Share(1, float(at % 4 > 0)) for at in range(total)}, total)
        assert found is not None
        assert found.worth(0.9) == pytest.approx(total)
