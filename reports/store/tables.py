"""The tables of the history. `migrations/` makes them; a test holds the two to each other."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
)

REVISION = "0002"
"""The last step of `migrations/`: what this program reads and writes."""


class UtcTime(TypeDecorator[datetime]):
    """An instant. SQLite keeps no time zone, so that every one is UTC there."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        told = value.astimezone(UTC)
        return told.replace(tzinfo=None) if dialect.name == "sqlite" else told

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData()


def _run() -> Column[Any]:
    return Column("run_id", String(64), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)


runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("started_at", UtcTime, nullable=False, index=True),
    Column("stored_at", UtcTime, nullable=False),
    Column("duration_seconds", Float, nullable=False),
    Column("scenario", String(200), nullable=False),
    Column("target", String(500), nullable=False),
    Column("network", String(200), nullable=False),
    Column("version", String(64), nullable=False),
    Column("profile", String(200)),
    Column("horizon", String(64)),
    Column("exit_code", Integer, nullable=False),
    Column("measured", Boolean, nullable=False),
    Column("trustworthy", Boolean, nullable=False),
    Column("interrupted", Boolean, nullable=False),
    Column("migrations", Integer, nullable=False),
    Column("migrations_failed", Integer, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("repeats", Integer, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("slices", LargeBinary),
    Column("responses", LargeBinary),
)
"""`network`: the emulated access network, "" for none. `repeats`: how often the same id came again. Packed: `document`, `slices`
(`Slices.to_dict` where targets asked for samples by their time), `responses` (histogram of what the database took to store it)."""

summaries = Table(
    "summaries",
    metadata,
    _run(),
    Column("metric", String(64), primary_key=True),
    Column("tag", String(200), primary_key=True),
    Column("unit", String(32), nullable=False),
    Column("count", BigInteger, nullable=False),
    *(Column(name, Float, nullable=False) for name in ("mean", "min", "p50", "p95", "p99", "max")),
    Column("histogram", LargeBinary, nullable=False),
)
"""A row for all values of a metric (`tag` "") and one per "tag=value"; figures in the metric's SI unit."""

verdicts = Table(
    "verdicts",
    metadata,
    _run(),
    Column("kpi", String(64), primary_key=True),
    Column("title", String(500), nullable=False),
    Column("metric", String(200)),
    Column("aggregate", String(32), nullable=False),
    Column("comparison", String(2), nullable=False),
    Column("target", Float),
    Column("unit", String(32), nullable=False),
    Column("value", Float),
    Column("low", Float),
    Column("high", Float),
    Column("count", BigInteger, nullable=False),
    Column("status", String(16), nullable=False),
)

errors = Table(
    "errors",
    metadata,
    _run(),
    Column("number", Integer, primary_key=True),
    Column("phase", String(200), nullable=False),
    Column("who", String(500), nullable=False),
    Column("message", String(1000), nullable=False),
    Column("count", BigInteger, nullable=False),
)

findings = Table(
    "findings",
    metadata,
    _run(),
    Column("dimension", String(32), primary_key=True),
    Column("value", Float),
    Column("limit", Float, nullable=False),
    Column("ok", Boolean, nullable=False),
    Column("message", String(1000), nullable=False),
)
"""What the data-quality checks found when the run was stored: see `reports.store.quality`."""
