"""What is stored of a run, and how it comes back. Pure: rows out of a document and its summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from probe.measure.histogram import Histogram
from probe.measure.summary import Summary
from reports.document import Document
from reports.store.packing import pack, unpack

NETWORK = "network"
BACKFILLED = "backfilled"
"""Labels of ours: the emulated access network, and that the run's time was given instead of read."""
MOST_ERRORS = 500
MOST_LABELS = 32
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A run on its way into the history: the report document, the summary as `Summary.to_dict` gives it, words of the
    user's to tell runs apart, and samples by their time as `Slices.to_dict` gives them, where targets asked for them."""

    document: Document
    summary: Mapping[str, Any]
    labels: Mapping[str, str] = field(default_factory=dict)
    slices: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return str(self.document["run"]["id"])

    @property
    def started_at(self) -> datetime:
        """UTC. Raises ValueError for what is no time."""
        found = datetime.fromisoformat(str(self.document["run"]["started_at"]))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A line of the history. Times are UTC, `duration_seconds` in seconds; `network` "" where none was emulated."""

    id: str
    started_at: datetime
    stored_at: datetime
    duration_seconds: float
    scenario: str
    target: str
    network: str
    version: str
    profile: str | None
    horizon: str | None
    exit_code: int
    measured: bool
    trustworthy: bool
    interrupted: bool
    migrations: int
    migrations_failed: int
    labels: Mapping[str, str]
    repeats: int
    sound: bool = True
    """Did all data-quality checks hold?"""

    @property
    def counts(self) -> bool:
        """May its samples be pooled with others?"""
        return self.trustworthy and self.measured and self.sound

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        found = {name: getattr(self, name) for name in self.__slots__}
        times = {name: getattr(self, name).isoformat() for name in ("started_at", "stored_at")}
        return {**found, **times, "labels": dict(self.labels)}


def run_row(entry: Entry) -> Row:
    """The line of `runs`, but for the document and the time of storing."""
    run, verdict, document = entry.document["run"], entry.document["verdict"], entry.document
    return {
        "id": entry.id[:64],
        "started_at": entry.started_at,
        "duration_seconds": float(run["duration_seconds"] or 0.0),
        "scenario": str(run["scenario"])[:200],
        "target": str(run["target"])[:500],
        "network": entry.labels.get(NETWORK, "")[:200],
        "version": str(run["version"])[:64],
        "profile": run["targets"],
        "horizon": run["horizon"],
        "exit_code": int(verdict["exit_code"]),
        "measured": bool(verdict["measured"]),
        "trustworthy": bool(document["health"]["trustworthy"]),
        "interrupted": bool(run["interrupted"]),
        "migrations": len(document["migrations"]),
        "migrations_failed": sum(not migration.get("success") for migration in document["migrations"]),
        "labels": {str(key)[:64]: str(value)[:200] for key, value in list(entry.labels.items())[:MOST_LABELS]},
        "repeats": 0,
    }


def summary_rows(entry: Entry) -> list[Row]:
    """One per metric and one per tag value of it."""
    rows = []
    for name, part in entry.summary.items():
        rows.append(_summary_row(entry.id, name, "", part["unit"], part))
        rows += [_summary_row(entry.id, name, tag, part["unit"], by) for tag, by in part["by"].items()]
    return rows


def _summary_row(run_id: str, name: str, tag: str, unit: str, part: Mapping[str, Any]) -> Row:
    figures = {key: part[key] for key in ("count", "mean", "min", "p50", "p95", "p99", "max")}
    packed = pack(part["histogram"])
    return {"run_id": run_id, "metric": name, "tag": tag[:200], "unit": unit, **figures, "histogram": packed}


def verdict_rows(entry: Entry) -> list[Row]:
    """One per row of the profile, whether judged or not."""
    return [_verdict_row(entry.id, kpi) for kpi in entry.document["kpis"]]


def _verdict_row(run_id: str, kpi: Mapping[str, Any]) -> Row:
    low, high = kpi["interval"] or (None, None)
    same = ("kpi", "metric", "aggregate", "comparison", "target", "unit", "value", "count", "status")
    return {"run_id": run_id, "title": kpi["title"][:500], "low": low, "high": high, **{key: kpi[key] for key in same}}


def error_rows(entry: Entry) -> list[Row]:
    """The most frequent kinds of errors."""
    kinds = sorted(entry.document["errors"], key=lambda error: -error["count"])[:MOST_ERRORS]
    return [
        {
            "run_id": entry.id,
            "number": number,
            "phase": error["phase"][:200],
            "who": error["who"][:500],
            "message": error["message"][:1000],
            "count": error["count"],
        }
        for number, error in enumerate(kinds)
    ]


def summary_of(rows: list[tuple[str, str, bytes]]) -> Summary:
    """The summary out of (metric, tag, packed histogram). Raises ValueError for damaged rows, ConfigError for a metric
    that this program does not know."""
    entries: dict[str, dict[str, Any]] = {}
    for name, tag, packed in rows:
        entry = entries.setdefault(name, {"histogram": Histogram().to_dict(), "by": {}})
        part = {"histogram": unpack(packed)}
        if tag:
            entry["by"][tag] = part
        else:
            entry.update(part)
    return Summary.from_dict(entries)
