"""What a report says, before anybody decides how it looks. The renderers read only this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from reports.cadence.period import Period


class Mark(StrEnum):
    """Where a figure stands; UNKNOWN where there is no figure or no target."""

    ON = "on target"
    NEAR = "near target"
    BELOW = "off target"
    UNKNOWN = "no figure"


class Change(StrEnum):
    """Against the period before. SAME: within noise; UNKNOWN: too few runs to tell."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "no change"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Row:
    """A promise over the period. `value`, `interval` (90 %, an open end None), `target`, `before` (the period before) and `trend`
    (oldest first, None where nothing was measured) are in `unit`; `status` is the verdict on all samples, `horizons` the mark
    by horizon."""

    kpi: str
    title: str
    unit: str
    comparison: str
    value: float | None
    interval: list[float | None] | None
    target: float | None
    mark: Mark
    status: str
    evidence: str
    count: int
    before: float | None
    change: Change
    trend: tuple[float | None, ...]
    horizons: Mapping[str, tuple[float | None, Mark]]
    benchmark: str = ""


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """A promise without a figure that no run and no history can judge, and the reason."""

    title: str
    reason: str


@dataclass(frozen=True, slots=True)
class Group:
    """The runs of one scenario on one emulated network: how many, how many missed a target, and what they measured as
    {metric: mean}."""

    scenario: str
    network: str
    runs: int
    missed: int
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Fired:
    """An alert of the profile whose condition holds over the period."""

    severity: str
    title: str
    value: float
    unit: str
    condition: str


@dataclass(frozen=True, slots=True)
class Failure:
    """One kind of error over all runs of the period."""

    phase: str
    message: str
    count: int
    runs: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Runs of the period: all; those whose samples count; those whose generator could not be trusted; interrupted ones; those
    in which nobody got in; those that missed a target."""

    all: int
    counted: int
    distrusted: int
    interrupted: int
    shut_out: int
    missed: int


@dataclass(frozen=True, slots=True)
class Data:
    """One dimension of data quality over the period's runs; freshness in seconds, the others shares."""

    dimension: str
    value: float | None
    limit: float
    ok: bool


@dataclass(frozen=True, slots=True)
class Cadence:
    """The report. `before` counts the runs of the period before; `targets` are those that the runs went against."""

    audience: str
    title: str
    platform: str
    profile: str
    horizon: str
    period: Period
    counts: Counts
    before: Counts
    rows: tuple[Row, ...]
    unjudged: tuple[Row, ...]
    unmeasured: tuple[Unmeasured, ...]
    groups: tuple[Group, ...]
    alerts: tuple[Fired, ...]
    failures: tuple[Failure, ...]
    data: tuple[Data, ...]
    targets: tuple[str, ...]
    milestones: Mapping[str, str]
    external: tuple[str, ...]
    notes: tuple[str, ...]

    def marked(self, mark: Mark) -> list[Row]:
        return [row for row in self.rows if row.mark is mark]

    def changed(self, change: Change) -> list[Row]:
        return [row for row in (*self.rows, *self.unjudged) if row.change is change]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        found = asdict(self)
        span = {"name": self.period.name, "start": self.period.start.isoformat(), "end": self.period.end.isoformat()}
        return {"schema": "meetprobe/cadence/1", **found, "period": span}
