"""A profile's rows over a period: figure, mark, verdict, trend, and the change since the period before. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from probe.measure.histogram import Histogram
from probe.measure.summary import Summary
from reports.availability import Check, availability_samples
from reports.cadence.marks import mark
from reports.cadence.material import Material
from reports.cadence.model import Change, Mark, Row
from reports.cadence.noise import changed, changed_share
from reports.cadence.period import Period
from reports.figure import figure
from reports.kpi import KpiResult, Status
from reports.store.entry import StoredRun
from reports.store.pooling import pool
from reports.targets.profile import Kpi, Profile
from reports.verdict import Grounds, judge

_AVAILABILITY = ("platform_uptime_ratio", "outage_seconds", "time_between_failures_seconds")
"""What no single run can tell, but many can."""


def rows(material: Material, profile: Profile, horizon: str) -> tuple[list[Row], list[Row]]:
    """Judged rows and those left out, in the profile's order."""
    runs = _counted(material, material.period)
    judges = judged_kpis(material, profile)
    results = judge(profile, horizon, judges, _grounds(material, runs, material.period))
    made = [_row(kpi, result, material, profile) for kpi, result in zip(profile.kpis, results, strict=True)]
    judged = [row for row in made if row.status != Status.NOT_JUDGED]
    return judged, [row for row in made if row.status == Status.NOT_JUDGED and row.value is not None]


def judged_kpis(material: Material, profile: Profile) -> set[str]:
    """Rows that some run of the two periods judged, those that the profile leaves to any run, and those that only many runs
    can tell."""
    told = {
        row["kpi"] for run in material.runs for row in material.verdicts[run.id] if row["status"] != Status.NOT_JUDGED
    }
    own = {kpi.id for kpi in profile.kpis if kpi.metric and not kpi.not_judged}
    many = {kpi.id for kpi in profile.kpis if (selector := kpi.selector) and selector.metric.name in _AVAILABILITY}
    return (told | own | many) & {kpi.id for kpi in profile.kpis}


def _counted(material: Material, period: Period) -> list[StoredRun]:
    return [run for run in material.of(period) if run.counts]


def _grounds(material: Material, runs: Sequence[StoredRun], period: Period) -> Grounds:
    summary = pool([*(material.summaries[run.id] for run in runs), _availability(material, period)])
    return Grounds(summary, sum(run.duration_seconds for run in runs))


def _availability(material: Material, period: Period) -> Summary:
    """Each run whose generator was well is one check: did anybody get in? A run that checked over time itself is none."""
    checks = [
        Check(run.started_at.timestamp(), run.measured)
        for run in material.of(period)
        if run.trustworthy and run.sound and not run.interrupted and _AVAILABILITY[0] not in material.summaries[run.id]
    ]
    found = Summary()
    for sample in availability_samples(checks):
        found.add(sample)
    return found


def _row(kpi: Kpi, result: KpiResult, material: Material, profile: Profile) -> Row:
    before = _value(kpi, material, material.period.before)
    value = None if result.status is Status.NOT_JUDGED else result.value  # what is not judged is not marked either
    return Row(
        kpi=kpi.id,
        title=kpi.title,
        unit=result.unit,
        comparison=result.comparison,
        value=result.value,
        target=result.target,
        mark=mark(value, result.target, result.comparison, result.unit),
        status=str(result.status),
        evidence=result.evidence,
        count=result.count,
        before=before,
        change=_change(kpi, material),
        trend=tuple(_value(kpi, material, point) for point in material.period.points),
        horizons={name: _at(kpi, value, name) for name in profile.horizons},
        benchmark=kpi.benchmark,
    )


def _at(kpi: Kpi, value: float | None, horizon: str) -> tuple[float | None, Mark]:
    target = kpi.target(horizon)
    return target, mark(value, target, kpi.comparison, kpi.judged_unit)


def _samples(kpi: Kpi, material: Material, period: Period) -> tuple[Histogram | None, float]:
    """All samples of the row in that period, and the seconds that they come from."""
    selector = kpi.selector
    if selector is None or not _has_baseline(kpi):
        return None, 0.0
    runs = _counted(material, period)
    parts = [material.summaries[run.id] for run in runs]
    if selector.metric.name in _AVAILABILITY:
        parts.append(_availability(material, period))
    found = Histogram()
    for part in parts:
        histogram = part.histogram(selector.metric.name, selector.tag)
        if histogram is not None:
            found.merge(histogram)
    return (found if found.count else None), sum(run.duration_seconds for run in runs)


def _has_baseline(kpi: Kpi) -> bool:
    """A row that is relative to something says nothing until that is given."""
    return bool(kpi.baseline) or not (kpi.is_reduction or kpi.is_multiple)


def _value(kpi: Kpi, material: Material, period: Period) -> float | None:
    histogram, seconds = _samples(kpi, material, period)
    return figure(kpi, histogram, seconds).value if histogram is not None else None


def _change(kpi: Kpi, material: Material) -> Change:
    higher = kpi.direction == "higher"
    if kpi.how().kind == "ratio":
        sides = [_samples(kpi, material, period)[0] for period in (material.period.before, material.period)]
        if sides[0] is None or sides[1] is None:
            return Change.UNKNOWN
        first, second = ((min(side.sum, side.count), side.count) for side in sides if side is not None)
        return changed_share(first, second, higher_is_better=higher)
    return changed(
        _per_run(kpi, material, material.period.before),
        _per_run(kpi, material, material.period),
        higher_is_better=higher,
    )


def _per_run(kpi: Kpi, material: Material, period: Period) -> list[float]:
    selector = kpi.selector
    if selector is None or not _has_baseline(kpi):
        return []
    found = []
    for run in _counted(material, period):
        histogram = material.summaries[run.id].histogram(selector.metric.name, selector.tag)
        if histogram is not None:
            found.append(figure(kpi, histogram, run.duration_seconds).value)
    return found
