"""Rows with `over`: the aggregate of each slice of the run, and the share of slices that must keep the target."""

from __future__ import annotations

from collections.abc import Mapping

from probe.measure.histogram import Histogram
from probe.measure.intervals import CONFIDENCE, attempts_needed
from reports.figure import Figure, aggregated, ratio_figure
from reports.kpi import KpiResult, Status
from reports.targets.expression import COMPARISONS
from reports.targets.profile import Kpi
from reports.targets.quantity import show_quantity

NOT_KEPT = "this run kept no samples by their time, which after and over need: they must be asked for before it starts"


def judge_slices(kpi: Kpi, horizon: str, slices: Mapping[int, Histogram] | None) -> KpiResult:
    """The row: its value is the share of slices (those that have samples) in which the aggregate keeps the target."""
    target = kpi.target(horizon)
    figures = slice_figures(kpi, slices or {})
    holds = COMPARISONS[kpi.comparison]
    good = sum(target is not None and holds(value, kpi.limit(target)) for value in figures)
    found = share(kpi, good, len(figures)) if figures and target is not None else None
    status, evidence = _verdict(kpi, target, figures, good, found)
    if slices is None:
        evidence = NOT_KEPT
    return KpiResult(
        kpi=kpi.id,
        title=f"{kpi.title} ({_condition(kpi, target)})",
        metric=kpi.metric,
        aggregate=kpi.aggregate,
        comparison=">=",
        target=kpi.least_share if target is not None else None,
        horizon=horizon,
        unit="ratio",
        value=found.value if found else None,
        interval=found.interval if found else None,
        count=len(figures),
        status=status,
        evidence=evidence,
        benchmark=kpi.benchmark,
        scale=kpi.scale,
        bounds=found.bounds if found else None,
    )


def slice_figures(kpi: Kpi, slices: Mapping[int, Histogram]) -> list[float]:
    """The aggregate of each slice, in time's order."""
    return [aggregated(kpi.how(), slices[place], kpi.over_seconds).value for place in sorted(slices)]


def share(kpi: Kpi, good: int, slices: int, confidence: float = CONFIDENCE) -> Figure:
    """The share of good slices. Of all slices (`at_least: 100 %`, which no sample could prove) it is a statement about this run
    alone, and exact."""
    if kpi.least_share >= 1.0:
        return Figure(good / slices, None, sampled=False)
    return ratio_figure(good, slices, confidence)


def _condition(kpi: Kpi, target: float | None) -> str:
    sign = {">=": "≥", "<=": "≤"}.get(kpi.comparison, kpi.comparison)
    limit = f" {sign} {show_quantity(target, kpi.judged_unit)}" if target is not None else ""
    return f"{kpi.over_seconds:g} s slices with {kpi.aggregate}{limit}"


def _verdict(
    kpi: Kpi, target: float | None, figures: list[float], good: int, found: Figure | None
) -> tuple[Status, str]:
    if found is None or target is None:
        return Status.INCONCLUSIVE, f"no samples of {kpi.metric} in any slice"
    worst = min(figures) if kpi.direction == "higher" else max(figures)
    facts = f"{good} of {len(figures)} slices, worst {show_quantity(worst, kpi.judged_unit)}"
    if found.worst(">=") >= kpi.least_share:
        return Status.PASS, facts
    if found.best(">=") < kpi.least_share:
        return (
            Status.FAIL,
            facts if not found.sampled else f"{facts}: at most {_percent(found.best('>='))} can be believed",
        )
    more = attempts_needed(good, len(figures), kpi.least_share)
    return Status.INCONCLUSIVE, f"{facts}: {more} more slices that keep it would prove it"


def _percent(ratio: float) -> str:
    return show_quantity(ratio, "ratio")
