"""A sample: one measured value with its time and its low-cardinality tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

TAG_NAMES = ("topology", "kind", "direction", "phase", "transition", "source", "codec")
"""The only tags a sample may carry. Participants, rooms and tracks go into `detail`, never into tags."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One fact. `metric` is a name in `probe.model.metrics.METRICS`, `value` is in that metric's SI unit
    (a success is 1.0, a failure 0.0), `time` is seconds since the run began (monotonic)."""

    metric: str
    value: float
    time: float
    tags: Mapping[str, str] = field(default_factory=dict)
    detail: Mapping[str, str | int | float] = field(default_factory=dict)
