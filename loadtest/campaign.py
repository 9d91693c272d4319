"""A campaign as its master knows it: what all workers report, as one. Pure: whoever tells it something says when.

However long it runs and however many take part, it holds summaries, bounded rows and one standing per worker.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import probe
from loadtest.harvest import Delta, Row, Standing
from loadtest.judgement import Judgement, judges_of
from loadtest.kept import KeptRows, KindsOfErrors
from loadtest.limits import participants_of
from loadtest.notes import Facts, notes_of
from loadtest.presence import Presence
from loadtest.search import LimitSearch, Steps
from loadtest.series import MEANS, Gauges, Series, attempts, failures, mean_of, per_participant
from loadtest.settings import Settings
from loadtest.standings import Standings
from probe.measure.savings import Prices
from probe.measure.summary import Summary
from probe.model.result import RunError, RunResult, counted_errors
from probe.model.samples import Sample
from reports.document import BUG, Document
from reports.slices import Slices
from reports.targets.profile import Profile
from reports.units import GROUPS, Units

TOP_ERRORS = 20
MOST_UNITS = GROUPS
"""Participants, meetings or groups of them that a row is judged by: few enough to do so every second."""
State = Literal["running", "stopping", "finished"]
Figures = tuple[Summary, dict[str, Any], dict[str, Any]]
"""The summary with what only the whole campaign knows, who took the readings (`Slices.to_dict`), and the generator's health."""


