"""Statements to the history, timed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event, text

from probe.measure.summary import Summary
from probe.model.errors import MeasurementError
from reports.store.database import writing
from reports.store.responses import METRIC, Responses
from tests.reports.store.build import entry, history


def count(summary: Summary) -> int:
    found = summary.histogram(METRIC)
    return found.count if found is not None else 0


def test_each_statement_and_each_commit_counts(tmp_path: Path) -> None:
    with history(tmp_path) as found:
        assert count(found.responses()) == 0, "making the schema is not answering"
        found.add(entry())
        assert count(found.responses()) == 6, "begin at once, the run's four tables that have something to say, commit"
        found.run("latest")
        assert count(found.responses()) == 8, "the run and its findings; a bare BEGIN is none"


def test_what_storing_took_stays_with_the_run(tmp_path: Path) -> None:
    with history(tmp_path) as found:
        found.add(entry(id="one"))
        found.keep_responses("one")
        stored = found.responses_of(["one", "two"])
        assert (list(stored), count(stored["one"])) == (["one"], 6)
        assert count(found.responses()) > 6, "later statements are of this session alone"
    with history(tmp_path) as again:
        histogram = again.responses_of(["one"])["one"].histogram(METRIC)
        assert histogram is not None
        assert histogram.minimum is not None
        assert 0 < histogram.minimum < 10


def test_a_slow_answer_is_a_slow_answer(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/x.db")
    event.listen(engine, "connect", lambda raw, _: raw.create_function("slow", 0, lambda: time.sleep(0.03)))
    responses = Responses(engine)
    with engine.connect() as connection:
        connection.execute(text("SELECT slow()")).all()
    engine.dispose()
    histogram = responses.summary().histogram(METRIC)
    assert histogram is not None
    assert histogram.minimum is not None
    assert (histogram.count, histogram.minimum >= 0.03) == (1, True)


def test_a_statement_that_failed_had_no_answer(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/x.db")
    responses = Responses(engine)
    with pytest.raises(MeasurementError), writing(engine, responses.timed) as connection:
        connection.execute(text("SELECT * FROM nothing"))
    engine.dispose()
    assert count(responses.summary()) == 0
