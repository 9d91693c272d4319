"""Entries and histories to test with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, insert
from sqlalchemy.engine import URL

from probe.measure.summary import Summary
from probe.model.samples import Sample
from probe.model.validation import validate
from reports.document import build_document
from reports.slices import Slices
from reports.store.entry import Entry, run_row
from reports.store.history import History, open_history
from reports.store.location import history_url
from reports.store.tables import runs
from reports.targets.files import load_profile
from reports.targets.profile import Profile
from tests.reports.build import good_run, result

NIGHT = datetime(2026, 11, 15, 2, 0, tzinfo=UTC)
END = timedelta(seconds=24)
"""How long the run of `tests.reports.build.result` is."""


def complete_run() -> Summary:
    """A good run whose figures agree with each other."""
    return good_run()


def entry(summary: Summary | None = None, *, labels: dict[str, str] | None = None, **changes: Any) -> Entry:
    """A run that was judged by the default profile; `changes` of its result."""
    told = {"started_at": NIGHT.isoformat(), **changes}
    found = result(complete_run() if summary is None else summary, **told)
    document = build_document(found, load_profile("video-platform"), "6m")
    return Entry(document, found.summary, labels or {}, found.slices)


STEADY: dict[str, Any] = {
    "profile": "steady",
    "title": "Steady",
    "default_horizon": "now",
    "kpis": [
        {
            "id": "rtt_steady", "title": "Round trip, steadily", "metric": "round_trip_time_seconds{topology=p2p}",
            "aggregate": "max", "comparison": "<", "targets": {"now": 0.1}, "after": 2, "over": 5, "at_least": 0.5,
        },
        {
            "id": "rtt_later", "title": "Round trip, later", "metric": "round_trip_time_seconds{topology=p2p}",
            "aggregate": "max", "comparison": "<", "targets": {"now": 0.1}, "after": 2,
        },
    ],
}  # fmt: skip
"""A profile whose rows look at their samples' times."""


def timed(*values: float) -> Slices:
    """One round trip each five seconds, from the third on."""
    found = Slices(validate(Profile, STEADY, source="test").wants)
    for number, value in enumerate(values):
        found.add(Sample("round_trip_time_seconds", value, 3.0 + 5.0 * number, {"topology": "p2p"}))
    return found


def night(number: int, summary: Summary | None = None, **changes: Any) -> Entry:
    """The run of the number-th night."""
    began = NIGHT + timedelta(days=number)
    return entry(summary, **{"id": f"night{number}", "started_at": began.isoformat(), **changes})


@contextmanager
def history(folder: Path) -> Iterator[History]:
    """An SQLite history of its own."""
    url = history_url(str(folder / "history.db"), {})
    assert url is not None
    with open_history(url) as found:
        yield found


def make_first_schema(url: URL) -> None:
    """A history as the first version of meetprobe made it, with the run "old" in it."""
    engine = create_engine(url)
    config = Config()
    config.set_main_option("script_location", "reports.store:migrations")
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        row = {**run_row(night(0, id="old")), "stored_at": NIGHT, "document": b""}
        connection.execute(insert(runs), row)
    engine.dispose()