class Campaign:
    """`take` what workers report, `tick` the time, `finish` it. `live` and `document` say how it stands at any time.

    `started_at` is UTC, `now` everywhere monotonic seconds of the master's machine. `summary` is all that was measured,
    `slices.units` by whom.
    """

    def __init__(self, settings: Settings, profile: Profile, horizon: str, started_at: datetime, now: float) -> None:
        self.settings, self.profile, self.horizon, self.started_at = settings, profile, horizon, started_at
        self.state: State = "running"
        self.summary, self.slices = Summary(), Slices()
        self.slices.units = Units(most=MOST_UNITS)
        self.workers = Standings()
        self.search: LimitSearch | None = None
        self._judgement = Judgement(profile, horizon, judges_of(settings), settings.strict)
        self._began = self._now = now
        self._presence, self._series = Presence(), Series()
        self._participants = KeptRows(_stay_failed)
        self._migrations = KeptRows(lambda row: not row.get("success"))
        self._errors = KindsOfErrors()
        self._counts: Counter[str] = Counter()
        self._first_drop: float | None = None
        self._interrupted = False
        self._held: Figures | None = None
        self._told: dict[str, Any] | None = None

    @property
    def id(self) -> str:
        return self.settings.campaign

    @property
    def elapsed(self) -> float:
        """Seconds from the start to now, or to the end."""
        return self._now - self._began

    def search_limit(self, most_users: int) -> LimitSearch:
        """Begin to look for the limit, up to that many users."""
        steps = Steps(self.settings.step_users, self.settings.step_time, most_users)
        self.search = LimitSearch(self._judgement, steps, lambda users: participants_of(self.settings, users))
        return self.search

    # what is told

    def take(self, worker: str, payload: Mapping[str, Any], now: float) -> None:
        """A worker's report. One of another campaign, or after the end, is counted and ignored. Raises ValueError or KeyError for
        one that no worker of ours has written."""
        if payload["campaign"] != self.id or self.state == "finished":
            self._counts["ignored"] += 1
            return
        delta, total = Delta.from_dict(payload["delta"]), Standing.from_dict(payload["total"])
        record, engine = self.workers.of(worker), str(payload["engine"])
        replaced = bool(record.engine) and record.engine != engine
        self._presence.add(worker, engine, delta.presence, now)
        record.take(engine, total)
        losses = payload.get("losses", ())
        for loss in losses:
            record.lose(str(loss["message"]), crashed=bool(loss["crashed"]))
        if losses and not replaced:
            self._presence.gone(worker, now)
            record.current.present = 0
        self._add(worker, delta)
        self._move_to(now)

    def _add(self, worker: str, delta: Delta) -> None:
        self.summary.merge(delta.summary)
        self.slices.units.merge(delta.units)
        self._series.add(delta.summary)
        if self.search is not None:
            self.search.add(worker, delta.summary, delta.units)
        for row in delta.participants:
            self._participants.add(row)
        for row in delta.migrations:
            self._migrations.add(row)
        self._participants.pass_over(delta.unlisted["participants"])
        self._migrations.pass_over(delta.unlisted["migrations"])
        self._errors.add(delta.errors)
        self._errors.add({(BUG, "meetprobe", message): count for message, count in delta.crashes.items()})
        self._counts["retries"] += delta.retries
        if delta.first_drop is not None:
            self._first_drop = min(delta.first_drop, self._first_drop or delta.first_drop)

    def worker_gone(self, worker: str, reason: str, now: float) -> None:
        """The worker is lost, with whoever it had in; a report of it takes that back."""
        record = self.workers.of(worker)
        if self.state != "finished" and not record.gone:
            self._presence.gone(worker, now)
            record.gone = reason
            self._move_to(now)

    def add_bug(self, message: str, count: int = 1) -> None:
        """Something of ours went wrong beside the measurement."""
        self._errors.add({(BUG, "meetprobe", message): count})
        self._told = None

    def tick(self, now: float) -> None:
        """Time goes on, also when nobody reports: to be told every second or so."""
        if self.state != "finished":
            self._move_to(now)

    def finish(self, now: float, *, interrupted: bool = False) -> None:
        """It is over: nothing is taken any more."""
        if self.state == "finished":
            return
        self._move_to(now)
        if self.search is not None:
            self.search.stop()
        self._series.close(self.elapsed, self._gauges())
        self.state, self._interrupted, self._told = "finished", interrupted, None

    def _move_to(self, now: float) -> None:
        self._now, self._told = max(self._now, now), None
        self._series.advance(self.elapsed, self._gauges())
        searching = self.search if self.state == "running" else None
        if searching is not None and searching.advance(self.elapsed, self.workers.reasons(), len(self.workers)):
            self._held = self._figures()

    def _gauges(self) -> Gauges:
        return Gauges(self.workers.present, self.workers.worst_lag)

    # what it says

    def _figures(self) -> Figures:
        summary, ledger = Summary(), self.workers.total.ledger
        summary.merge(self.summary)
        prices = Prices(**self.settings.scenario.prices.model_dump())
        peak = Sample("concurrent_participants_peak", self._presence.peak, self.elapsed)
        for sample in (peak, *ledger.result(prices).samples(self.elapsed)):
            summary.add(sample)
        return summary, self.slices.to_dict(), self.workers.health()

    def document(self) -> Document:
        """The judged report. A search for the limit is judged on the steps that held, if any did."""
        summary, slices, health = self._held or self._figures()
        return self._judgement.document(
            RunResult(
                id=self.id,
                started_at=self.started_at.isoformat(timespec="seconds"),
                duration_seconds=self.elapsed,
                scenario=self.settings.scenario.name,
                target=self.settings.target,
                version=probe.__version__,
                health=health,
                summary=summary.packed(),
                migrations=self._migrations.rows,
                participants=self._participants.rows,
                errors=self._all_errors(),
                interrupted=self._interrupted,
                notes=notes_of(self._facts()),
                series=self._series.columns(),
                slices=slices,
            )
        )

    def _all_errors(self) -> tuple[RunError, ...]:
        """Our bugs first, then the engines and workers that were lost, then what went wrong in the meetings."""
        counted = counted_errors(self._errors.counts)
        bugs = [error for error in counted if error.phase == BUG]
        return (*bugs, *self.workers.errors(), *(error for error in counted if error.phase != BUG))

    def _facts(self) -> Facts:
        whole = self.workers.total
        limit = self.search.limit if self.search is not None else None
        return Facts(
            limit=limit.sentence if limit is not None else "",
            started_at=self.started_at,
            first_drop=self._first_drop,
            joins=attempts(self.summary, "join_success_ratio"),
            counts=self._counts,
            observed=whole.observed,
            networks=whole.networks,
            workers=len(self.workers),
            unlisted=(self._participants.note("stays"), self._migrations.note("migrations")),
        )

    def live(self) -> dict[str, Any]:
        """How it stands, JSON-ready: figures of the whole campaign so far, columns over time, and the verdict if it ended now."""
        if self._told is None:
            self._told = self._live()
        return self._told

    def _live(self) -> dict[str, Any]:
        document, present = self.document(), self.workers.present
        limit = self.search.limit if self.search is not None else None
        return {
            "campaign": self.id,
            "state": self.state,
            "target": self.settings.target,
            "elapsed_seconds": self.elapsed,
            "participants": present,
            "participants_peak": self._presence.peak,
            "meetings": -(-present // self.settings.participants),
            **_live_figures(self.summary),
            "join_retries": self._counts["retries"],
            "trustworthy": document["health"]["trustworthy"],
            "workers": self.workers.live(),
            "series": self._series.columns(),
            "kpis": document["kpis"],
            "verdict": document["verdict"],
            "errors": document["errors"][:TOP_ERRORS],
            "notes": document["notes"],
            "limit": limit.to_dict() if limit is not None else None,
        }


def _live_figures(summary: Summary) -> dict[str, Any]:
    joins = summary.histogram("join_duration_seconds")
    bitrates = ("send_bitrate_bps", "receive_bitrate_bps")
    return {
        "joins": attempts(summary, "join_success_ratio"),
        "joins_failed": failures(summary, "join_success_ratio"),
        "join_p50_seconds": joins.quantile(0.50) if joins else None,
        "join_p95_seconds": joins.quantile(0.95) if joins else None,
        "migrations": attempts(summary, "migration_success_ratio"),
        "migrations_failed": failures(summary, "migration_success_ratio"),
        "drops": failures(summary, "connection_stability_ratio"),
        **{name: _mean(summary, name, now) for name, now in MEANS.items()},
        **{name: per_participant(summary, name) for name in bitrates},
    }


def _mean(summary: Summary, name: str, while_it_runs: str) -> float | None:
    """Of whole streams; before the first has ended, of what is known so far."""
    found = mean_of(summary, name)
    return mean_of(summary, while_it_runs) if found is None else found


def _stay_failed(row: Row) -> bool:
    return bool(row.get("error") or row.get("drops") or not row.get("joined", True))
