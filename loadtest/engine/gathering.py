"""What is measured between two harvests, in memory that is bounded however long it takes until the next one."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Collection, Iterable
from itertools import chain, islice

from loadtest.engine.names import Kinds
from loadtest.harvest import Delta, Row, Standing
from probe.client.context import Context
from probe.client.entry import Entry
from probe.client.meeting import Meeting
from probe.engine.venue import Venue
from probe.measure.summary import Summary
from probe.model.samples import Sample, SampleBatch
from reports.units import Units, UnitWant

MOST_ROWS = 500
"""Rows of participants, and of migrations, in one harvest."""
_MOST_ERRORS = 500
"""Errors that wait to be folded."""
_MOST_NAMES = 2000


class Rows:
    """The first `most` that failed, and the first `most` others; a harvest takes the failed ones first, `most` in all."""

    def __init__(self, most: int = MOST_ROWS) -> None:
        self._most = most
        self._failed: list[Row] = []
        self._fine: list[Row] = []
        self._count = 0

    def add(self, row: Row, *, failed: bool) -> None:
        kept = self._failed if failed else self._fine
        self._count += 1
        if len(kept) < self._most:
            kept.append(row)

    def take(self) -> tuple[list[Row], int]:
        """The rows, and how many more there were."""
        rows = list(islice(chain(self._failed, self._fine), self._most))
        beyond = self._count - len(rows)
        self._failed, self._fine, self._count = [], [], 0
        return rows, beyond


class Gathering:
    """Tell it what happens; `harvest` takes it all. `present`: how many are in right now. `units`: of which readings it is kept
    who took them."""

    def __init__(self, units: Iterable[UnitWant] = ()) -> None:
        self.present = 0
        self.retries = 0
        self._wants = tuple(units)
        self._summary, self._units = Summary(), Units(self._wants)
        self._presence: list[tuple[float, int]] = []
        self._participants = Rows()
        self._migrations = Rows()
        self._kinds = Kinds()
        self._errors: Counter[tuple[str, str, str]] = Counter()
        self._names: deque[str] = deque(maxlen=_MOST_NAMES)  # of those who left lately
        self._first_drop: float | None = None
        self._drop_told = False

    def sink(self, sample: Sample) -> None:
        self._summary.add(sample)
        self._units.add(sample)

    def batch_sink(self, batch: SampleBatch) -> None:
        self._summary.add_batch(batch)
        self._units.add_batch(batch)

    def came(self, change: int, now: float) -> None:
        """+1 for somebody who is in, -1 for somebody who leaves, at monotonic `now`."""
        self.present += change
        self._presence.append((now, change))

    def migrated(self, meeting: Meeting) -> None:
        """The meeting's migrations are taken out of it."""
        for migration in meeting.migrations:
            self._migrations.add(migration.to_dict(), failed=not migration.success)
        meeting.migrations.clear()

    def stayed(self, entry: Entry) -> None:
        """A stay is over. One that was called off before it was in leaves no row: it neither failed nor was there."""
        self._names += names_of(entry)
        if entry.joined or entry.error is not None:
            failed = entry.error is not None or bool(entry.participant.drops)
            self._participants.add(entry.to_dict(), failed=failed)

    def look_for_drops(self, entries: Iterable[Entry], now: float) -> None:
        """Whether a call was lost, of these and for the first time: it is told once. `now` is monotonic."""
        if self._first_drop is None:
            times = [entry.participant.drops[0][0] for entry in entries if entry.joined and entry.participant.drops]
            if times:
                self._first_drop = time.time() - max(0.0, now - min(times))

    def fold_errors(self, context: Context, there: Collection[Entry], *, at_once: bool = False) -> None:
        """Take the context's errors, once there are many of them."""
        if context.errors and (at_once or len(context.errors) >= _MOST_ERRORS):
            names = {*self._names, *chain.from_iterable(map(names_of, there))}
            errors, context.errors = context.errors, Counter()
            self._errors += self._kinds.fold(errors, names)

    def harvest(self, context: Context, there: Collection[Entry]) -> Delta:
        """What happened since the last harvest. `there`: whoever is in a meeting, or on the way in."""
        context.flush()
        self.look_for_drops(there, context.clock.now())
        self.fold_errors(context, there, at_once=True)
        delta = Delta(presence=self._presence, errors=self._errors, crashes=context.crashes, retries=self.retries)
        delta.summary, self._summary = self._summary, Summary()
        delta.units, self._units = self._units, Units(self._wants)
        delta.participants, beyond = self._participants.take()
        delta.migrations, moves_beyond = self._migrations.take()
        delta.unlisted = +Counter(participants=beyond, migrations=moves_beyond)
        if not self._drop_told:
            delta.first_drop, self._drop_told = self._first_drop, self._first_drop is not None
        self._presence, self._errors, context.crashes, self.retries = [], Counter(), Counter(), 0
        return delta

    def standing(self, context: Context, venue: Venue) -> Standing:
        """What is told as a whole."""
        networks = context.emulation.networks if context.emulation is not None else {}
        return Standing(venue.read_health(), venue.ledger, self.present, Counter(context.observed), Counter(networks))


def names_of(entry: Entry) -> tuple[str, ...]:
    """All that an error could call this stay."""
    return tuple(name for name in (entry.name, entry.meeting, entry.participant.participant) if name)
