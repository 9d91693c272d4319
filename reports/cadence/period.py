"""The span of time that a report is about, the one before it, and how it is cut into points of a trend. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from probe.model.errors import ConfigError
from probe.model.validation import nearest

PERIODS: dict[str, tuple[timedelta, timedelta]] = {
    "day": (timedelta(days=1), timedelta(hours=2)),
    "week": (timedelta(days=7), timedelta(days=1)),
    "2weeks": (timedelta(days=14), timedelta(days=1)),
    "month": (timedelta(days=30), timedelta(days=2)),
    "quarter": (timedelta(days=91), timedelta(days=7)),
    "year": (timedelta(days=364), timedelta(days=28)),
}
"""How long each is, and how long one point of its trends."""
_WORDS = {"day": "day", "week": "week", "2weeks": "two weeks", "month": "month", "quarter": "quarter", "year": "year"}


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` up to, but without, `end`; UTC."""

    name: str
    start: datetime
    end: datetime

    @property
    def words(self) -> str:
        return _WORDS[self.name]

    @property
    def before(self) -> Period:
        """The one of the same length that ends where this one starts."""
        return Period(self.name, self.start - (self.end - self.start), self.start)

    @property
    def points(self) -> list[Period]:
        """The period cut into pieces, oldest first."""
        step, found, start = PERIODS[self.name][1], [], self.start
        while start < self.end:
            found.append(Period(self.name, start, min(start + step, self.end)))
            start += step
        return found

    def holds(self, instant: datetime) -> bool:
        return self.start <= instant < self.end


def period_of(name: str, until: datetime) -> Period:
    """The period that ends then. Raises ConfigError for an unknown name."""
    if name not in PERIODS:
        raise ConfigError(f"unknown period {name!r}{nearest(name, PERIODS)}", who="--period")
    return Period(name, until - PERIODS[name][0], until)
