"""A report's model out of stored rows. Pure: the same rows give the same report, on any day."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from reports.cadence.audiences import AUDIENCES, title_of
from reports.cadence.grounds import Pooled, pooled
from reports.cadence.material import OVERVIEW, Material
from reports.cadence.model import Cadence, Counts, Data, Failure, Fired, Group
from reports.cadence.rows import rows
from reports.figure import aggregated
from reports.store.entry import StoredRun
from reports.store.pooling import pool
from reports.store.quality import overall
from reports.targets.expression import COMPARISONS, parse_aggregate, parse_selector
from reports.targets.profile import Alert, Profile
from reports.targets.quantity import show_quantity
from reports.words import SIGNS

_MOST_FAILURES = 12
_NAME = re.compile(r"\b(?=\w*\d)(?=\w*[a-z])[0-9a-z]{8,}\b")
"""What servers call people, rooms and streams for the length of a call: the same failure has another name in it every night."""
_SEVERITIES = ("critical", "warning", "risk", "information")


def build(material: Material, profile: Profile, horizon: str, audience: str) -> Cadence:
    """The report for that audience (a name in `AUDIENCES`)."""
    period = material.period
    here, earlier = material.of(period), material.of(period.before)
    evidence = pooled(material, period)
    judged, unjudged, unmeasured = rows(material, profile, horizon, evidence)
    return Cadence(
        audience=audience,
        title=title_of(AUDIENCES[audience], profile),
        platform=profile.title,
        profile=profile.profile,
        horizon=horizon,
        period=period,
        counts=_counts(here),
        before=_counts(earlier),
        rows=tuple(judged),
        unjudged=tuple(unjudged),
        unmeasured=tuple(unmeasured),
        groups=tuple(_groups(here, material)),
        alerts=tuple(_fired(profile, evidence)),
        failures=tuple(_failures(here, material)),
        data=tuple(
            Data(one.dimension, one.value, one.limit, one.ok)
            for one in overall(finding for run in here for finding in material.findings[run.id])
        ),
        targets=tuple(sorted({run.target for run in here})),
        milestones=dict(profile.milestones),
        external=tuple(row.title for row in profile.external),
        notes=tuple(_notes(here, earlier, material)),
    )


def _counts(runs: Sequence[StoredRun]) -> Counts:
    return Counts(
        all=len(runs),
        counted=sum(run.counts for run in runs),
        distrusted=sum(not run.trustworthy and not run.interrupted for run in runs),
        interrupted=sum(run.interrupted for run in runs),
        shut_out=sum(run.trustworthy and not run.measured for run in runs),
        missed=sum(run.exit_code == 3 for run in runs),
    )


def _groups(runs: Sequence[StoredRun], material: Material) -> list[Group]:
    """By scenario and network, most runs first."""
    by: dict[tuple[str, str], list[StoredRun]] = defaultdict(list)
    for run in runs:
        by[run.scenario, run.network].append(run)
    found = []
    for (scenario, network), some in by.items():
        summary = pool(material.summaries[run.id] for run in some if run.counts)
        means = {name: summary.histogram(name) for name in OVERVIEW if name in summary}
        figures = {name: one.mean for name, one in means.items() if one is not None and one.mean is not None}
        found.append(Group(scenario, network, len(some), sum(run.exit_code == 3 for run in some), figures))
    return sorted(found, key=lambda group: (-group.runs, group.scenario, group.network))


def _fired(profile: Profile, evidence: Pooled) -> list[Fired]:
    """Alerts whose condition holds on all samples of the period, the most severe first."""
    summary, seconds, found = evidence.summary, sum(evidence.durations), []
    for alert in profile.alerts:
        if alert.metric is None or alert.comparison is None or alert.threshold is None:
            continue
        selector = parse_selector(alert.metric)
        histogram = summary.histogram(selector.metric.name, selector.tag)
        if histogram is None:
            continue
        value = aggregated(parse_aggregate(alert.aggregate), histogram, seconds).value
        if COMPARISONS[alert.comparison](value, alert.threshold):
            found.append(Fired(alert.severity, alert.title, value, alert.unit, _condition(alert)))
    return sorted(found, key=lambda one: _SEVERITIES.index(one.severity))


def _condition(alert: Alert) -> str:
    threshold = show_quantity(alert.threshold or 0.0, alert.unit)
    return f"{alert.aggregate} of {alert.metric} {SIGNS[alert.comparison or '<']} {threshold}"


def _failures(runs: Sequence[StoredRun], material: Material) -> list[Failure]:
    """Kinds of errors, whomever they are about, those that most runs have first."""
    times: Counter[tuple[str, str]] = Counter()
    having: Counter[tuple[str, str]] = Counter()
    for run in runs:
        kinds: Counter[tuple[str, str]] = Counter()
        for row in material.errors[run.id]:
            kinds[row["phase"], _NAME.sub("…", row["message"])] += row["count"]
        times.update(kinds)
        having.update(kinds.keys())
    ordered = sorted(times, key=lambda kind: (-having[kind], -times[kind], kind))
    return [Failure(*kind, times[kind], having[kind]) for kind in ordered[:_MOST_FAILURES]]


def _notes(here: Sequence[StoredRun], earlier: Sequence[StoredRun], material: Material) -> list[str]:
    found = []
    networks = sorted({run.network for run in here if run.network})
    if networks:
        found.append(f"access networks were emulated in some runs: {', '.join(networks)}")
    if any(run.target == "embedded" for run in here):
        found.append("runs against “embedded” measure the test SFU on one machine, not a platform")
    if any(run.trustworthy and not run.measured for run in here):
        found.append("a run in which nobody got in counts against uptime and for what it called, not against joins")
    targets = sorted({run.target for run in here})
    if len(targets) > 1:
        found.append(f"the figures are of {len(targets)} platforms together: {', '.join(targets)}")
    before = {run.network for run in earlier}
    if earlier and before != {run.network for run in here}:
        told = ", ".join(network or "none" for network in sorted(before))
        found.append(f"the {material.period.words} before had other networks ({told}): what changed may be the network")
    if not earlier:
        found.append("no runs are stored of the period before, so nothing can be said of changes")
    if material.cut:
        found.append(f"only the newest {len(material.runs)} runs were read")
    return found
