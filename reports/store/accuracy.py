"""Cross-checks: the same fact told twice in a run must be the same fact, and no figure may leave its scale. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from probe.model.metrics import METRICS
from reports.scales import scale
from reports.store.entry import Entry

Check = tuple[str, bool]
_CLOCKS = {"one_way_delay_seconds": (-0.1, math.inf)}
"""A one-way delay is the difference of two clock readings, which may disagree by a little."""
_SLACK = 1e-9


def cross_checks(entry: Entry) -> Iterable[Check]:
    """(what would be wrong, does it hold?)"""
    for name, part in entry.summary.items():
        yield from _of_metric(name, part)
    yield from _told_twice(entry)
    yield from _verdicts(entry)
    yield from _counts(entry)


def _of_metric(name: str, part: Mapping[str, Any]) -> Iterable[Check]:
    low, high = _scale(name)
    inside = part["count"] == 0 or (low - _SLACK <= part["min"] and part["max"] <= high + _SLACK)
    yield f"{name} leaves {low:g} to {high:g}", inside
    ordered = [part[key] for key in ("min", "p50", "p95", "p99", "max")]
    yield f"{name}: its percentiles are out of order", ordered == sorted(ordered)
    yield f"{name}: its count is not its histogram's", part["count"] == part["histogram"]["count"]
    tags: Counter[str] = Counter()
    for tag, by in part["by"].items():
        tags[tag.partition("=")[0]] += by["count"]
    for tag, count in tags.items():
        yield f"{name}: more values by {tag} than in all", count <= part["count"]


def _scale(name: str) -> tuple[float, float]:
    known = METRICS.get(name)
    return _CLOCKS.get(name) or (scale(known) if known is not None else (-math.inf, math.inf))


def _told_twice(entry: Entry) -> Iterable[Check]:
    """The document's figures are those of the histograms beside it."""
    metrics = entry.document["metrics"]
    yield "the document has other metrics than the summary", set(metrics) == set(entry.summary)
    for name in set(metrics) & set(entry.summary):
        same = all(metrics[name][key] == entry.summary[name][key] for key in ("count", "mean", "max"))
        yield f"{name}: the document says otherwise than the histogram", same


def _verdicts(entry: Entry) -> Iterable[Check]:
    counted = Counter(kpi["status"] for kpi in entry.document["kpis"])
    verdict = entry.document["verdict"]
    for status in ("pass", "fail", "inconclusive", "not_judged"):
        yield (
            f"the verdict counts {verdict[status]} {status}, the rows {counted[status]}",
            verdict[status] == counted[status],
        )


def _counts(entry: Entry) -> Iterable[Check]:
    """Who is listed, has also been counted. Lists may be shorter than the counts: those of a campaign are."""
    joins, good = _successes(entry, "join_success_ratio")
    _, timed = joins, entry.summary.get("join_duration_seconds", {"count": 0})["count"]
    listed = sum(bool(who.get("joined")) for who in entry.document["participants"])
    yield f"{timed} join times of {good:g} joins", timed <= good
    yield f"{listed} participants joined, {joins} joins were tried", listed <= joins
    moves, moved = _successes(entry, "migration_success_ratio")
    done = [bool(migration["success"]) for migration in entry.document["migrations"]]
    yield f"{len(done)} migrations listed, {moves} counted", len(done) <= moves
    yield f"{sum(done)} successful migrations listed, {moved:g} counted", sum(done) <= moved


def _successes(entry: Entry, name: str) -> tuple[int, float]:
    """Attempts and successes."""
    part = entry.summary.get(name)
    return (part["count"], round(part["mean"] * part["count"])) if part else (0, 0.0)
