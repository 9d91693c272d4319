"""Uptime, outages, and the times to recover and between failures, from checks over time. Pure.

A run is a check: the platform was up when somebody reached media. So are pings of another tool, if their times are known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from probe.model.samples import Sample


@dataclass(frozen=True, slots=True)
class Check:
    """`time` in seconds on any one clock; `planned`: the platform had told that it would be down."""

    time: float
    up: bool
    planned: bool = False


@dataclass(frozen=True, slots=True)
class Outage:
    """From the first check that failed to the next that succeeded; `end` None while it lasts."""

    start: float
    end: float | None
    planned: bool


def outages(checks: Iterable[Check]) -> list[Outage]:
    """The outages, in time's order. One is planned if all of its failed checks were."""
    found: list[Outage] = []
    failed: list[Check] = []
    for check in sorted(checks, key=lambda one: one.time):
        if not check.up:
            failed.append(check)
        elif failed:
            found.append(Outage(failed[0].time, check.time, all(one.planned for one in failed)))
            failed = []
    if failed:
        found.append(Outage(failed[0].time, None, all(one.planned for one in failed)))
    return found


def availability_samples(checks: Iterable[Check]) -> list[Sample]:
    """Samples of `platform_uptime_ratio` (a check each), `outage_seconds` (of outages that are over, class planned or unplanned) and
    `time_between_failures_seconds` (between unplanned outages).

    What lies between two checks is not known: an outage is as long as the checks see it, so check more often than the time to
    recover that is promised.
    """
    known = sorted(checks, key=lambda one: one.time)
    samples = [Sample("platform_uptime_ratio", float(check.up), check.time) for check in known]
    down = outages(known)
    for one in down:
        if one.end is not None:
            kind = "planned" if one.planned else "unplanned"
            samples.append(Sample("outage_seconds", one.end - one.start, one.end, {"class": kind}))
    unplanned = [one for one in down if not one.planned]
    for before, after in pairwise(unplanned):
        if before.end is not None:
            samples.append(Sample("time_between_failures_seconds", after.start - before.end, after.start))
    return samples
