"""A browser's getStats() in our metrics and units. Pure.

The names at the right are those of W3C webrtc-stats (https://www.w3.org/TR/webrtc-stats/), "type: member". Where W3C counts
since the stream began, the difference of two reports is taken: the figure is that of the time between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from probe.model.errors import MeasurementError

Stats = Mapping[str, Any]
KINDS = ("audio", "video")


class Reading(NamedTuple):
    """One value of a metric of `probe.model.metrics`; `remote` is the participant whose media it is about, "" for the path."""

    metric: str
    value: float
    tags: Mapping[str, str]
    remote: str = ""


@dataclass(frozen=True, slots=True)
class PathReport:
    """What getStats() said of one peer connection. `owners`: whose media a track id (`inbound-rtp: trackIdentifier`) is."""

    path: str
    topology: str
    owners: Mapping[str, str] = field(default_factory=dict)
    stats: Mapping[str, Stats] = field(default_factory=dict)

    def of_type(self, type: str, kind: str | None = None) -> Iterator[Stats]:
        return (one for one in self.stats.values() if one["type"] == type and kind in (None, one.get("kind")))

    def owner(self, stream: Stats) -> str:
        """Whose an inbound stream is, "" for one that nobody announced."""
        return self.owners.get(str(stream.get("trackIdentifier", "")), "")

    def tags(self, kind: str = "", source: str = "") -> dict[str, str]:
        found = {"topology": self.topology, "source": source, "kind": kind}
        return {name: value for name, value in found.items() if value}


def path_report(raw: Mapping[str, Any]) -> PathReport:
    """From what the page's `meetprobe.reports()` gives for one path. Raises MeasurementError for anything else."""
    try:
        stats = {str(one["id"]): one for one in raw["stats"] if isinstance(one["type"], str)}
        return PathReport(str(raw["path"]), str(raw["kind"]), dict(raw["owners"]), stats)
    except (KeyError, TypeError, ValueError) as error:
        raise MeasurementError(f"not a report of the meeting page: {error!r}", who="browser", phase="stats") from error


def window(before: PathReport, now: PathReport) -> Iterator[Reading]:
    """What happened on a path between two reports, a second or so apart."""
    yield from _round_trips(before, now)
    for stream in now.of_type("inbound-rtp"):
        yield from _stream(before, now, stream)
    for kind in KINDS:
        yield from _bitrate(before, now, kind, "send_bitrate_bps", "outbound-rtp", ("bytesSent", "headerBytesSent"))
        yield from _bitrate(
            before, now, kind, "receive_bitrate_bps", "inbound-rtp", ("bytesReceived", "headerBytesReceived")
        )


def _round_trips(before: PathReport, now: PathReport) -> Iterator[Reading]:
    for pair in _selected(now):  # candidate-pair: totalRoundTripTime / responsesReceived (STUN, consent checks too)
        mean = _mean(before, pair, "totalRoundTripTime", "responsesReceived")
        if mean is not None:
            yield Reading("round_trip_time_seconds", mean, now.tags(source="stun"))
    for told in now.of_type("remote-inbound-rtp"):  # remote-inbound-rtp: totalRoundTripTime / roundTripTimeMeasurements
        mean = _mean(before, told, "totalRoundTripTime", "roundTripTimeMeasurements")
        if mean is not None:
            yield Reading("round_trip_time_seconds", mean, now.tags(told["kind"], "rtcp"))


def _selected(report: PathReport) -> Iterator[Stats]:
    for transport in report.of_type("transport"):  # transport: selectedCandidatePairId
        pair = report.stats.get(str(transport.get("selectedCandidatePairId", "")))
        if pair is not None:
            yield pair


def _stream(before: PathReport, now: PathReport, stream: Stats) -> Iterator[Reading]:
    kind, remote = stream["kind"], now.owner(stream)
    if stream.get("packetsReceived", 0) > 1 and "jitter" in stream:  # inbound-rtp: jitter, in seconds already
        yield Reading("jitter_seconds", float(stream["jitter"]), now.tags(kind), remote)
    if kind != "video":
        return
    frames, seconds = _grown(before, stream, "framesDecoded"), _elapsed(before, stream)
    if frames is not None and seconds:  # inbound-rtp: framesDecoded
        yield Reading("frame_rate", frames / seconds, now.tags(), remote)
    # inbound-rtp: totalAssemblyTime. It leaves frames of a single packet out, which take no time: they count here, as in ours.
    mean = _mean(before, stream, "totalAssemblyTime", "framesReceived")
    if mean is not None:
        yield Reading("frame_assembly_seconds", mean, now.tags(), remote)


