"""A history: runs in, runs out. Every write is one transaction; any number of processes may write at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, delete, func, insert, select, update
from sqlalchemy.engine import URL

from probe.measure.histogram import Histogram
from probe.measure.summary import Summary
from probe.model.errors import ConfigError
from probe.model.validation import nearest
from reports.document import Document
from reports.slices import Slices
from reports.store.database import open_database, reading, writing
from reports.store.entry import (
    Entry,
    Row,
    StoredRun,
    error_rows,
    run_row,
    summary_of,
    summary_rows,
    verdict_rows,
)
from reports.store.location import shown
from reports.store.packing import pack, pack_document, pack_if_fits, unpack
from reports.store.quality import Finding, check, duplicates
from reports.store.responses import METRIC, Responses, summary_of_responses
from reports.store.tables import errors, findings, runs, summaries, verdicts

MOST_RUNS = 5000
"""That one question is answered from: more are cut, newest first."""
_AT_ONCE = 500
_PACKED = ("document", "slices", "responses")
_COLUMNS = [column for column in runs.columns if column.name not in _PACKED]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which runs. Times are UTC, `since` included, `until` not; empty strings and None: any."""

    since: datetime | None = None
    until: datetime | None = None
    scenario: str = ""
    target: str = ""
    network: str | None = None
    limit: int = MOST_RUNS


class History:
    """Raises MeasurementError when its database fails. Times are UTC."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._responses = Responses(engine)

    @property
    def name(self) -> str:
        return shown(self._engine.url)

    def add(self, entry: Entry, now: datetime | None = None) -> bool:
        """Store a run with what its data-quality checks find. False when it is there already: the first one stays, and
        the repetition is counted. Raises ValueError for a document that can't be stored."""
        stored_at = now or datetime.now(UTC)
        row = {**run_row(entry), "stored_at": stored_at, "document": pack_document(entry.document)}
        row["slices"] = pack_if_fits(entry.slices)
        parts = (
            (summaries, summary_rows(entry)),
            (verdicts, verdict_rows(entry)),
            (errors, error_rows(entry)),
            (findings, [{"run_id": entry.id, **finding.to_dict()} for finding in check(entry, stored_at)]),
        )
        with writing(self._engine, self._responses.timed) as connection:
            if not _first(connection, row):
                return False
            for table, rows in parts:
                if rows:
                    connection.execute(insert(table), rows)
        return True

    def runs(self, wanted: Wanted | None = None) -> list[StoredRun]:
        """Newest first."""
        wanted = wanted or Wanted()
        with reading(self._engine) as connection:
            rows = connection.execute(_where(select(*_COLUMNS), wanted).limit(min(wanted.limit, MOST_RUNS))).mappings()
            return _with_soundness(connection, [dict(row) for row in rows])

    def run(self, name: str) -> StoredRun:
        """By id, the beginning of an id, or "latest". Raises ConfigError when it is none or several."""
        with reading(self._engine) as connection:
            question = select(*_COLUMNS).order_by(runs.c.started_at.desc(), runs.c.id).limit(10)
            if name != "latest":
                question = question.where(runs.c.id.startswith(name, autoescape=True))
            rows = [dict(row) for row in connection.execute(question).mappings()]
            found = [row for row in rows if row["id"] == name] or rows[: 1 if name == "latest" else None]
            if len(found) == 1:
                return _with_soundness(connection, found)[0]
            known = list(connection.execute(select(runs.c.id).order_by(runs.c.started_at.desc()).limit(50)).scalars())
        if found:
            raise ConfigError(f"{name!r} is the beginning of several runs: {', '.join(row['id'] for row in found)}")
        if not known:
            raise ConfigError("the history is empty", who=self.name, hint="probe run stores each run")
        raise ConfigError(
            f"unknown run {name!r}{nearest(name, known[:10])}", who=self.name, hint="see probe history list"
        )

    def document(self, run_id: str) -> Document:
        """The run's whole report, for any renderer. Raises ConfigError for an unknown id."""
        with reading(self._engine) as connection:
            packed = connection.execute(select(runs.c.document).where(runs.c.id == run_id)).scalar()
        if packed is None:
            raise ConfigError(f"unknown run {run_id!r}", who=self.name)
        found: Document = unpack(packed)
        return found

    def summaries(self, run_ids: Sequence[str], metrics: Collection[str] | None = None) -> dict[str, Summary]:
        """Run id → its histograms, of these metrics (None: of all); a run that has none of them has an empty one."""
        rows: dict[str, list[tuple[str, str, bytes]]] = defaultdict(list)
        with reading(self._engine) as connection:
            for some in _batches(run_ids):
                question = select(summaries.c.run_id, summaries.c.metric, summaries.c.tag, summaries.c.histogram)
                question = question.where(summaries.c.run_id.in_(some))
                if metrics is not None:
                    question = question.where(summaries.c.metric.in_(metrics))
                for run_id, name, tag, packed in connection.execute(question):
                    rows[run_id].append((name, tag, packed))
        return {run_id: summary_of(rows[run_id]) for run_id in run_ids}

    def slices(self, run_ids: Sequence[str]) -> dict[str, Slices]:
        """Run id → its samples by their time, of those runs that kept any."""
        return {name: Slices.from_dict(told) for name, told in self._packed(runs.c.slices, run_ids)}

    def responses(self) -> Summary:
        """`store_response_seconds` of this session so far: see `reports.store.responses`."""
        return self._responses.summary()

    def keep_responses(self, run_id: str) -> None:
        """Note beside a stored run how long the statements of this session, which stored it, took."""
        told = self.responses().histogram(METRIC)
        if told is not None:
            with writing(self._engine) as connection:
                connection.execute(update(runs).where(runs.c.id == run_id).values(responses=pack(told.to_dict())))

    def responses_of(self, run_ids: Sequence[str]) -> dict[str, Summary]:
        """Run id → `store_response_seconds` of the session that stored it, of those runs that have it noted."""
        found = self._packed(runs.c.responses, run_ids)
        return {name: summary_of_responses(Histogram.from_dict(told)) for name, told in found}

    def verdicts(self, run_ids: Sequence[str]) -> dict[str, list[Row]]:
        """Run id → its rows of `verdicts`."""
        return self._parts(verdicts.c.run_id, select(verdicts), run_ids)

    def errors(self, run_ids: Sequence[str]) -> dict[str, list[Row]]:
        """Run id → its rows of `errors`, most frequent first."""
        return self._parts(errors.c.run_id, select(errors).order_by(errors.c.number), run_ids)

    def findings(self, run_ids: Sequence[str]) -> dict[str, list[Finding]]:
        """Run id → what the data-quality checks found."""
        found = self._parts(findings.c.run_id, select(findings), run_ids)
        return {
            run_id: [Finding(**{name: row[name] for name in Finding.__slots__}) for row in rows]
            for run_id, rows in found.items()
        }

    def _packed(self, column: Any, run_ids: Sequence[str]) -> list[tuple[str, Any]]:
        """(run id, what is packed in that column), of the runs that have something there."""
        found = []
        with reading(self._engine) as connection:
            for some in _batches(run_ids):
                question = select(runs.c.id, column).where(runs.c.id.in_(some), column.is_not(None))
                found += [(name, unpack(packed)) for name, packed in connection.execute(question)]
        return found

    def _parts(self, key: Any, question: Select[Any], run_ids: Sequence[str]) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {run_id: [] for run_id in run_ids}
        with reading(self._engine) as connection:
            for some in _batches(run_ids):
                for row in connection.execute(question.where(key.in_(some))).mappings():
                    found[row["run_id"]].append(dict(row))
        return found

    def count_before(self, before: datetime) -> int:
        """How many runs began before then."""
        with reading(self._engine) as connection:
            count = connection.execute(
                select(func.count()).select_from(runs).where(runs.c.started_at < before)
            ).scalar()
            return int(count or 0)

    def prune(self, before: datetime) -> int:
        """Forget all runs that began before then; how many those were."""
        with writing(self._engine, self._responses.timed) as connection:
            return int(connection.execute(delete(runs).where(runs.c.started_at < before)).rowcount)


