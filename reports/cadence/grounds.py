"""What a period's rows rest on: the samples of its runs, and what no single run can tell but all of them together do. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import chain

from probe.measure.histogram import Histogram
from probe.measure.summary import Summary
from probe.model.metrics import METRICS
from reports.availability import Check, availability_samples
from reports.cadence.material import Material
from reports.cadence.period import Period
from reports.slices import Slices
from reports.store.entry import StoredRun
from reports.store.pooling import pool, pool_slices
from reports.store.responses import METRIC as RESPONSE
from reports.store.standing import DATA_METRICS
from reports.targets.profile import Kpi
from reports.verdict import Grounds

UPTIME = "platform_uptime_ratio"
AVAILABILITY = (UPTIME, "outage_seconds", "time_between_failures_seconds")
STORED = (*DATA_METRICS.values(), RESPONSE)
OVER_HISTORY = (*AVAILABILITY, *STORED)
"""Metrics that no run has samples of, and a history has."""
CALLS = (*(name for name in METRICS if name.startswith("http_")), "rate_limited_ratio")
"""Metrics of calls to the platform, which a run has samples of though nobody got in."""
NOTHING = {
    UPTIME: "no run of this period is a check of the platform",
    "outage_seconds": "no outage ended in this period",
    "time_between_failures_seconds": "fewer than two unplanned outages in this period",
    DATA_METRICS["freshness"]: "no run of this period was stored at the time at which it ran",
    RESPONSE: "no statement to the history was timed",
    **dict.fromkeys((name for part, name in DATA_METRICS.items() if part != "freshness"), "no run of this period is stored"),
}  # fmt: skip
"""Why a metric of `OVER_HISTORY` has no samples."""
NOT_KEPT = "no run of this period kept its samples by their time, as a run does whose own targets have after or over"


class Watched(Grounds):
    """Of rows over the history, and of calls: that nobody got in says nothing against them."""

    __slots__ = ()

    @property
    def obstacle(self) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class Pooled:
    """Of one period: all samples, those by their time, and how long each run was that counts (seconds)."""

    summary: Summary
    slices: Slices
    durations: tuple[float, ...]

    def grounds(self, kpi: Kpi) -> Grounds:
        """What that row is judged on. Each run has a beginning of its own to leave out; `Grounds` leaves out one."""
        after = kpi.after_seconds
        seconds = sum(max(one - after, 0.0) for one in self.durations) + after
        watched = _name(kpi) in (*OVER_HISTORY, *CALLS)
        return (Watched if watched else Grounds)(self.summary, seconds, slices=self.slices)


def pooled(material: Material, period: Period) -> Pooled:
    """All of the period's evidence."""
    runs = material.counted(period)
    parts = [material.summaries[run.id] for run in runs]
    parts += [_calls(material.summaries[run.id]) for run in material.shut_out(period)]
    parts += [availability(material, period), *standings(material, period)]
    durations = tuple(run.duration_seconds for run in runs)
    return Pooled(pool(parts), slices_of(material, period), durations)


def _calls(summary: Summary) -> Summary:
    return Summary.from_dict({name: part for name, part in summary.packed().items() if name in CALLS})


def samples(kpi: Kpi, material: Material, period: Period) -> Histogram | None:
    """The row's samples of that period alone; None where there are none."""
    selector = kpi.selector
    if selector is None:
        return None
    if kpi.want is not None:
        return (slices_of(material, period).histograms(kpi.want) or {}).get(0)
    name, parts = selector.metric.name, [material.summaries[run.id] for run in runs_of(kpi, material, period)]
    if name in AVAILABILITY:
        parts.append(availability(material, period))
    if name in STORED:
        parts += standings(material, period)
    found = Histogram()
    for part in parts:
        histogram = part.histogram(name, selector.tag)
        if histogram is not None:
            found.merge(histogram)
    return found if found.count else None


def runs_of(kpi: Kpi, material: Material, period: Period) -> list[StoredRun]:
    """The runs whose own samples the row counts."""
    shut_out = material.shut_out(period) if _name(kpi) in CALLS else ()
    return [*material.counted(period), *shut_out]


def is_over_history(kpi: Kpi) -> bool:
    """Is the row one that only many runs can tell?"""
    return _name(kpi) in OVER_HISTORY


def _name(kpi: Kpi) -> str:
    return kpi.selector.metric.name if kpi.selector is not None else ""


def slices_of(material: Material, period: Period) -> Slices:
    """Samples by their time, of the runs that count and kept them."""
    return pool_slices(material.slices[run.id] for run in material.counted(period) if run.id in material.slices)


def availability(material: Material, period: Period) -> Summary:
    """Each run whose generator was well is one check of its target: did anybody get in? A run that checked over time itself is
    none."""
    checks: dict[str, list[Check]] = defaultdict(list)
    for run in material.of(period):
        if run.trustworthy and run.sound and not run.interrupted and UPTIME not in material.summaries[run.id]:
            checks[run.target].append(Check(run.started_at.timestamp(), run.measured))
    found = Summary()
    for sample in chain.from_iterable(map(availability_samples, checks.values())):
        found.add(sample)
    return found


def standings(material: Material, period: Period) -> list[Summary]:
    """Of every stored run, whether it counts or not; and of those who read now, if the period reaches up to now."""
    found = [material.standing[run.id] for run in material.of(period)]
    return [*found, material.reading] if period.end == material.period.end else found
