"""Opens the database of a history: its pragmas, its transactions, its schema brought up to date."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from probe.model.errors import ConfigError, MeasurementError
from reports.store.location import shown
from reports.store.upgrade import up_to_date

_BUSY_SECONDS = 30
"""How long a writer waits for others: a run is written within a fraction of a second."""
_ASK_AGAIN_SECONDS = 0.02
_CONNECT_SECONDS = 10


def open_database(url: URL) -> Engine:
    """An engine whose schema is this program's.

    Raises ConfigError where the database can't be reached or made, is none of ours, or was written by a newer program.
    """
    sqlite = url.get_backend_name() == "sqlite"
    try:
        if sqlite:
            Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = _sqlite(url) if sqlite else _postgresql(url)
        up_to_date(engine)
    except (SQLAlchemyError, OSError) as error:
        hint = "choose another --history, or none"
        raise ConfigError(f"can't be opened: {_reason(error)}", who=f"history {shown(url)}", hint=hint) from error
    return engine


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS}, poolclass=NullPool)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late, only with the first change
    _keep_in_wal(connection)
    connection.execute("PRAGMA foreign_keys = ON")


def _keep_in_wal(connection: sqlite3.Connection) -> None:
    """Readers and one writer at a time. The file remembers it, so only who makes the file changes anything here.

    SQLite's own wait for others doesn't hold for this change: of several that make the file at once, all but one are
    told at once that it is locked. They ask again, for as long as they would wait for a writer.
    """
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
            if mode != "wal":
                connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() >= deadline:
                raise
        time.sleep(_ASK_AGAIN_SECONDS)


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes its place at once: one that began as a reader could not wait for another writer."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql(url: URL) -> Engine:
    try:
        return create_engine(url, connect_args={"connect_timeout": _CONNECT_SECONDS}, poolclass=NullPool)
    except ModuleNotFoundError as error:
        hint = "pip install 'meetprobe[postgres]'"
        raise ConfigError("PostgreSQL needs the psycopg package", who="--history", hint=hint) from error


@contextmanager
def writing(
    engine: Engine, committing: Callable[[], AbstractContextManager[None]] = nullcontext
) -> Iterator[Connection]:
    """One transaction: all of it, or nothing; its commit happens within `committing()`. Raises MeasurementError when the
    database fails."""
    with (
        _told(engine),
        engine.connect().execution_options(writes=True) as connection,
        connection.begin() as transaction,
    ):
        yield connection
        with committing():
            transaction.commit()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view. Raises MeasurementError when the database fails."""
    with _told(engine), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def _told(engine: Engine) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise MeasurementError(_reason(error), who=f"history {shown(engine.url)}", phase="history") from error


def _reason(error: BaseException) -> str:
    """The driver's own first line, without SQLAlchemy's statement and link."""
    cause = getattr(error, "orig", None) or error
    lines = str(cause).strip().splitlines()
    return lines[0] if lines else type(cause).__name__