@contextmanager
def open_history(url: URL) -> Iterator[History]:
    """The history there, made or brought up to date if need be. Raises ConfigError where that can't be."""
    engine = open_database(url)
    try:
        yield History(engine)
    finally:
        engine.dispose()


def _first(connection: Connection, row: Row) -> bool:
    """Write the run's line; False when its id is there. Two processes that store the same run agree on one."""
    dialect: Any
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql as dialect
    else:
        from sqlalchemy.dialects import sqlite as dialect
    statement = dialect.insert(runs).values(row).on_conflict_do_nothing(index_elements=["id"]).returning(runs.c.id)
    if connection.execute(statement).scalar() is not None:
        return True
    here = runs.c.id == row["id"]
    connection.execute(update(runs).where(here).values(repeats=runs.c.repeats + 1))
    repeats = int(connection.execute(select(runs.c.repeats).where(here)).scalar_one())
    finding = duplicates(repeats).to_dict()
    same = (findings.c.run_id == row["id"]) & (findings.c.dimension == finding["dimension"])
    connection.execute(update(findings).where(same).values(finding))
    return False


def _where(question: Select[Any], wanted: Wanted) -> Select[Any]:
    if wanted.since is not None:
        question = question.where(runs.c.started_at >= wanted.since)
    if wanted.until is not None:
        question = question.where(runs.c.started_at < wanted.until)
    if wanted.network is not None:
        question = question.where(runs.c.network == wanted.network)
    for told, column in ((wanted.scenario, runs.c.scenario), (wanted.target, runs.c.target)):
        if told:
            question = question.where(column == told)
    return question.order_by(runs.c.started_at.desc(), runs.c.id)


def _with_soundness(connection: Connection, rows: list[Row]) -> list[StoredRun]:
    unsound: set[str] = set()
    for some in _batches([row["id"] for row in rows]):
        question = select(findings.c.run_id).where(findings.c.run_id.in_(some), findings.c.ok.is_(False))
        unsound.update(connection.execute(question.where(findings.c.dimension.in_(("accuracy", "schema")))).scalars())
    return [StoredRun(**row, sound=row["id"] not in unsound) for row in rows]


def _batches(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]
