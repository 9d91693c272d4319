"""Is what is stored fit to be stored? Five dimensions, each a figure, its limit and what was wrong. Pure.

The limits are the ones that the platforms set for their own data: completeness 98 %, accuracy 99 %, freshness below 5
minutes, duplicates below 0.1 %, schema validity 99.5 %. One run gives a share of its own checks; a history gives the mean
over its runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reports.document import schema
from reports.store.accuracy import cross_checks
from reports.store.entry import BACKFILLED, Entry
from reports.store.schema_check import violations

LIMITS = {"completeness": 0.98, "accuracy": 0.99, "freshness": 300.0, "duplicates": 0.001, "schema": 0.995}
"""Shares at least, except freshness (seconds, below) and duplicates (share, below)."""
BELOW = ("freshness", "duplicates")
CLOCK_SLACK = 5.0
"""Seconds by which two clocks may disagree: a run that ends later than that after it was stored has no known age."""
_RUN_FIELDS = ("id", "started_at", "duration_seconds", "scenario", "target", "version", "targets", "horizon")
_HEALTH_FIELDS = ("trustworthy", "reasons")
_CORE_METRICS = ("join_success_ratio", "connection_success_ratio", "connection_stability_ratio")
"""What every run has in which somebody joined, whatever its scenario."""
_BITRATES = ("send_bitrate_bps", "receive_bitrate_bps")
"""One of which it has: who only watches sends nothing, who only publishes is sent nothing."""
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One dimension: `value` against `limit` (None: does not apply), and what was wrong in words."""

    dimension: str
    value: float | None
    limit: float
    ok: bool
    message: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def check(entry: Entry, stored_at: datetime) -> list[Finding]:
    """All five, as far as the entry alone tells; duplicates are known when the same id comes again."""
    return [
        _share("completeness", _completeness(entry)),
        _share("accuracy", cross_checks(entry)),
        _freshness(entry, stored_at),
        duplicates(0),
        _schema(entry),
    ]


def _share(dimension: str, checks: Iterable[tuple[str, bool]]) -> Finding:
    done = list(checks)
    wrong = [name for name, holds in done if not holds]
    value = 1.0 - len(wrong) / len(done) if done else 1.0
    return Finding(dimension, value, LIMITS[dimension], value >= LIMITS[dimension], _named(wrong))


def _named(wrong: list[str]) -> str:
    more = f" and {len(wrong) - _MOST_NAMED} more" if len(wrong) > _MOST_NAMED else ""
    return "; ".join(wrong[:_MOST_NAMED]) + more


def _completeness(entry: Entry) -> Iterable[tuple[str, bool]]:
    """Required fields, and the metrics that a run in which somebody joined can't be without."""
    run, health = entry.document["run"], entry.document["health"]
    for name in _RUN_FIELDS:
        yield f"run.{name} is missing", run.get(name) not in (None, "")
    for name in _HEALTH_FIELDS:
        yield f"health.{name} is missing", name in health
    if not entry.document["verdict"]["measured"]:
        return
    for name in _CORE_METRICS:
        yield f"no {name}", name in entry.summary
    yield "no bitrate, neither way", any(name in entry.summary for name in _BITRATES)
    for name, part in entry.summary.items():
        yield f"{name} has no histogram", isinstance(part.get("histogram"), Mapping)


def _freshness(entry: Entry, stored_at: datetime) -> Finding:
    """Seconds from the end of the run until it was stored; below zero some clock is wrong."""
    if entry.labels.get(BACKFILLED):
        return Finding("freshness", None, LIMITS["freshness"], True, "the run's time was given, not read")
    age = (stored_at - entry.started_at).total_seconds() - float(entry.document["run"]["duration_seconds"] or 0.0)
    message = ""
    if age < -CLOCK_SLACK:
        message = f"the run ends {-age:.0f} s after it was stored: a clock is wrong"
    elif age >= LIMITS["freshness"]:
        message = f"stored {age:.0f} s after it ended"
    return Finding("freshness", age, LIMITS["freshness"], not message, message)


def duplicates(repeats: int) -> Finding:
    """`repeats`: how often the run came again. Nothing is stored twice, but somebody sends twice."""
    share = repeats / (repeats + 1)
    message = f"the same run came {repeats} more time{'s' if repeats > 1 else ''}; the first is kept" if repeats else ""
    return Finding("duplicates", share, LIMITS["duplicates"], share < LIMITS["duplicates"], message)


def _schema(entry: Entry) -> Finding:
    wrong = list(violations(entry.document, schema()))
    return Finding("schema", 0.0 if wrong else 1.0, LIMITS["schema"], not wrong, _named(wrong))


@dataclass(frozen=True, slots=True)
class Quality:
    """Of a whole history: per dimension the mean over its runs (freshness: the largest; duplicates: of all that came) against its
    limit. Where one run's clock was wrong, freshness does not hold."""

    dimension: str
    value: float | None
    limit: float
    ok: bool
    runs: int


def overall(findings: Iterable[Finding]) -> list[Quality]:
    """The five dimensions over many runs' findings; none of a dimension: value None, which holds."""
    by: dict[str, list[float]] = {name: [] for name in LIMITS}
    for finding in findings:
        if finding.value is not None:
            by[finding.dimension].append(finding.value)
    return [_overall(name, values) for name, values in by.items()]


def _overall(dimension: str, values: list[float]) -> Quality:
    limit = LIMITS[dimension]
    if not values:
        return Quality(dimension, None, limit, True, 0)
    value = _joined(dimension, values)
    holds = value < limit if dimension in BELOW else value >= limit
    return Quality(dimension, value, limit, holds and min(values) >= -CLOCK_SLACK, len(values))


def _joined(dimension: str, values: Sequence[float]) -> float:
    if dimension == "freshness":
        return max(values)
    if dimension == "duplicates":
        return 1.0 - len(values) / sum(map(arrivals, values))
    return sum(values) / len(values)


def arrivals(share: float) -> int:
    """How often a run came of whose arrivals that share were repetitions."""
    return round(1.0 / (1.0 - share))


def unit_of(dimension: str) -> str:
    """What its figures and its limit are in."""
    return "seconds" if dimension == "freshness" else "ratio"


def sign_of(dimension: str) -> str:
    """What a figure has to be, beside the limit."""
    return "<" if dimension in BELOW else "≥"
