"""What a report is made of: the stored runs of a period and of the one before, read at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from probe.measure.summary import Summary
from reports.cadence.period import Period
from reports.slices import Slices
from reports.store.entry import Row, StoredRun
from reports.store.history import MOST_RUNS, History, Wanted
from reports.store.quality import Finding
from reports.store.standing import data_quality
from reports.targets.expression import parse_selector
from reports.targets.profile import Profile

OVERVIEW = (
    "join_success_ratio",
    "join_duration_seconds",
    "round_trip_time_seconds",
    "jitter_seconds",
    "packet_loss_ratio",
    "freeze_ratio",
    "frame_rate",
    "video_quality_score",
    "audio_quality_score",
    "migration_success_ratio",
    "migration_video_gap_seconds",
    "send_bitrate_bps",
)
"""What is told of each scenario and network, whatever the profile asks for."""
_ALWAYS = ("connection_success_ratio", "join_success_ratio")  # what a verdict needs to know that anything was measured


@dataclass(frozen=True, slots=True)
class Material:
    """`runs` of both periods, oldest first; by run id their histograms, rows of verdicts and of errors, and findings.

    `standing` is what is known of a run because it is stored (data quality, the store's responses), `slices` the samples by their
    time of the runs that kept them, `reading` the store's responses to whoever reads all this.
    """

    period: Period
    runs: Sequence[StoredRun]
    summaries: Mapping[str, Summary]
    verdicts: Mapping[str, Sequence[Row]]
    errors: Mapping[str, Sequence[Row]]
    findings: Mapping[str, Sequence[Finding]]
    standing: Mapping[str, Summary]
    slices: Mapping[str, Slices] = field(default_factory=dict)
    reading: Summary = field(default_factory=Summary)
    cut: bool = False

    def of(self, period: Period) -> list[StoredRun]:
        return [run for run in self.runs if period.holds(run.started_at)]

    def counted(self, period: Period) -> list[StoredRun]:
        """Those of the period whose samples may be pooled."""
        return [run for run in self.of(period) if run.counts]

    def shut_out(self, period: Period) -> list[StoredRun]:
        """Those that could be relied on, and in which nobody got in: what they called is all that they measured."""
        return [
            run for run in self.of(period) if run.trustworthy and run.sound and not (run.measured or run.interrupted)
        ]


def gather(history: History, period: Period, profile: Profile, wanted: Wanted, *, until_now: bool = False) -> Material:
    """Read it. `wanted` says which scenario, target and network; its times are the period's. `until_now`: the period reaches up
    to now, so the statements of this very session are of it."""
    asked = Wanted(
        since=period.before.start,
        until=period.end,
        scenario=wanted.scenario,
        target=wanted.target,
        network=wanted.network,
    )
    runs = list(reversed(history.runs(asked)))
    ids = [run.id for run in runs]
    findings = history.findings(ids)
    material = Material(
        period=period,
        runs=runs,
        summaries=history.summaries(ids, metrics_of(profile)),
        verdicts=history.verdicts(ids),
        errors=history.errors(ids),
        findings=findings,
        standing=_standing(runs, findings, history.responses_of(ids)),
        slices=history.slices(ids) if profile.wants or profile.unit_wants else {},
        cut=len(runs) >= MOST_RUNS,
    )
    return replace(material, reading=history.responses()) if until_now else material


def _standing(
    runs: Sequence[StoredRun], findings: Mapping[str, Sequence[Finding]], responses: Mapping[str, Summary]
) -> dict[str, Summary]:
    found = {run.id: data_quality(run, findings[run.id]) for run in runs}
    for run_id, summary in responses.items():
        found[run_id].merge(summary)
    return found


def metrics_of(profile: Profile) -> Collection[str]:
    """All metrics that the profile's rows and alerts look at, and those of the overview."""
    texts = [text for kpi in profile.kpis for text in (kpi.metric, *kpi.beside)]
    texts += [alert.metric for alert in profile.alerts]
    return {*OVERVIEW, *_ALWAYS, *(parse_selector(text).metric.name for text in texts if text)}
