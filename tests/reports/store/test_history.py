"""Runs in, runs out, in SQLite."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect

from probe.measure.summary import Summary
from probe.model.errors import ConfigError, MeasurementError
from probe.model.result import RunError
from reports.store import tables
from reports.store.history import Wanted
from tests.reports.build import BUSY, migration
from tests.reports.store.build import NIGHT, entry, history, make_first_schema, night, timed


def test_a_run_comes_back_as_it_went_in(tmp_path: Path) -> None:
    told = entry(labels={"branch": "main", "network": "dsl"})
    with history(tmp_path) as found:
        assert found.add(told, NIGHT + timedelta(seconds=25))
        (run,) = found.runs()
        assert (run.id, run.started_at, run.stored_at) == ("a1b2c3", NIGHT, NIGHT + timedelta(seconds=25))
        assert (run.scenario, run.target, run.network) == ("hybrid", "embedded", "dsl")
        assert (run.profile, run.horizon, run.exit_code) == ("video-platform", "6m", 0)
        assert (run.measured, run.trustworthy, run.interrupted, run.sound, run.counts) == (
            True,
            True,
            False,
            True,
            True,
        )
        assert (run.migrations, run.migrations_failed, run.duration_seconds) == (4, 0, 24.0)
        assert run.labels == {"branch": "main", "network": "dsl"}
        assert found.document("a1b2c3") == told.document
        assert found.summaries(["a1b2c3"])["a1b2c3"].to_dict() == dict(told.summary)
        assert [row["kpi"] for row in found.verdicts(["a1b2c3"])["a1b2c3"]] == sorted(
            kpi["kpi"] for kpi in told.document["kpis"]
        )
        assert all(finding.ok for finding in found.findings(["a1b2c3"])["a1b2c3"])


def test_only_the_metrics_that_are_asked_for(tmp_path: Path) -> None:
    with history(tmp_path) as found:
        found.add(entry())
        summary = found.summaries(["a1b2c3"], {"join_success_ratio", "video_psnr_db"})["a1b2c3"]
        assert list(summary) == ["join_success_ratio"]
        assert summary.histogram("join_success_ratio", "topology=p2p") is not None


def test_failed_migrations_distrust_and_errors(tmp_path: Path) -> None:
    errors = (RunError("dtls", "b", "timeout", 2), RunError("ice", "a", "failed", 7))
    told = entry(migrations=(migration(1), migration(2, success=False)), health=BUSY, errors=errors)
    with history(tmp_path) as found:
        found.add(told)
        run = found.run("latest")
        assert (run.migrations, run.migrations_failed, run.trustworthy, run.counts) == (2, 1, False, False)
        assert [(row["phase"], row["count"]) for row in found.errors([run.id])[run.id]] == [("ice", 7), ("dtls", 2)]


def test_a_run_that_comes_again_is_counted_but_not_stored_twice(tmp_path: Path) -> None:
    with history(tmp_path) as found:
        assert found.add(entry())
        assert not found.add(entry(scenario="other"))
        assert not found.add(entry())
        (run,) = found.runs()
        assert (run.scenario, run.repeats) == ("hybrid", 2)
        finding = next(one for one in found.findings([run.id])[run.id] if one.dimension == "duplicates")
        assert (finding.ok, finding.value) == (False, 2 / 3)
        assert run.counts, "a repetition does not make the first one wrong"


def test_a_run_that_contradicts_itself_is_stored_but_not_pooled(tmp_path: Path) -> None:
    people = tuple({"id": str(number), "joined": True} for number in range(70))
    with history(tmp_path) as found:
        found.add(entry(participants=people, migrations=tuple(migration(n) for n in range(9))))
        run = found.run("latest")
        assert (run.sound, run.counts) == (False, False)


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Wanted(), ["night3", "night2", "night1", "night0"]),
        (Wanted(limit=2), ["night3", "night2"]),
        (Wanted(since=NIGHT + timedelta(days=1)), ["night3", "night2", "night1"]),
        (Wanted(until=NIGHT + timedelta(days=1)), ["night0"]),
        (Wanted(scenario="hybrid"), ["night1", "night0"]),
        (Wanted(scenario="p2p", network=""), ["night3"]),
        (Wanted(network="dsl"), ["night2"]),
        (Wanted(target="wss://x"), []),
    ],
)
def test_asking_for_runs(tmp_path: Path, wanted: Wanted, ids: list[str]) -> None:
    with history(tmp_path) as found:
        found.add(night(0))
        found.add(night(1))
        found.add(night(2, scenario="p2p", labels={"network": "dsl"}))
        found.add(night(3, scenario="p2p"))
        assert [run.id for run in found.runs(wanted)] == ids


def test_a_run_by_name(tmp_path: Path) -> None:
    with history(tmp_path) as found:
        with pytest.raises(ConfigError, match="the history is empty"):
            found.run("latest")
        for number in (0, 1):
            found.add(night(number))
        found.add(night(2, id="other_1"))
        assert found.run("night1").id == "night1"
        assert found.run("oth").id == "other_1"
        assert found.run("latest").id == "other_1"
        with pytest.raises(ConfigError, match="several runs: night1, night0"):
            found.run("night")
        with pytest.raises(ConfigError, match="did you mean 'night1'"):
            found.run("nigth1")
        with pytest.raises(ConfigError, match="unknown run"):
            found.run("other%")
        with pytest.raises(ConfigError, match="unknown run 'x'"):
            found.document("x")


def test_pruning_forgets_everything_of_a_run(tmp_path: Path) -> None:
    with history(tmp_path) as found:
        for number in range(3):
            found.add(night(number))
        limit = NIGHT + timedelta(days=2)
        assert found.count_before(limit) == 2
        assert found.prune(limit) == 2
        assert found.count_before(limit) == 0
        assert [run.id for run in found.runs()] == ["night2"]
    connection = sqlite3.connect(tmp_path / "history.db")
    try:
        for table in ("summaries", "verdicts", "findings"):
            assert connection.execute(f"SELECT DISTINCT run_id FROM {table}").fetchall() == [("night2",)]
    finally:
        connection.close()


def test_writing_is_all_or_nothing(tmp_path: Path) -> None:
    with history(tmp_path) as found:
        connection = sqlite3.connect(tmp_path / "history.db")
        connection.execute("DROP TABLE findings")
        connection.close()
        with pytest.raises(MeasurementError, match="no such table: findings") as failed:
            found.add(entry())
        assert failed.value.who == f"history {tmp_path / 'history.db'}"
    connection = sqlite3.connect(tmp_path / "history.db")
    try:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (0,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    finally:
        connection.close()


def test_samples_by_their_time_come_back_where_a_run_kept_them(tmp_path: Path) -> None:
    told = timed(0.02, 0.03)
    with history(tmp_path) as found:
        found.add(night(0, slices=told.to_dict()))
        found.add(night(1))
        stored = found.slices(["night0", "night1"])
        assert list(stored) == ["night0"]
        assert stored["night0"].to_dict() == told.to_dict()


def test_an_empty_summary_is_an_empty_summary(tmp_path: Path) -> None:
    with history(tmp_path) as found:
        found.add(entry(Summary(), migrations=(), participants=()))
        assert found.summaries(["a1b2c3"]) == {"a1b2c3": Summary()}
        assert not found.run("latest").measured


# its schema


def test_a_newer_history_is_refused_clearly(tmp_path: Path) -> None:
    with history(tmp_path):
        pass
    connection = sqlite3.connect(tmp_path / "history.db")
    connection.execute("UPDATE alembic_version SET version_num = '9001'")
    connection.commit()
    connection.close()
    with (
        pytest.raises(ConfigError, match=r"newer meetprobe: its schema is 9001, this one knows") as refused,
        history(tmp_path),
    ):
        pass
    assert "upgrade meetprobe" in refused.value.hint


def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "history.db")
    connection.execute("CREATE TABLE runs (a)")
    connection.close()
    with pytest.raises(ConfigError, match="has a table 'runs' that meetprobe did not make"), history(tmp_path):
        pass


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "history.db").write_text("a letter to my mother, longer than a header of SQLite is" * 20)
    with pytest.raises(ConfigError, match="can't be opened: file is not a database"), history(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="can't be opened"), history(tmp_path / "file"):
        pass


def test_a_history_of_the_first_schema_is_brought_up_to_date_and_keeps_its_runs(tmp_path: Path) -> None:
    url = create_engine(f"sqlite:///{tmp_path}/history.db").url
    make_first_schema(url)
    with history(tmp_path) as found:
        assert found.run("latest").started_at == NIGHT
        assert (found.slices(["old"]), found.responses_of(["old"])) == ({}, {})
        found.add(night(1, slices=timed(0.02).to_dict()))
        found.keep_responses("night1")
        assert (list(found.slices(["old", "night1"])), list(found.responses_of(["old", "night1"]))) == (
            ["night1"],
            ["night1"],
        )


def test_the_steps_lead_to_the_tables(tmp_path: Path) -> None:
    """Names, types, keys and nullability of every column, as the migrations make them and as the program thinks."""
    with history(tmp_path):
        pass
    made = create_engine(f"sqlite:///{tmp_path}/history.db")
    thought = create_engine(f"sqlite:///{tmp_path}/thought.db")
    tables.metadata.create_all(thought)
    seen, meant = inspect(made), inspect(thought)
    assert set(seen.get_table_names()) == {*meant.get_table_names(), "alembic_version"}
    for name in meant.get_table_names():
        assert [(c["name"], str(c["type"]), c["nullable"]) for c in seen.get_columns(name)] == [
            (c["name"], str(c["type"]), c["nullable"]) for c in meant.get_columns(name)
        ], name
        assert seen.get_pk_constraint(name) == meant.get_pk_constraint(name)
        assert seen.get_foreign_keys(name) == meant.get_foreign_keys(name)
        assert seen.get_indexes(name) == meant.get_indexes(name)
    made.dispose()
    thought.dispose()


def test_the_program_knows_the_last_step() -> None:
    config = Config()
    config.set_main_option("script_location", "reports.store:migrations")
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == tables.REVISION