def _bitrate(
    before: PathReport, now: PathReport, kind: str, metric: str, type: str, counters: tuple[str, str]
) -> Iterator[Reading]:
    """RTP bits per second of a path and kind: payload, padding and headers, as ours."""
    rates = []
    for stream in now.of_type(type, kind):
        seconds = _elapsed(before, stream)
        grown = [_grown(before, stream, counter) for counter in counters]
        if seconds and grown[0] is not None:
            rates.append(sum(one or 0.0 for one in grown) * 8 / seconds)
    if rates:
        yield Reading(metric, sum(rates), now.tags(kind))


def totals(report: PathReport, stream: Stats) -> Iterator[Reading]:
    """What an inbound stream comes to, from its last report."""
    kind, remote = stream["kind"], report.owner(stream)
    received, lost = stream.get("packetsReceived", 0), max(0, stream.get("packetsLost", 0))
    if not received:
        return
    for metric, value in (_audio if kind == "audio" else _video)(stream, lost, received + lost):
        yield Reading(metric, value, report.tags() if metric in _OF_VIDEO else report.tags(kind), remote)


_OF_VIDEO = {"harmonic_frame_rate", "freeze_ratio", "freeze_count"}


def _audio(stream: Stats, lost: int, expected: int) -> Iterator[tuple[str, float]]:
    yield "packet_loss_ratio", lost / expected  # inbound-rtp: packetsLost
    if "packetsDiscarded" in stream:  # inbound-rtp: packetsDiscarded (too late, or too early, for the playout buffer)
        yield "residual_loss_ratio", min(1.0, (lost + stream["packetsDiscarded"]) / expected)


def _video(stream: Stats, lost: int, expected: int) -> Iterator[tuple[str, float]]:
    # inbound-rtp: packetsLost is RFC 3550's of this SSRC. What comes again comes on another one (RFC 4588) where `rtxSsrc`
    # tells of it: then it is lost at first, and retransmittedPacketsReceived were repaired. Else it counts as received.
    if "rtxSsrc" in stream:
        yield "packet_loss_ratio", lost / expected
        yield "residual_loss_ratio", max(0, lost - stream.get("retransmittedPacketsReceived", 0)) / expected
    else:
        yield "residual_loss_ratio", lost / expected
    if "nackCount" in stream:
        yield "nack_count", stream["nackCount"]  # inbound-rtp: nackCount
    if "pliCount" in stream:
        yield "pli_count", stream["pliCount"]  # inbound-rtp: pliCount
    watched, squares = stream.get("totalInterFrameDelay", 0.0), stream.get("totalSquaredInterFrameDelay", 0.0)
    if "freezeCount" in stream:
        yield "freeze_count", stream["freezeCount"]  # inbound-rtp: freezeCount
        if watched > 0:
            # inbound-rtp: totalFreezesDuration, of the time between the first rendered frame and the last
            yield "freeze_ratio", min(1.0, stream.get("totalFreezesDuration", 0.0) / watched)
    if squares > 0:
        yield "harmonic_frame_rate", watched / squares  # inbound-rtp: totalInterFrameDelay, totalSquaredInterFrameDelay


def _earlier(before: PathReport, entry: Stats) -> Stats | None:
    """The same thing in the report before. A source that was replaced has another SSRC: it is not the same."""
    found = before.stats.get(str(entry["id"]))
    return found if found is not None and found.get("ssrc") == entry.get("ssrc") else None


def _grown(before: PathReport, entry: Stats, counter: str) -> float | None:
    """By how much a counter grew, None where it can't be told. A counter that fell was reset: then nothing is known."""
    earlier = _earlier(before, entry)
    if earlier is None or counter not in entry or counter not in earlier:
        return None
    grown = entry[counter] - earlier[counter]
    return float(grown) if grown >= 0 else None


def _elapsed(before: PathReport, entry: Stats) -> float:
    """Seconds between the two reports; W3C's timestamps are milliseconds."""
    earlier = _earlier(before, entry)
    return max(0.0, (entry["timestamp"] - earlier["timestamp"]) / 1000) if earlier is not None else 0.0


def _mean(before: PathReport, entry: Stats, total: str, count: str) -> float | None:
    """Of what was measured in between, None where nothing was."""
    grown, times = _grown(before, entry, total), _grown(before, entry, count)
    return grown / times if grown is not None and times else None
