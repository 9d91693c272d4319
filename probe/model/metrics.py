"""The registry of metrics: every name that a sample, a target or a report may use, with its unit and its meaning."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

from probe.model.errors import ConfigError

Unit = Literal["seconds", "ratio", "mos", "score", "dB", "fps", "bits_per_second", "megabytes_per_hour", "count"]


@dataclass(frozen=True, slots=True)
class Metric:
    """`better` is the direction of improvement; a `rate` metric holds successes (1.0) and failures (0.0), or, for
    gauges, one value per observation. `tags` are the tags its samples carry."""

    name: str
    unit: Unit
    better: Literal["higher", "lower"]
    meaning: str
    rate: bool = False
    tags: tuple[str, ...] = ()


def _m(
    name: str, unit: Unit, better: Literal["higher", "lower"], meaning: str, *tags: str, rate: bool = False
) -> Metric:
    return Metric(name, unit, better, meaning, rate, tags)


_ALL = (
    _m("join_success_ratio", "ratio", "higher", "joins that reached media, of all attempts", "topology", rate=True),
    _m(
        "join_duration_seconds",
        "seconds",
        "lower",
        "from the intended start to the first decoded remote video frame",
        "topology",
    ),
    _m("join_phase_seconds", "seconds", "lower", "duration of one phase of a join", "phase", "topology"),
    _m(
        "connection_success_ratio",
        "ratio",
        "higher",
        "peer connections that came up, of all attempts",
        "topology",
        rate=True,
    ),
    _m(
        "p2p_connection_success_ratio",
        "ratio",
        "higher",
        "P2P peer connections that came up, of all attempts",
        rate=True,
    ),
    _m(
        "connect_duration_seconds",
        "seconds",
        "lower",
        "descriptions exchanged to ICE and DTLS up, of the connections that came up",
        "topology",
        "pair",
    ),
    _m(
        "round_trip_time_seconds",
        "seconds",
        "lower",
        "media round trip, by RTCP and by STUN",
        "topology",
        "source",
        "kind",
    ),
    _m(
        "one_way_delay_seconds",
        "seconds",
        "lower",
        "capture to decoded picture by frame ID (video), capture to arrival (audio)",
        "topology",
        "kind",
    ),
    _m(
        "capture_clock_ratio",
        "ratio",
        "higher",
        "streams of others whose capture times could be told by our clock, of all",
        "source",
        rate=True,
    ),
    _m(
        "capture_clock_error_seconds",
        "seconds",
        "lower",
        "how far from the truth such a capture time may be, by the stream's clock alone",
        "source",
    ),
    _m("frame_assembly_seconds", "seconds", "lower", "first packet of a video frame to its last", "topology"),
    _m(
        "frame_decode_seconds",
        "seconds",
        "lower",
        "frame complete to picture decoded, waiting for a decoder included",
        "topology",
    ),
    _m("jitter_seconds", "seconds", "lower", "RFC 3550 interarrival jitter", "topology", "kind"),
    _m(
        "packet_loss_ratio",
        "ratio",
        "lower",
        "packets that never arrived by first transmission, of those expected",
        "topology",
        "kind",
    ),
    _m("window_loss_ratio", "ratio", "lower", "the same within one second, for curves over time", "topology", "kind"),
    _m(
        "residual_loss_ratio",
        "ratio",
        "lower",
        "packets missing after retransmission (video) or at playout, lost or late (audio), of those expected",
        "topology",
        "kind",
    ),
    _m("burst_ratio", "ratio", "lower", "mean loss run over the mean run of random loss (G.107)", "topology", "kind"),
    _m("packets_reordered", "count", "lower", "packets that arrived after a later one, per stream", "topology", "kind"),
    _m("packets_duplicated", "count", "lower", "packets that arrived more than once, per stream", "topology", "kind"),
    _m("nack_count", "count", "lower", "NACK messages sent by the receiver, per stream", "topology", "kind"),
    _m("pli_count", "count", "lower", "PLI messages sent by the receiver, per stream", "topology", "kind"),
    _m("audio_mos_lq", "mos", "higher", "E-model G.107.2 listening quality, from the mean R of windows", "topology"),
    _m("audio_mos_cq", "mos", "higher", "E-model G.107.2 conversational quality (with mouth-to-ear delay)", "topology"),
    _m(
        "audio_quality_score",
        "score",
        "higher",
        "1 + 4 (MOS-CQ - 1) / 3.5: MOS stretched to a scale that ends at 5",
        "topology",
    ),
    _m("window_audio_score", "score", "higher", "the same of two seconds, for curves over time", "topology"),
    _m(
        "video_mos",
        "mos",
        "higher",
        "full-reference picture MOS per second, VMAF anchored, without freezes",
        "topology",
    ),
    _m("video_quality_score", "score", "higher", "picture MOS with freezes weighted in", "topology"),
    _m(
        "video_score_estimated",
        "score",
        "higher",
        "of undecoded video: estimated from bitrate, size and frame rate, freezes weighted in",
        "topology",
    ),
    _m("video_psnr_db", "dB", "higher", "luma PSNR of a decoded frame against the identified source frame", "topology"),
    _m(
        "video_ssim",
        "ratio",
        "higher",
        "luma SSIM (8x8 blocks) of a decoded frame against the identified source frame",
        "topology",
    ),
    _m("video_vmaf", "score", "higher", "VMAF v0.6.1 on sampled windows, at the source size", "topology"),
    _m("frame_rate", "fps", "higher", "new frames decoded per second", "topology"),
    _m("window_frame_rate", "fps", "higher", "the same of one second, for curves over time", "topology"),
    _m(
        "stream_available_ratio",
        "ratio",
        "higher",
        "seconds of watching in which frames came, at least one a second",
        "topology",
        rate=True,
    ),
    _m(
        "harmonic_frame_rate",
        "fps",
        "higher",
        "sum(d) / sum(d^2) over frame intervals d: falls with irregularity",
        "topology",
    ),
    _m("freeze_ratio", "ratio", "lower", "frozen time (libwebrtc rule) over watched time", "topology"),
    _m("freeze_count", "count", "lower", "freezes (libwebrtc rule) per received video stream", "topology"),
    _m(
        "frame_id_wrong",
        "count",
        "lower",
        "decoded frame IDs that the sender did not send at a plausible time, per received stream",
        "topology",
    ),
    _m("frames_lost", "count", "lower", "video frames sent but never decoded, per received stream", "topology"),
    _m("frame_id_unread_ratio", "ratio", "lower", "decoded frames whose ID strip could not be read", "topology"),
    _m(
        "send_bitrate_bps",
        "bits_per_second",
        "lower",
        "RTP bits sent per second by a participant on one path, headers included",
        "topology",
        "kind",
    ),
    _m(
        "receive_bitrate_bps",
        "bits_per_second",
        "lower",
        "RTP bits received per second by a participant on one path, headers included",
        "topology",
        "kind",
    ),
    _m(
        "megabytes_per_participant_hour",
        "megabytes_per_hour",
        "lower",
        "10^6 bytes sent and received per participant and hour",
        "topology",
    ),
    _m(
        "migration_success_ratio",
        "ratio",
        "higher",
        "migrations in which everybody's media moved in time and nobody dropped",
        "transition",
        rate=True,
    ),
    _m(
        "migration_duration_seconds",
        "seconds",
        "lower",
        "from the topology message to the old path closed",
        "transition",
    ),
    _m(
        "migration_audio_gap_seconds",
        "seconds",
        "lower",
        "longest time without new audio at a receiver across the switch",
        "transition",
    ),
    _m(
        "migration_video_gap_seconds",
        "seconds",
        "lower",
        "longest time without a new decoded frame at a receiver across the switch",
        "transition",
    ),
    _m(
        "migration_frames_lost",
        "count",
        "lower",
        "frames sent but never decoded across the switch, per received stream",
        "transition",
    ),
    _m(
        "migration_frames_repeated", "count", "lower", "frames decoded on both paths, per received stream", "transition"
    ),
    _m(
        "migration_mos_dip",
        "mos",
        "lower",
        "video MOS before the switch minus the lowest second across it",
        "transition",
    ),
    _m("connection_stability_ratio", "ratio", "higher", "participant-meetings without an unplanned drop", rate=True),
    _m("p2p_usage_ratio", "ratio", "higher", "share of participant time spent on P2P paths"),
    _m("concurrent_participants_peak", "count", "higher", "most participants who had joined at one time"),
    _m("cost_saving_ratio", "ratio", "higher", "server cost saved against a pure SFU carrying the same meetings"),
    _m(
        "bandwidth_saving_ratio",
        "ratio",
        "higher",
        "server traffic saved against a pure SFU carrying the same meetings",
    ),
    _m("platform_uptime_ratio", "ratio", "higher", "share of checks over time that the platform answered", rate=True),
    _m("outage_seconds", "seconds", "lower", "from the first check that failed to the next that succeeded", "class"),
    _m(
        "time_between_failures_seconds",
        "seconds",
        "higher",
        "from the end of one unplanned outage to the start of the next",
    ),
    _m(
        "http_response_seconds",
        "seconds",
        "lower",
        "request sent to response complete, of the platform's signalling and HTTP calls",
        "source",
        "call",
    ),
    _m(
        "http_error_ratio",
        "ratio",
        "lower",
        "requests that were refused (4xx), failed (5xx), or got no answer, of all requests",
        "source",
        "call",
        rate=True,
    ),
    _m(
        "http_error_class_ratio",
        "ratio",
        "lower",
        "calls that ended in one class of error (4xx, 5xx, timeout, unreachable, refused), of all calls; by class, for over all "
        "classes each call counts five times",
        "class",
        "call",
        rate=True,
    ),
    _m(
        "http_available_ratio",
        "ratio",
        "higher",
        "requests that the server answered in time and without a 5xx",
        "source",
        "call",
        rate=True,
    ),
    _m(
        "rate_limited_ratio",
        "ratio",
        "lower",
        "requests that were answered with 429, of all requests",
        "source",
        "call",
        rate=True,
    ),
    _m("data_completeness_ratio", "ratio", "higher", "required figures that a stored run has, of all"),
    _m("data_accuracy_ratio", "ratio", "higher", "cross-checks that the figures of a stored run pass, of all"),
    _m("data_freshness_seconds", "seconds", "lower", "end of a run to its results stored"),
    _m("data_duplicate_ratio", "ratio", "lower", "results that came more than once, of all that came", rate=True),
    _m("data_schema_ratio", "ratio", "higher", "stored documents that keep the schema, of all", rate=True),
    _m("store_response_seconds", "seconds", "lower", "one statement to the history's database and its answer"),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}


def metric(name: str) -> Metric:
    """The metric of that name. Raises ConfigError naming the nearest valid one."""
    found = METRICS.get(name)
    if found is None:
        near = difflib.get_close_matches(name, METRICS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "see docs/metrics.md for all names"
        raise ConfigError(f"unknown metric {name!r}", phase="targets", hint=hint)
    return found
