"""A campaign over time, for charts: a point every two seconds, and however long it lasts at most MAX_POINTS of them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from probe.measure.histogram import Histogram
from probe.measure.summary import Summary

WIDTH = 2.0
"""Seconds of a point. Workers report every three: one in which nobody did goes on until somebody does, up to LONGEST times."""
LONGEST = 3
MAX_POINTS = 600

Value = float | None
Columns = dict[str, list[Value]]

MEANS = {
    "round_trip_time_seconds": "round_trip_time_seconds",
    "packet_loss_ratio": "window_loss_ratio",
    "audio_quality_score": "window_audio_score",
    "video_quality_score": "video_quality_score",
}
"""The columns, and the metrics that tell of them while streams still run."""
_BITRATES = ("send_bitrate_bps", "receive_bitrate_bps")
_KINDS = ("audio", "video")


def mean_of(summary: Summary, metric: str, tag: str = "") -> Value:
    histogram = summary.histogram(metric, tag)
    return histogram.mean if histogram else None


def per_participant(summary: Summary, metric: str) -> Value:
    """Bits a second of one participant: audio and video are samples of their own, so their means add up."""
    return total([mean_of(summary, metric, f"kind={kind}") for kind in _KINDS])


def total(values: list[Value]) -> Value:
    """Of those that are known; None if none is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def attempts(summary: Summary, metric: str) -> int:
    """Of a metric of successes (1) and failures (0): how many there were."""
    histogram = summary.histogram(metric)
    return histogram.count if histogram else 0


def failures(summary: Summary, metric: str) -> int:
    """Of a metric of successes and failures: how many failed."""
    histogram = summary.histogram(metric)
    return histogram.count - round(histogram.sum) if histogram else 0


@dataclass(frozen=True, slots=True)
class Gauges:
    """What holds at a moment: participants in meetings, the worst worker's loop lag so far."""

    participants: int = 0
    loop_lag_p99_seconds: float | None = None


class Mean:
    """Values that can be added up: sum and count."""

    __slots__ = ("count", "total")

    def __init__(self, histogram: Histogram | None = None) -> None:
        self.total, self.count = (histogram.sum, histogram.count) if histogram else (0.0, 0)

    def merge(self, other: Mean) -> None:
        self.total += other.total
        self.count += other.count

    @property
    def value(self) -> Value:
        return self.total / self.count if self.count else None


@dataclass(slots=True)
class Point:
    """From `start` to `end`, seconds of the campaign: the most participants, the worst lag, what was measured."""

    start: float
    end: float
    participants: int = 0
    lag: Value = None
    joins: Histogram = field(default_factory=Histogram)
    means: dict[str, Mean] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, summary: Summary) -> None:
        """What a worker measured in it."""
        if (joins := summary.histogram("join_duration_seconds")) is not None:
            self.joins.merge(joins)
        for name, mean in _means_of(summary).items():
            self.means.setdefault(name, Mean()).merge(mean)
        self.counts["migrations"] += attempts(summary, "migration_success_ratio")
        self.counts["failures"] += failures(summary, "join_success_ratio") + failures(
            summary, "migration_success_ratio"
        )

    def hold(self, end: float, gauges: Gauges) -> None:
        """It lasts until `end` at least, when that holds."""
        self.end = end
        self.participants = max(self.participants, gauges.participants)
        lags = [lag for lag in (self.lag, gauges.loop_lag_p99_seconds) if lag is not None]
        self.lag = max(lags, default=None)

    def merge(self, later: Point) -> None:
        self.hold(later.end, Gauges(later.participants, later.lag))
        self.joins.merge(later.joins)
        for name, mean in later.means.items():
            self.means.setdefault(name, Mean()).merge(mean)
        self.counts += later.counts

    def row(self) -> Mapping[str, Value]:
        return {
            "time": self.end,
            "participants": float(self.participants),
            "join_p50_seconds": self.joins.quantile(0.50),
            "join_p95_seconds": self.joins.quantile(0.95),
            **{name: self._mean(name) for name in MEANS},
            **{name: total([self._mean(f"{name} {kind}") for kind in _KINDS]) for name in _BITRATES},
            "migrations": float(self.counts["migrations"]),
            "failures": float(self.counts["failures"]),
            "loop_lag_p99_seconds": self.lag,
        }

    def _mean(self, name: str) -> Value:
        return self.means[name].value if name in self.means else None


COLUMNS = tuple(Point(0.0, 0.0).row())


class Series:
    """Tell `add` what was measured and `advance` the time. Neighbours are merged when there are more than MAX_POINTS."""

    def __init__(self) -> None:
        self._points: list[Point] = []
        self._open = Point(0.0, 0.0)
        self._heard = False
        self._width = WIDTH

    def add(self, summary: Summary) -> None:
        """What was measured since the last report, into the point that is open."""
        self._open.add(summary)
        self._heard = True

    def advance(self, seconds: float, gauges: Gauges) -> None:
        """It is `seconds` since the start, and this holds now."""
        self._open.hold(seconds, gauges)
        age = seconds - self._open.start
        if age < self._width or (not self._heard and age < LONGEST * self._width):
            return
        self._points.append(self._open)
        self._open, self._heard = Point(seconds, seconds), False
        if len(self._points) > MAX_POINTS:
            self._fold()

    def close(self, seconds: float, gauges: Gauges) -> None:
        """It is over: what is in the open point counts too."""
        self._open.hold(seconds, gauges)
        if self._heard:
            self._points.append(self._open)
            self._open, self._heard = Point(seconds, seconds), False

    def columns(self) -> Columns:
        """Equally long lists, None where nothing was measured; "time" is each point's end."""
        rows = [point.row() for point in self._points]
        return {name: [row[name] for row in rows] for name in COLUMNS}

    def _fold(self) -> None:
        for first, second in zip(self._points[::2], self._points[1::2], strict=False):
            first.merge(second)
        self._points = self._points[::2]
        self._width *= 2


def _means_of(summary: Summary) -> dict[str, Mean]:
    found = {name: summary.histogram(metric) for name, metric in MEANS.items()}
    found |= {f"{name} {kind}": summary.histogram(name, f"kind={kind}") for name in _BITRATES for kind in _KINDS}
    return {name: Mean(histogram) for name, histogram in found.items() if histogram is not None}
