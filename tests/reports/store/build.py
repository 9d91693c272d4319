"""Entries and histories to test with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from probe.measure.summary import Summary
from reports.document import build_document
from reports.store.entry import Entry
from reports.store.history import History, open_history
from reports.store.location import history_url
from reports.targets.files import load_profile
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
    return Entry(build_document(found, load_profile("video-platform"), "6m"), found.summary, labels or {})


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
