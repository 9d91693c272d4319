"""A database that somebody else is at: waited for, but not for ever."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from probe.model.errors import ConfigError
from reports.store import database
from reports.store.database import open_database, reading


def sqlite(path: Path) -> URL:
    return URL.create("sqlite", database=str(path))


@contextmanager
def somebody_writing(path: Path) -> Iterator[sqlite3.Connection]:
    """Holds the write lock of a file that nobody has put in WAL mode yet: SQLite doesn't wait for it on our behalf."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        other.execute("BEGIN IMMEDIATE")
        yield other
    finally:
        other.close()


def test_a_file_that_another_one_makes_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with somebody_writing(path) as other:
        done = threading.Timer(0.2, other.rollback)
        done.start()
        try:
            engine = open_database(sqlite(path))
        finally:
            done.join()
    with reading(engine) as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("SELECT count(*) FROM runs").scalar() == 0


def test_the_wait_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.1)
    path = tmp_path / "history.db"
    with somebody_writing(path), pytest.raises(ConfigError) as error:
        open_database(sqlite(path))
    assert str(error.value) == (
        f"history {path}: can't be opened: database is locked (choose another --history, or none)"
    )


def test_what_is_no_database_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.write_text("nothing that SQLite would know" * 100)
    with pytest.raises(ConfigError, match="file is not a database"):
        open_database(sqlite(path))
