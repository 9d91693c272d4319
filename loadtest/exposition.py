"""A campaign as families of Prometheus metrics; `loadtest.prometheus` lists them. Pure.

Labels take few values, all known beforehand but for the workers' names: no participant, no room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

import probe
from probe.measure.histogram import Histogram
from probe.measure.join import PHASES
from probe.measure.summary import Summary
from probe.model.metrics import METRICS
from reports.kpi import Status
from reports.targets.profile import Profile

if TYPE_CHECKING:
    from loadtest.campaign import Campaign

UNKNOWN = "unknown"
TOPOLOGIES = ("p2p", "sfu")
KINDS = ("audio", "video")
TRANSITIONS = ("p2p>sfu", "sfu>p2p")

_WAITS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0)
_PHASES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_DELAYS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 1.0)
_GAPS = (0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.0, 2.0, 5.0)
_SHARES = (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_SCORES = (1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.25, 4.5, 4.75)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A metric of the summary as a histogram: kept apart by one tag, whose values are known, under the name `label`."""

    metric: str
    label: str
    tag: str
    values: tuple[str, ...]
    edges: tuple[float, ...]


def _by_topology(metric: str, edges: tuple[float, ...]) -> _Shown:
    return _Shown(metric, "topology", "topology", TOPOLOGIES, edges)


def _by_kind(metric: str, edges: tuple[float, ...]) -> _Shown:
    return _Shown(metric, "kind", "kind", KINDS, edges)


def _by_direction(metric: str, edges: tuple[float, ...]) -> _Shown:
    return _Shown(metric, "direction", "transition", TRANSITIONS, edges)


HISTOGRAMS = (
    _by_topology("join_duration_seconds", _WAITS),
    _Shown("join_phase_seconds", "phase", "phase", PHASES, _PHASES),
    _by_topology("round_trip_time_seconds", _DELAYS),
    _by_kind("one_way_delay_seconds", _DELAYS),
    _by_kind("jitter_seconds", _DELAYS),
    _by_kind("packet_loss_ratio", _SHARES),
    _by_kind("residual_loss_ratio", _SHARES),
    _by_topology("freeze_ratio", _SHARES),
    _by_topology("audio_quality_score", _SCORES),
    _by_topology("video_quality_score", _SCORES),
    _by_topology("video_score_estimated", _SCORES),
    _by_direction("migration_duration_seconds", _WAITS),
    _by_direction("migration_audio_gap_seconds", _GAPS),
    _by_direction("migration_video_gap_seconds", _GAPS),
)


def families(campaign: Campaign | None) -> Iterator[Metric]:
    """All of them. Those without samples are told with their type only."""
    live = {} if campaign is None else campaign.live()
    build = _labelled("build_info", "Always 1; the version is in the label.", "version")
    build.add_metric([probe.__version__], 1)
    yield build
    yield _gauge("campaign_running", "1 while a campaign runs, 0 before and after.", live.get("state") == "running")
    if campaign is not None:
        yield from _figures(campaign, live)
        yield from _counters(campaign.summary, live)
        for shown in HISTOGRAMS:
            yield _histogram(shown, campaign.summary, edges(shown, campaign.profile))
        yield from _health(live)
        yield from _scorecard(live)


def _figures(campaign: Campaign, live: Mapping[str, Any]) -> Iterator[Metric]:
    started = campaign.started_at.timestamp()
    yield _gauge("campaign_start_time_seconds", "When the campaign began, in seconds since 1970 (UTC).", started)
    yield _gauge("participants", "Participants who are in a meeting with media, now.", live["participants"])
    yield _gauge("participants_peak", "Most participants at one time.", live["participants_peak"])
    yield _gauge("meetings", "Meetings of the campaign.", live["meetings"])
    rate = _labelled(
        "media_bytes_per_second", "RTP bytes per second of one participant, headers included.", "direction"
    )
    for direction in ("send", "receive"):
        _add(rate, [direction], live[f"{direction}_bitrate_bps"], scale=1 / 8)
    yield rate


def _counters(summary: Summary, live: Mapping[str, Any]) -> Iterator[Metric]:
    joins = CounterMetricFamily("meetprobe_joins", "Joins by how they ended.", labels=["result"])
    _count_results(joins, [], summary.histogram("join_success_ratio"))
    yield joins
    yield CounterMetricFamily("meetprobe_join_retries", "Joins that were tried again.", live["join_retries"])
    connections = CounterMetricFamily(
        "meetprobe_connections", "Peer connections that were tried, by how that ended.", labels=["topology", "result"]
    )
    for topology in TOPOLOGIES:
        tagged = summary.histogram("connection_success_ratio", f"topology={topology}")
        _count_results(connections, [topology], tagged)
    yield connections
    moves = CounterMetricFamily(
        "meetprobe_migrations",
        "Moves of meetings between P2P and SFU, by how they ended.",
        labels=["direction", "result"],
    )
    for transition in TRANSITIONS:
        tagged = summary.histogram("migration_success_ratio", f"transition={transition}")
        _count_results(moves, [transition], tagged)
    yield moves
    yield CounterMetricFamily("meetprobe_drops", "Participants who lost their meeting unplanned.", live["drops"])


