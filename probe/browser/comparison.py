"""Two views of the same meetings, the browsers' and ours, side by side. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from probe.measure.summary import Summary
from probe.model.metrics import METRICS

# What both can see of the same media, and by what it is told apart. Not bitrates: a browser's camera sends what it likes.
COMPARED: Mapping[str, str] = {
    "join_duration_seconds": "",
    "round_trip_time_seconds": "source",
    "jitter_seconds": "kind",
    "packet_loss_ratio": "kind",
    "residual_loss_ratio": "kind",
    "frame_rate": "",
    "harmonic_frame_rate": "",
    "frame_assembly_seconds": "",
    "freeze_ratio": "",
    "migration_duration_seconds": "transition",
    "migration_video_gap_seconds": "transition",
}


@dataclass(frozen=True, slots=True)
class Row:
    """Means of one metric, of all samples or of those with a tag ("kind=video"), in the metric's unit; how many went in."""

    metric: str
    tag: str
    unit: str
    browser: float
    ours: float
    browser_count: int
    our_count: int

    @property
    def difference(self) -> float:
        """The browser's minus ours, in the metric's unit."""
        return self.browser - self.ours

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"difference": self.difference}


def joined(browsers: Summary) -> int:
    """How many browsers got into a meeting, each time counted: each that did tells how long it took."""
    found = browsers.histogram("join_duration_seconds")
    return found.count if found is not None else 0


def compare(browsers: Summary, ours: Summary) -> list[Row]:
    """A row for everything that both have seen."""
    found = []
    for metric, by in COMPARED.items():
        for tag in _tags(browsers, metric, by):
            theirs, own = browsers.histogram(metric, tag), ours.histogram(metric, tag)
            if theirs is not None and own is not None and theirs.mean is not None and own.mean is not None:
                unit = METRICS[metric].unit
                found.append(Row(metric, tag, unit, theirs.mean, own.mean, theirs.count, own.count))
    return found


def _tags(summary: Summary, metric: str, by: str) -> list[str]:
    return [tag for tag in summary.tags(metric) if tag.startswith(f"{by}=")] if by else [""]
