"""Brings a history's schema up to date, one process at a time."""

from __future__ import annotations

from importlib import resources

from sqlalchemy import Connection, Engine, inspect, text

from probe.model.errors import ConfigError
from reports.store.location import shown
from reports.store.tables import REVISION, runs

_LOCK = 0x6D656574  # "meet": what PostgreSQL knows our lock by


def up_to_date(engine: Engine) -> None:
    """Take the steps that this database lacks, all in one transaction that no other process can enter meanwhile.

    Raises ConfigError where the database was written by a newer program or holds something else.
    """
    with engine.connect() as connection, connection.begin():
        if _revision(connection) == REVISION:
            return
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        found = _revision(connection)
        if found != REVISION:
            _check(connection, found, shown(engine.url))
            _upgrade(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _check(connection: Connection, found: str | None, where: str) -> None:
    if found is None and inspect(connection).has_table(runs.name):
        hint = "choose another --history"
        raise ConfigError("has a table 'runs' that meetprobe did not make", who=f"history {where}", hint=hint)
    if found is not None and found > REVISION:
        raise ConfigError(
            f"was written by a newer meetprobe: its schema is {found}, this one knows {REVISION}",
            who=f"history {where}",
            hint="upgrade meetprobe, or choose another --history",
        )


def _upgrade(connection: Connection) -> None:
    from alembic import command  # a quarter of a second: only where there is something to do
    from alembic.config import Config

    with resources.as_file(resources.files("reports.store") / "migrations") as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
