"""The verdict: a profile's rows against a summary. Pure: the same figures give the same verdict, on any day.

A ratio, mean or percentile passes when its whole 90 % interval keeps the target and fails when none of it does: each way
a one-sided test at 95 %. In between, and with fewer than five values of a mean or percentile, it is inconclusive.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from probe.measure.histogram import Histogram
from probe.measure.summary import Summary
from reports.evidence import failure, no_samples, seen, undecided
from reports.figure import FEWEST_SAMPLES, Figure, figure, more_needed
from reports.kpi import KpiResult, Status
from reports.targets.expression import COMPARISONS
from reports.targets.profile import Kpi, Profile


@dataclass(frozen=True, slots=True)
class Grounds:
    """What the figures rest on. `duration_seconds` of the run; `distrust` is why the generator can't be believed."""

    summary: Summary
    duration_seconds: float
    distrust: Sequence[str] = ()

    @property
    def measured(self) -> bool:
        """Was there anything to measure: a join that reached media, or at least a peer connection that was tried?"""
        joins = self.summary.histogram("join_success_ratio")
        joined = joins is not None and bool(joins.maximum)
        return joined or "connection_success_ratio" in self.summary

    @property
    def obstacle(self) -> str:
        """Why nothing can be judged; empty if it can."""
        if self.distrust:
            more = f" (and {len(self.distrust) - 1} more)" if len(self.distrust) > 1 else ""
            return f"the generator was not trustworthy: {self.distrust[0]}{more}"
        return "" if self.measured else "nothing could be measured: no participant got as far as a peer connection"


def judge(profile: Profile, horizon: str, judges: Collection[str] | None, grounds: Grounds) -> list[KpiResult]:
    """Every row of the profile, in its order. `judges` are the rows that this run can judge, None: those that the
    profile leaves to a single run."""
    return [_row(kpi, horizon, _reason_not_judged(kpi, horizon, judges), grounds) for kpi in profile.kpis]


def _reason_not_judged(kpi: Kpi, horizon: str, judges: Collection[str] | None) -> str:
    wanted = not kpi.not_judged if judges is None else kpi.id in judges
    if kpi.metric is None or not wanted:
        return kpi.not_judged or "this scenario does not judge it"
    if kpi.is_reduction and not kpi.baseline:
        return kpi.not_judged or "needs reduction_from, the figure that the reduction counts from"
    return "" if kpi.target(horizon) is not None else f"no target is set for {horizon}"


def _row(kpi: Kpi, horizon: str, not_judged: str, grounds: Grounds) -> KpiResult:
    histogram = _samples(kpi, grounds.summary)
    known = histogram is not None and not (kpi.is_reduction and not kpi.baseline)
    found = figure(kpi, histogram, grounds.duration_seconds) if histogram and known else None
    status, evidence = _verdict(kpi, kpi.target(horizon), found, histogram, grounds)
    if not_judged:
        status, evidence = Status.NOT_JUDGED, not_judged
    elif grounds.obstacle:
        status, evidence = Status.INCONCLUSIVE, grounds.obstacle
    return KpiResult(
        kpi=kpi.id,
        title=kpi.title,
        metric=kpi.metric,
        aggregate=kpi.aggregate,
        comparison=kpi.comparison,
        target=kpi.target(horizon),
        horizon=horizon,
        unit=kpi.judged_unit,
        value=found.value if found else None,
        interval=found.interval if found else None,
        count=histogram.count if histogram else 0,
        status=status,
        evidence=evidence,
        benchmark=kpi.benchmark,
        scale=kpi.scale,
    )


def _samples(kpi: Kpi, summary: Summary) -> Histogram | None:
    selector = kpi.selector
    return summary.histogram(selector.metric.name, selector.tag) if selector else None


def _verdict(
    kpi: Kpi, target: float | None, found: Figure | None, histogram: Histogram | None, grounds: Grounds
) -> tuple[Status, str]:
    if found is None or histogram is None or target is None:
        return Status.INCONCLUSIVE, no_samples(kpi)
    facts = seen(kpi, histogram, grounds.summary)
    holds = COMPARISONS[kpi.comparison]
    enough = not found.sampled or kpi.aggregate == "ratio" or histogram.count >= FEWEST_SAMPLES
    if enough and holds(found.worst(kpi.comparison), target):
        return Status.PASS, facts
    if enough and not holds(found.best(kpi.comparison), target):
        return Status.FAIL, failure(kpi, facts, found, target)
    return Status.INCONCLUSIVE, undecided(kpi, facts, found, target, more_needed(kpi, histogram, found, target))
