"""A profile's rows over a period: figure, mark, verdict, trend, and the change since the period before. Pure."""

from __future__ import annotations

from dataclasses import replace

from probe.measure.histogram import Histogram
from reports.cadence.grounds import NOT_KEPT, NOTHING, Pooled, is_over_history, runs_of, samples, slices_of
from reports.cadence.marks import mark
from reports.cadence.material import Material
from reports.cadence.model import Change, Mark, Row, Unmeasured
from reports.cadence.noise import changed, changed_share
from reports.cadence.period import Period
from reports.figure import figure
from reports.kpi import KpiResult, Status
from reports.sliced import judge_slices
from reports.slices import Slices
from reports.store.entry import StoredRun
from reports.targets.profile import Kpi, Profile
from reports.verdict import judge_row, reason_not_judged

NO_TARGET = "the platform's source sets no target"


def rows(
    material: Material, profile: Profile, horizon: str, found: Pooled
) -> tuple[list[Row], list[Row], list[Unmeasured]]:
    """Judged rows, those that have a figure all the same, and those without any, in the profile's order; `found` is the period's
    evidence."""
    judges = judged_kpis(material, profile)
    made = []
    for kpi in profile.kpis:
        result = judge_row(kpi, horizon, reason_not_judged(kpi, horizon, judges), found.grounds(kpi))
        made.append(_row(kpi, _told(kpi, result, material), material, profile))
    unjudged = [row for row in made if row.status == Status.NOT_JUDGED]
    return (
        [row for row in made if row.status != Status.NOT_JUDGED],
        [row for row in unjudged if row.value is not None],
        [Unmeasured(row.title, row.evidence) for row in unjudged if row.value is None],
    )


def judged_kpis(material: Material, profile: Profile) -> set[str]:
    """Rows that some run of the two periods judged, those that the profile leaves to any run, and those that only many runs
    can tell."""
    told = {
        row["kpi"] for run in material.runs for row in material.verdicts[run.id] if row["status"] != Status.NOT_JUDGED
    }
    own = {kpi.id for kpi in profile.kpis if kpi.metric and not kpi.not_judged}
    many = {kpi.id for kpi in profile.kpis if is_over_history(kpi)}
    return (told | own | many) & {kpi.id for kpi in profile.kpis}


def _told(kpi: Kpi, result: KpiResult, material: Material) -> KpiResult:
    """With the evidence that is a period's, not a run's."""
    if kpi.want is not None and result.status is not Status.NOT_JUDGED:
        return replace(result, evidence=_told_of_slices(result, material))
    if is_over_history(kpi) and not kpi.targets and result.value is not None:
        return replace(result, evidence=NO_TARGET)
    if result.value is not None or kpi.selector is None or not _has_baseline(kpi):
        return result
    own = f"no run of this period that counts has samples of {kpi.metric}"
    why = result.evidence if result.status is Status.NOT_JUDGED else own
    return replace(result, evidence=NOTHING.get(kpi.selector.metric.name, why))


def _told_of_slices(result: KpiResult, material: Material) -> str:
    runs = material.counted(material.period)
    kept = sum(run.id in material.slices for run in runs)
    if not runs or kept == len(runs):
        return result.evidence
    return f"{result.evidence} · {kept} of {len(runs)} runs kept their samples by time" if kept else NOT_KEPT


def _row(kpi: Kpi, result: KpiResult, material: Material, profile: Profile) -> Row:
    horizon = result.horizon
    judged = result.status is not Status.NOT_JUDGED  # what is not judged is not marked either
    return Row(
        kpi=kpi.id,
        title=result.title,
        unit=result.unit,
        comparison=result.comparison,
        value=result.value,
        interval=result.interval.to_list() if result.interval else None,
        target=result.target,
        mark=_mark(kpi, result) if judged else Mark.UNKNOWN,
        status=str(result.status),
        evidence=result.evidence,
        count=result.count,
        before=_value(kpi, material, material.period.before, horizon),
        change=_change(kpi, material, horizon),
        trend=tuple(_value(kpi, material, point, horizon) for point in material.period.points),
        horizons={name: _at(kpi, result, name, material, judged=judged) for name in profile.horizons},
        benchmark=kpi.benchmark,
    )


def _mark(kpi: Kpi, result: KpiResult) -> Mark:
    """By what the verdict goes by: a figure that counts as kept is on target. The share of good slices has no tolerance."""
    limit = result.target if kpi.over or result.target is None else kpi.limit(result.target)
    return mark(result.value, limit, result.comparison, result.unit)


def _at(kpi: Kpi, result: KpiResult, horizon: str, material: Material, *, judged: bool) -> tuple[float | None, Mark]:
    """The target there, and where the period's figure stands. A share of slices is another one at each horizon."""
    if kpi.over:
        sliced = judge_slices(kpi, horizon, _kept(kpi, slices_of(material, material.period)))
        return sliced.target, _mark(kpi, sliced) if judged else Mark.UNKNOWN
    target = kpi.target(horizon)
    return target, _mark(kpi, replace(result, target=target)) if judged else Mark.UNKNOWN


def _value(kpi: Kpi, material: Material, period: Period, horizon: str) -> float | None:
    """The row's figure of that period."""
    if kpi.over:
        return judge_slices(kpi, horizon, _kept(kpi, slices_of(material, period))).value
    histogram = samples(kpi, material, period) if _has_baseline(kpi) else None
    seconds = sum(max(run.duration_seconds - kpi.after_seconds, 0.0) for run in material.counted(period))
    return figure(kpi, histogram, seconds).value if histogram is not None else None


def _kept(kpi: Kpi, slices: Slices) -> dict[int, Histogram]:
    return (slices.histograms(kpi.want) if kpi.want is not None else None) or {}


def _has_baseline(kpi: Kpi) -> bool:
    """A row that is relative to something says nothing until that is given."""
    return bool(kpi.baseline) or not (kpi.is_reduction or kpi.is_multiple)


def _change(kpi: Kpi, material: Material, horizon: str) -> Change:
    before, now = material.period.before, material.period
    if kpi.how().kind == "ratio" and not kpi.over:
        sides = [samples(kpi, material, period) for period in (before, now)]
        if sides[0] is None or sides[1] is None:
            return Change.UNKNOWN
        first, second = ((min(side.sum, side.count), side.count) for side in sides if side is not None)
        return changed_share(first, second, higher_is_better=kpi.direction == "higher")
    figures = [_per_run(kpi, material, period, horizon) for period in (before, now)]
    return changed(*figures, higher_is_better=kpi.direction == "higher" or bool(kpi.over))


def _per_run(kpi: Kpi, material: Material, period: Period, horizon: str) -> list[float]:
    """One figure a run."""
    if kpi.selector is None or not _has_baseline(kpi):
        return []
    runs = material.of(period) if is_over_history(kpi) else runs_of(kpi, material, period)
    found = (_of_run(kpi, material, run, horizon) for run in runs)
    return [value for value in found if value is not None]


def _of_run(kpi: Kpi, material: Material, run: StoredRun, horizon: str) -> float | None:
    selector, slices = kpi.selector, _kept(kpi, material.slices.get(run.id, Slices()))
    if selector is None:
        return None
    if kpi.over:
        return judge_slices(kpi, horizon, slices).value
    summary = material.standing[run.id] if is_over_history(kpi) else material.summaries[run.id]
    histogram = slices.get(0) if kpi.want is not None else summary.histogram(selector.metric.name, selector.tag)
    seconds = max(run.duration_seconds - kpi.after_seconds, 0.0)
    return figure(kpi, histogram, seconds).value if histogram is not None else None
