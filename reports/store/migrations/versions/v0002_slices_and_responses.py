"""Beside a run its samples by their time, where targets asked for them, and how long the database took to take it in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Runs that were stored before have neither."""
    op.add_column("runs", sa.Column("slices", sa.LargeBinary))
    op.add_column("runs", sa.Column("responses", sa.LargeBinary))


def downgrade() -> None:
    """A history is never taken back: an older program says that it is too old for it."""
    raise NotImplementedError("the history's steps can't be taken back")
