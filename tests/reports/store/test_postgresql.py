"""The same history in a real PostgreSQL: a cluster of its own, in a folder of its own, on a socket in it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL

from probe.model.errors import ConfigError, MeasurementError
from reports.store.database import open_database
from reports.store.history import Wanted, open_history
from reports.store.location import history_url
from tests.interop.needs import module, program
from tests.reports.store.build import NIGHT, entry, make_first_schema, night, timed


def _programs() -> Path:
    """The folder of initdb and pg_ctl: Debian keeps them out of PATH."""
    known = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return known[-1] if known else Path(program("pg_ctl", "postgresql")).parent


def _user() -> dict[str, object]:
    """PostgreSQL refuses to be root; `postgres` is the user that its package makes."""
    if os.geteuid() != 0:
        return {}
    who = pwd.getpwnam("postgres")
    return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """The folder of a running server, which listens on a socket there and nowhere else."""
    module("psycopg", "psycopg[binary]")
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="meetprobe-pg-", dir="/tmp"))  # a socket's path has at most 107 characters
    user = _user()
    if "user" in user:
        shutil.chown(folder, int(str(user["user"])), int(str(user["group"])))
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}

    def call(*arguments: str) -> None:
        subprocess.run(
            arguments, check=True, capture_output=True, timeout=100, cwd=folder, env=environment, **user,  # type: ignore[call-overload]
        )  # fmt: skip

    data, options = folder / "data", f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    try:
        call(str(programs / "initdb"), "-D", str(data), "-U", "meetprobe", "--auth=trust", "--no-sync")
        call(str(programs / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield folder
        finally:
            call(str(programs / "pg_ctl"), "-D", str(data), "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def url(cluster: Path, request: pytest.FixtureRequest) -> URL:
    """A fresh database."""
    name = f"t{abs(hash(request.node.name)) % 10**9}"
    server = history_url(f"postgresql://meetprobe@/postgres?host={cluster}", {})
    assert server is not None
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.set(database=name)


def test_a_run_comes_back_as_it_went_in(url: URL) -> None:
    told = entry(labels={"branch": "main", "network": "dsl"})
    with open_history(url) as found:
        assert found.add(told, NIGHT + timedelta(seconds=25))
        run = found.run("latest")
        assert (run.started_at, run.stored_at) == (NIGHT, NIGHT + timedelta(seconds=25))
        assert (run.network, run.labels, run.counts) == ("dsl", {"branch": "main", "network": "dsl"}, True)
        assert found.document(run.id) == told.document
        assert found.summaries([run.id])[run.id].to_dict() == dict(told.summary)
        assert not found.add(told)
        assert found.run("a1b").repeats == 1


def test_slices_and_responses_come_back(url: URL) -> None:
    told = timed(0.02, 0.03)
    with open_history(url) as found:
        found.add(night(0, slices=told.to_dict()))
        found.keep_responses("night0")
        assert found.slices(["night0"])["night0"].to_dict() == told.to_dict()
        histogram = found.responses_of(["night0"])["night0"].histogram("store_response_seconds")
        assert histogram is not None
        assert histogram.minimum is not None
        assert (histogram.count, histogram.minimum > 0) == (5, True), "as with SQLite, but for its BEGIN IMMEDIATE"


def test_a_history_of_the_first_schema_is_brought_up_to_date_and_keeps_its_runs(url: URL) -> None:
    make_first_schema(url)
    with open_history(url) as found:
        assert found.run("latest").started_at == NIGHT
        assert (found.slices(["old"]), found.responses_of(["old"])) == ({}, {})
        assert found.add(night(1))


def test_asking_and_pruning(url: URL) -> None:
    with open_history(url) as found:
        for number in range(4):
            found.add(night(number))
        assert [run.id for run in found.runs(Wanted(since=NIGHT + timedelta(days=1), limit=2))] == ["night3", "night2"]
        assert found.prune(NIGHT + timedelta(days=3)) == 3
        assert [run.id for run in found.runs()] == ["night3"]
    engine = open_database(url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT DISTINCT run_id FROM summaries")).scalars().all() == ["night3"]
    engine.dispose()


def test_eight_writers_make_one_history_at_the_same_moment(url: URL) -> None:
    """Its schema too: none of them finds it made."""

    def write(who: int) -> tuple[bool, bool]:
        with open_history(url) as found:
            return found.add(night(0, id=f"run{who}")), found.add(night(0, id="shared"))

    with ThreadPoolExecutor(8) as pool:
        written = list(pool.map(write, range(8)))
    assert all(own for own, _ in written)
    assert sum(shared for _, shared in written) == 1
    with open_history(url) as found:
        assert {run.id for run in found.runs()} == {"shared", *(f"run{who}" for who in range(8))}
        assert found.run("shared").repeats == 7


def test_a_newer_history_is_refused_clearly(url: URL) -> None:
    engine = open_database(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9001'"))
    engine.dispose()
    with pytest.raises(ConfigError, match="newer meetprobe"):
        open_database(url)


def test_a_database_that_is_not_there_is_told_without_its_password(url: URL) -> None:
    with pytest.raises(ConfigError, match="can't be opened") as refused:
        open_database(url.set(database="nowhere", password="secret"))
    assert "secret" not in str(refused.value)


def test_a_table_that_goes_away_is_told(url: URL) -> None:
    with open_history(url) as found:
        engine = open_database(url)
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE findings"))
        engine.dispose()
        with pytest.raises(MeasurementError, match="findings"):
            found.add(entry())
