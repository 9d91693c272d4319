"""A sample: one measured value with its time and its low-cardinality tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

TAG_NAMES = ("topology", "kind", "direction", "phase", "transition", "source", "codec", "class", "call", "pair")
"""The only tags a sample may carry. Participants, rooms and tracks go into `detail`, never into tags."""


def has_tag(tags: Mapping[str, str], wanted: str) -> bool:
    """`wanted` is "tag=value", or empty, which all samples have."""
    name, _, value = wanted.partition("=")
    return not name or tags.get(name) == value


def unit_of(meeting: object, who: object) -> str:
    """Where a reading was taken: the meeting, and the participant in it, or nobody where it is the meeting's own. Empty where the
    meeting isn't known."""
    return f"{meeting}\n{who or ''}" if meeting else ""


@dataclass(frozen=True, slots=True)
class Sample:
    """One fact. `metric` is a name in `probe.model.metrics.METRICS`, `value` is in that metric's SI unit
    (a success is 1.0, a failure 0.0), `time` is seconds since the run began (monotonic)."""

    metric: str
    value: float
    time: float
    tags: Mapping[str, str] = field(default_factory=dict)
    detail: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class SampleBatch:
    """Many facts of one series: `values` (SI, as in Sample) with common tags, gathered until `time`, without detail. What
    comes by the packet comes so, where a sample each would cost more than the packet. `units`: whose they are, in the order of the
    values: (`unit_of` the participant, how many)."""

    metric: str
    values: NDArray[np.float64]
    time: float
    tags: Mapping[str, str] = field(default_factory=dict)
    units: Sequence[tuple[str, int]] = ()

    def singles(self) -> list[Sample]:
        """The same as single samples."""
        return [Sample(self.metric, value, self.time, self.tags) for value in self.values.tolist()]
