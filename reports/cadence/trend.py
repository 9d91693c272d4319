"""One figure of stored runs, run by run: of a metric, or of a row of the profile that they were judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from probe.model.errors import ConfigError
from probe.model.metrics import METRICS
from probe.model.validation import nearest
from reports.store.entry import StoredRun
from reports.store.history import History
from reports.targets.expression import Selector, parse_selector
from reports.targets.quantity import show_quantity


@dataclass(frozen=True, slots=True)
class Point:
    """`value` in the metric's unit, None where the run has none; `count` samples stand behind it."""

    run: StoredRun
    value: float | None
    count: int

    def to_dict(self) -> dict[str, Any]:
        began = self.run.started_at.isoformat()
        return {"run": self.run.id, "started_at": began, "value": self.value, "count": self.count}


@dataclass(frozen=True, slots=True)
class Trend:
    """Oldest first."""

    title: str
    unit: str
    points: list[Point]


def points(name: str, runs: Sequence[StoredRun], history: History) -> Trend:
    """The means of a metric (`name` or `name{tag=value}`), or the values of a KPI. Raises ConfigError for neither."""
    ids = [run.id for run in runs]
    rows = history.verdicts(ids)
    judged = {row["kpi"]: row for some in rows.values() for row in some}
    if name in judged:
        by_run = {run_id: row for run_id, some in rows.items() for row in some if row["kpi"] == name}
        return _of_kpi(judged[name], runs, by_run)
    return _of_metric(_selector(name, judged), runs, history)


def _of_kpi(one: dict[str, Any], runs: Sequence[StoredRun], by_run: dict[str, dict[str, Any]]) -> Trend:
    nothing: dict[str, Any] = {"value": None, "count": 0}
    found = [(run, by_run.get(run.id, nothing)) for run in runs]
    return Trend(one["title"], one["unit"], [Point(run, row["value"], row["count"]) for run, row in found])


def _selector(name: str, judged: dict[str, Any]) -> Selector:
    try:
        return parse_selector(name)
    except (ValueError, ConfigError) as error:
        told = nearest(name, [*judged, *METRICS])
        if "did you mean" not in told:
            told = nearest(name, judged) if judged else ""  # of so many metrics nobody reads the names
        raise ConfigError(f"unknown metric or KPI {name!r}{told}", hint="or a metric of docs/metrics.md") from error


def _of_metric(selector: Selector, runs: Sequence[StoredRun], history: History) -> Trend:
    summaries = history.summaries([run.id for run in runs], {selector.metric.name})
    found = []
    for run in runs:
        histogram = summaries[run.id].histogram(selector.metric.name, selector.tag)
        found.append(Point(run, histogram.mean if histogram else None, histogram.count if histogram else 0))
    return Trend(f"{selector}, mean", selector.metric.unit, found)


def told_of(values: Sequence[float], unit: str) -> str:
    """ "7 values, 180 ms to 320 ms, last 240 ms"."""
    low, high, last = (show_quantity(value, unit) for value in (min(values), max(values), values[-1]))
    return f"{len(values)} value{'' if len(values) == 1 else 's'}, {low} to {high}, last {last}"
