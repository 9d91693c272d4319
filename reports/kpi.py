"""One judged row: what was promised, what was measured, how sure that is, and the verdict in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from probe.measure.intervals import Interval


class Status(StrEnum):
    """The four verdicts. Only FAIL and, when asked for, INCONCLUSIVE touch the exit code."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_JUDGED = "not_judged"


@dataclass(frozen=True, slots=True)
class KpiResult:
    """`value`, `interval` and `target` are in `unit` (SI); None where there is none. `bounds` decide in place of the
    interval, where it is not the safest one. `count` is how many samples, or
    attempts of a ratio, stand behind the value. `evidence` is one line; `scale` names a score's model and ceiling."""

    kpi: str
    title: str
    metric: str | None
    aggregate: str
    comparison: str
    target: float | None
    horizon: str
    unit: str
    value: float | None
    interval: Interval | None
    count: int
    status: Status
    evidence: str
    benchmark: str = ""
    scale: str = ""
    bounds: Interval | None = None

    def changed(self, status: Status, evidence: str) -> KpiResult:
        """The same figures with another verdict."""
        return replace(self, status=status, evidence=evidence)

    def to_dict(self) -> dict[str, Any]:
        """The entry of the report's `kpis`; an open end of an interval is null."""
        return {
            "kpi": self.kpi,
            "title": self.title,
            "metric": self.metric,
            "aggregate": self.aggregate,
            "comparison": self.comparison,
            "target": self.target,
            "horizon": self.horizon,
            "unit": self.unit,
            "value": self.value,
            "interval": self.interval.to_list() if self.interval else None,
            "confidence": self.interval.confidence if self.interval else None,
            "count": self.count,
            "status": str(self.status),
            "evidence": self.evidence,
            "benchmark": self.benchmark,
            "scale": self.scale,
            "bounds": self.bounds.to_list() if self.bounds else None,
        }


def exit_code(
    results: Iterable[KpiResult], *, trustworthy: bool, measured: bool, strict: bool = False, bug: bool = False
) -> int:
    """0 no target failed, 1 our bug, 3 a target failed, 4 nothing could be measured or the generator was unhealthy.

    `strict` makes 4 of an inconclusive row when none failed.
    """
    statuses = {result.status for result in results}
    if bug:
        return 1
    if not (trustworthy and measured):
        return 4
    if Status.FAIL in statuses:
        return 3
    return 4 if strict and Status.INCONCLUSIVE in statuses else 0
