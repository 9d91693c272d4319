"""Periods, and how they are cut."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from probe.model.errors import ConfigError
from reports.cadence.audiences import AUDIENCES
from reports.cadence.period import PERIODS, period_of

UNTIL = datetime(2026, 11, 22, 2, tzinfo=UTC)


def test_a_week_and_the_week_before() -> None:
    week = period_of("week", UNTIL)
    assert (week.start, week.end) == (datetime(2026, 11, 15, 2, tzinfo=UTC), UNTIL)
    assert (week.before.start, week.before.end) == (datetime(2026, 11, 8, 2, tzinfo=UTC), week.start)
    assert week.holds(week.start)
    assert not week.holds(week.end), "an instant belongs to one period only"
    assert week.before.holds(week.start - timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("name", "count"), [("day", 12), ("week", 7), ("2weeks", 14), ("month", 15), ("quarter", 13), ("year", 13)]
)
def test_points_cover_the_period_once(name: str, count: int) -> None:
    period = period_of(name, UNTIL)
    found = period.points
    assert len(found) == count
    assert (found[0].start, found[-1].end) == (period.start, period.end)
    assert all(one.end == two.start for one, two in pairwise(found))


def test_unknown_periods_are_named() -> None:
    with pytest.raises(ConfigError, match="did you mean 'week'"):
        period_of("weak", UNTIL)


def test_every_audience_has_its_period() -> None:
    assert {name: audience.period for name, audience in AUDIENCES.items()} == {
        "engineering": "day",
        "product": "2weeks",
        "leadership": "week",
        "board": "quarter",
    }
    assert all(audience.period in PERIODS for audience in AUDIENCES.values())
