"""How long a history's database takes to answer: each statement, timed where the driver executes it.

From the call of the driver until it comes back: with PostgreSQL the whole answer is there then, SQLite has found its first row.
The commit of what was written counts as a statement, for that is when it reaches the disk. Opening the connection does not
count, nor does making the schema, nor a bare BEGIN, with which SQLite does nothing yet.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, event

from probe.measure.histogram import Histogram
from probe.measure.summary import Summary

METRIC = "store_response_seconds"
_SENT = "meetprobe.sent"


class Responses:
    """The statements of one engine, from now on. What failed had no answer and is not counted."""

    def __init__(self, engine: Engine) -> None:
        self._histogram = Histogram()
        event.listen(engine, "before_cursor_execute", _sent)
        event.listen(engine, "after_cursor_execute", self._answered)

    def _answered(self, connection: Connection, _cursor: object, statement: str, *_more: object) -> None:
        if statement != "BEGIN":
            self._histogram.add(time.perf_counter() - connection.info[_SENT])

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Count what happens within as one more statement, unless it fails."""
        began = time.perf_counter()
        yield
        self._histogram.add(time.perf_counter() - began)

    def summary(self) -> Summary:
        """Samples of `store_response_seconds`, one a statement so far."""
        return summary_of_responses(self._histogram)


def _sent(connection: Connection, *_more: object) -> None:
    connection.info[_SENT] = time.perf_counter()


def summary_of_responses(histogram: Histogram) -> Summary:
    """The histogram as a summary of the one metric."""
    return Summary.from_dict({METRIC: {"histogram": histogram.to_dict(), "by": {}}})
