"""The verdict: a profile's rows against a summary. Pure: the same figures give the same verdict, on any day.

A ratio, mean or percentile passes when its whole 90 % interval keeps the target and fails when none of it does: each way
a one-sided test at 95 %. In between, and with too few values of a mean or percentile, it is inconclusive.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from probe.measure.histogram import Histogram
from probe.measure.intervals import CONFIDENCE
from probe.measure.summary import Summary
from reports.clock import clock_error
from reports.evidence import badly_timed, failure, no_samples, seen, undecided
from reports.figure import Figure, fewest, figure, more_needed
from reports.independent import Independent, independent
from reports.kpi import KpiResult, Status
from reports.sliced import NOT_KEPT, judge_slices
from reports.slices import Slices
from reports.targets.expression import COMPARISONS
from reports.targets.profile import Kpi, Profile
from reports.units import UnitWant


@dataclass(frozen=True, slots=True)
class Grounds:
    """What the figures rest on. `duration_seconds` of the run; `distrust` is why the generator can't be believed; `slices` are
    what rows with `after` or `over` are judged on."""

    summary: Summary
    duration_seconds: float
    distrust: Sequence[str] = ()
    slices: Slices | None = None

    def rests_on(self, want: UnitWant | None, readings: int) -> Independent | None:
        """Whose the readings are, where that was kept of all of them."""
        return independent(self.slices.units.shares(want), readings) if want and self.slices else None

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
    return [judge_row(kpi, horizon, reason_not_judged(kpi, horizon, judges), grounds) for kpi in profile.kpis]


def reason_not_judged(kpi: Kpi, horizon: str, judges: Collection[str] | None) -> str:
    """Why the row is left out; empty for one that is judged."""
    wanted = not kpi.unjudged if judges is None else kpi.id in judges
    if kpi.metric is None or not wanted:
        return kpi.unjudged or "this scenario does not judge it"
    for needed, key in ((kpi.is_reduction, "reduction_from"), (kpi.is_multiple, "multiple_of")):
        if needed and not kpi.baseline:
            return kpi.not_judged or f"needs {key}, the figure that it counts from"
    return "" if kpi.target(horizon) is not None else f"no target is set for {horizon}"


def judge_row(kpi: Kpi, horizon: str, not_judged: str, grounds: Grounds) -> KpiResult:
    """One row; `not_judged` is why it is left out, empty for one that isn't."""
    result = _sliced(kpi, horizon, grounds) if kpi.over else _whole(kpi, horizon, grounds)
    if not_judged:
        return result.changed(Status.NOT_JUDGED, not_judged)
    return result.changed(Status.INCONCLUSIVE, grounds.obstacle) if grounds.obstacle else result


def _whole(kpi: Kpi, horizon: str, grounds: Grounds) -> KpiResult:
    """A row over all its samples."""
    histogram, target = samples(kpi, grounds), kpi.target(horizon)
    found = figure_of(kpi, target, histogram, grounds)
    status, evidence = verdict(kpi, target, found, histogram, grounds)
    return KpiResult(
        kpi=kpi.id,
        title=kpi.title,
        metric=kpi.metric,
        aggregate=kpi.aggregate,
        comparison=kpi.comparison,
        target=target,
        horizon=horizon,
        unit=kpi.judged_unit,
        value=found.value if found else None,
        interval=found.interval if found else None,
        count=histogram.count if histogram else 0,
        status=status,
        evidence=evidence,
        benchmark=kpi.benchmark,
        scale=kpi.scale,
        bounds=found.bounds if found else None,
    )


def _sliced(kpi: Kpi, horizon: str, grounds: Grounds) -> KpiResult:
    kept = grounds.slices.histograms(kpi.want) if grounds.slices is not None and kpi.want is not None else None
    return judge_slices(kpi, horizon, kept)


def samples(kpi: Kpi, grounds: Grounds) -> Histogram | None:
    """What the row is judged on; None where there is nothing."""
    selector = kpi.selector
    if selector is None:
        return None
    if not kpi.after or kpi.want is None:
        return grounds.summary.histogram(selector.metric.name, selector.tag)
    return ((grounds.slices or Slices()).histograms(kpi.want) or {}).get(0)


def figure_of(
    kpi: Kpi, target: float | None, histogram: Histogram | None, grounds: Grounds, confidence: float = CONFIDENCE
) -> Figure | None:
    """The row's figure, to be held against that target; None without samples or without the baseline that it is relative to."""
    if histogram is None or ((kpi.is_reduction or kpi.is_multiple) and not kpi.baseline):
        return None
    rests_on = grounds.rests_on(kpi.unit_want(target), histogram.count)
    found = figure(kpi, histogram, max(grounds.duration_seconds - kpi.after_seconds, 0.0), confidence, rests_on)
    return found.widened(error) if (error := clock_error(kpi, grounds.summary)) else found


def verdict(
    kpi: Kpi, target: float | None, found: Figure | None, histogram: Histogram | None, grounds: Grounds
) -> tuple[Status, str]:
    """The row's status and its evidence."""
    if found is None or histogram is None or target is None:
        kept = grounds.slices is not None and kpi.want is not None and grounds.slices.histograms(kpi.want) is not None
        return Status.INCONCLUSIVE, NOT_KEPT if kpi.after and not kept else no_samples(kpi, grounds.summary)
    facts = seen(kpi, histogram, grounds.summary, found)
    holds, limit = COMPARISONS[kpi.comparison], kpi.limit(target)
    takes = fewest(kpi.how(), found)
    decides = histogram.count >= takes
    if decides and holds(found.worst(kpi.comparison), limit):
        return Status.PASS, facts
    if decides and not holds(found.best(kpi.comparison), limit):
        return Status.FAIL, failure(kpi, facts, found, target)
    without = found.widened(-found.error)
    if decides and (holds(without.worst(kpi.comparison), limit) or not holds(without.best(kpi.comparison), limit)):
        return Status.INCONCLUSIVE, badly_timed(kpi, facts, found)
    more = more_needed(kpi, histogram, without, limit)
    return Status.INCONCLUSIVE, undecided(kpi, facts, found, histogram.count, limit, more, 0 if decides else takes)
