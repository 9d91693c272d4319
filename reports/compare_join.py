"""Where a join spends its time, on both sides of a comparison: phase by phase, whether it changed or not. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from reports.document import Document
from reports.readings import PHASES

IN_ALL = "all"
"""The name of the last row, the join's whole duration."""
_ROWS = [*((name, "join_phase_seconds", f"phase={name}") for name, _ in PHASES), (IN_ALL, "join_duration_seconds", "")]


def join_phases(
    before: Sequence[Document], after: Sequence[Document], changes: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The comparison's `join`: {phase, before, after, verdict} for each phase that either side has, in the order of a join, and for
    the whole. Means of the runs' means, in seconds; None where a side has none. `verdict` is that of `changes`, None where they have
    none. Empty where nobody joined."""
    verdicts = {(one["metric"], one["tag"]): one["verdict"] for one in changes if one["figure"] == "mean"}
    found = []
    for name, metric, tag in _ROWS:
        left, right = (_mean(side, metric, tag) for side in (before, after))
        if left is not None or right is not None:
            found.append({"phase": name, "before": left, "after": right, "verdict": verdicts.get((metric, tag))})
    return found


def _mean(documents: Sequence[Document], metric: str, tag: str) -> float | None:
    entries = [document["metrics"][metric] for document in documents if metric in document["metrics"]]
    parts = [entry["by"].get(tag) if tag else entry for entry in entries]
    means = [part["mean"] for part in parts if part is not None]
    return fmean(means) if means else None
