"""Runs with their summaries, verdicts, errors and data quality."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Written out, not taken from `reports.store.tables`: a step stays what it was when the tables move on."""
    op.create_table(
        "runs",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_seconds", sa.Float, nullable=False),
        sa.Column("scenario", sa.String(200), nullable=False),
        sa.Column("target", sa.String(500), nullable=False),
        sa.Column("network", sa.String(200), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("profile", sa.String(200)),
        sa.Column("horizon", sa.String(64)),
        sa.Column("exit_code", sa.Integer, nullable=False),
        sa.Column("measured", sa.Boolean, nullable=False),
        sa.Column("trustworthy", sa.Boolean, nullable=False),
        sa.Column("interrupted", sa.Boolean, nullable=False),
        sa.Column("migrations", sa.Integer, nullable=False),
        sa.Column("migrations_failed", sa.Integer, nullable=False),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("repeats", sa.Integer, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "summaries",
        _run(),
        sa.Column("metric", sa.String(64), primary_key=True),
        sa.Column("tag", sa.String(200), primary_key=True),
        sa.Column("unit", sa.String(32), nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Float, nullable=False) for name in ("mean", "min", "p50", "p95", "p99", "max")),
        sa.Column("histogram", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "verdicts",
        _run(),
        sa.Column("kpi", sa.String(64), primary_key=True),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("metric", sa.String(200)),
        sa.Column("aggregate", sa.String(32), nullable=False),
        sa.Column("comparison", sa.String(2), nullable=False),
        sa.Column("target", sa.Float),
        sa.Column("unit", sa.String(32), nullable=False),
        sa.Column("value", sa.Float),
        sa.Column("low", sa.Float),
        sa.Column("high", sa.Float),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
    )
    op.create_table(
        "errors",
        _run(),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("phase", sa.String(200), nullable=False),
        sa.Column("who", sa.String(500), nullable=False),
        sa.Column("message", sa.String(1000), nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "findings",
        _run(),
        sa.Column("dimension", sa.String(32), primary_key=True),
        sa.Column("value", sa.Float),
        sa.Column("limit", sa.Float, nullable=False),
        sa.Column("ok", sa.Boolean, nullable=False),
        sa.Column("message", sa.String(1000), nullable=False),
    )


def _run() -> sa.Column[str]:
    return sa.Column("run_id", sa.String(64), sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)


def downgrade() -> None:
    """A history is never taken back: an older program says that it is too old for it."""
    raise NotImplementedError("the history's first step can't be taken back")