def _count_results(family: CounterMetricFamily, labels: list[str], outcomes: Histogram | None) -> None:
    """`outcomes` holds 1 for each success and 0 for each failure."""
    succeeded, tried = (round(outcomes.sum), outcomes.count) if outcomes else (0, 0)
    family.add_metric([*labels, "success"], succeeded)
    family.add_metric([*labels, "failure"], tried - succeeded)


def edges(shown: _Shown, profile: Profile) -> list[float]:
    """Upper edges of the buckets: the metric's own, and whatever the profile promises or warns of."""
    promised: set[float | None] = set()
    for kpi in profile.kpis:
        if kpi.selector and kpi.selector.metric.name == shown.metric and kpi.judged_unit == METRICS[shown.metric].unit:
            promised |= {kpi.target(horizon) for horizon in profile.horizons}
    for alert in profile.alerts:
        if alert.metric and alert.metric.partition("{")[0] == shown.metric and alert.unit == METRICS[shown.metric].unit:
            promised.add(alert.threshold)
    return sorted({*shown.edges, *(edge for edge in promised if edge is not None)})


def _histogram(shown: _Shown, summary: Summary, limits: Sequence[float]) -> Metric:
    family = HistogramMetricFamily(
        f"meetprobe_{shown.metric}", _sentence(METRICS[shown.metric].meaning), labels=[shown.label]
    )
    overall = summary.histogram(shown.metric)
    if overall is None:
        return family
    rest, rest_sum = [*overall.counts_at_most(limits), overall.count], overall.sum
    for value in shown.values:
        tagged = summary.histogram(shown.metric, f"{shown.tag}={value}")
        if tagged is not None:
            counts = [*tagged.counts_at_most(limits), tagged.count]
            _add_buckets(family, value, limits, counts, tagged.sum)
            rest, rest_sum = [all_ - one for all_, one in zip(rest, counts, strict=True)], rest_sum - tagged.sum
    if rest[-1]:
        _add_buckets(family, UNKNOWN, limits, rest, rest_sum)
    return family


def _sentence(meaning: str) -> str:
    return f"{meaning[0].upper()}{meaning[1:]}."


def _add_buckets(
    family: HistogramMetricFamily, label: str, limits: Sequence[float], counts: Sequence[int], total: float
) -> None:
    names = [*(str(limit) for limit in limits), "+Inf"]
    family.add_metric([label], [(name, float(count)) for name, count in zip(names, counts, strict=True)], total)


def _health(live: Mapping[str, Any]) -> Iterator[Metric]:
    yield _gauge("generator_trustworthy", "1 when every worker can be believed.", live["trustworthy"])
    for key, name, meaning in (
        ("trustworthy", "worker_trustworthy", "1 when this worker can be believed."),
        ("participants", "worker_participants", "Participants that this worker has in meetings."),
        (
            "loop_lag_p99_seconds",
            "worker_loop_lag_p99_seconds",
            "How late this worker's event loop ran its timers, p99.",
        ),
        ("pacing_error_p99_seconds", "worker_pacing_error_p99_seconds", "How late this worker sent its packets, p99."),
        ("cpu", "worker_cpu_ratio", "CPU time over time of this worker's engine; 1 is one core."),
    ):
        family = _labelled(name, meaning, "worker")
        for worker in live["workers"]:
            _add(family, [str(worker["name"])], worker[key])
        yield family


def _scorecard(live: Mapping[str, Any]) -> Iterator[Metric]:
    status = GaugeMetricFamily(
        "meetprobe_kpi_status", "1 for the status that the KPI has, 0 for the others.", labels=["kpi", "status"]
    )
    value = _labelled("kpi_value", "The KPI as measured, in its own SI unit.", "kpi")
    target = _labelled("kpi_target", "What the KPI has to be at the campaign's horizon, in its own SI unit.", "kpi")
    for kpi in live["kpis"]:
        for one in Status:
            status.add_metric([kpi["kpi"], str(one)], kpi["status"] == one)
        _add(value, [kpi["kpi"]], kpi["value"])
        _add(target, [kpi["kpi"]], kpi["target"])
    yield from (status, value, target)
    yield _gauge(
        "verdict_exit_code",
        "Exit code if the campaign ended now: 0 no target failed, 1 a bug, 3 a target failed, 4 nothing to be believed.",
        live["verdict"]["exit_code"],
    )


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"meetprobe_{name}", meaning, value=float(value))


def _labelled(name: str, meaning: str, label: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"meetprobe_{name}", meaning, labels=[label])


def _add(family: GaugeMetricFamily, labels: list[str], value: float | None, scale: float = 1.0) -> None:
    """What was not measured is absent, not zero."""
    if value is not None:
        family.add_metric(labels, float(value) * scale)
