"""The migrations of one room, put together from what its participants tell: begun with the first one told, over with the last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from probe.client.context import Context
from probe.client.entry import Entry
from probe.client.own_moves import OWN
from probe.client.seams import Somebody
from probe.measure.migration import SUPERSEDED, Migration, MigrationRecord
from probe.signalling import base

TAIL = 1.0
"""Seconds after a migration that still belong to it: a gap may begin with the old path's end."""
GRACE = 2.0
"""Seconds beyond its deadline that a platform has to say how a migration ended."""


@dataclass(slots=True, eq=False)
class _Move:
    """A migration under way. `told`: by participant, whose media it was to await; `ended`: who is through. `expected`, where no
    platform announces it: who has to move too, told or not."""

    record: MigrationRecord
    started: float
    expected: frozenset[str] = frozenset()
    told: dict[str, frozenset[str]] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    failure: str = ""
    end: float = 0.0


class RoomMoves:
    """The Observer of a room's participants. `entries` are the meeting's own, as they change. `kept` gets every migration that
    counts; `over` is called when one is done with, whether it counted or not. Times are monotonic seconds."""

    def __init__(
        self,
        context: Context,
        room: str,
        deadline: float,
        entries: Sequence[Entry],
        kept: Callable[[Migration], None],
        over: Callable[[], None],
    ) -> None:
        self._context = context
        self._room = room
        self._deadline = deadline
        self._entries = entries
        self._kept = kept
        self._over = over
        self._moves: dict[str, _Move] = {}
        self._names: dict[str, str] = {}  # of migrations that no platform names: what each participant calls them
        self._count = 0
        self._closed = False

    @property
    def limit(self) -> float:
        """Seconds from its beginning after which a migration has failed."""
        return self._deadline + TAIL + GRACE

    @property
    def target(self) -> base.Topology | None:
        """Where the room is moving to, None while it stays."""
        moves = (move for move in self._moves.values() if not self._all_through(move))
        return next((move.record.target for move in moves), None)

    def concern(self, who: Somebody) -> bool:
        """Whether a migration under way was told to that participant, or awaits it."""
        return any(who.participant in move.told.keys() | move.expected for move in self._moves.values())

    def close(self) -> None:
        """What the room does because everybody leaves is no migration of the scenario's, nor is what that interrupts."""
        self._closed = True
        self._finish_those_over()
        self._moves.clear()

    # as the participants tell

    def migration_started(self, who: Somebody, migration: base.MigrationStarted, now: float) -> None:
        """The first to be told starts the clock; or the first to notice, who may have noticed later than others began."""
        if self._closed:
            return
        name, expected = migration.migration, frozenset[str]()
        if name.startswith(OWN):
            name = self._common_name(who, migration.target)
            self._names[migration.migration] = name
            expected = self._all_on(migration.source)
        move = self._moves.get(name)
        if move is None:
            start = now - self._context.epoch
            record = MigrationRecord(self._room, migration.source, migration.target, start, self._deadline)
            move = self._moves[name] = _Move(record, now, expected)
            self._context.wheel.at(now + self.limit, partial(self._overdue, name, move))
        move.started = min(move.started, now)
        move.record.start = move.started - self._context.epoch
        move.told[who.participant] = frozenset(migration.members)

    def _common_name(self, who: Somebody, target: base.Topology) -> str:
        """Who moves to the same topology while others do takes part in their migration, once."""
        for name, move in self._moves.items():
            if name.startswith(OWN) and move.record.target == target and who.participant not in move.told:
                return name
        self._count += 1
        return f"{OWN}{self._count}"

    def _all_on(self, topology: base.Topology) -> frozenset[str]:
        there = [entry.participant for entry in self._entries if entry.inside]
        return frozenset(who.participant for who in there if who.topology == topology)

    def migration_ended(self, who: Somebody, migration: str, failure: str, now: float) -> None:
        """When the last one is through, the tail begins."""
        migration = self._names.pop(migration, migration)
        move = self._moves.get(migration)
        if move is None:
            return
        move.ended.add(who.participant)
        move.failure = move.failure or failure
        move.end = max(move.end, now)
        self._check_over(migration, move, now)

    def signalling_lost(self, who: Somebody, now: float) -> None:
        """It won't hear how the migrations end that it was told of: nobody waits for it."""
        for migration, move in self._moves.items():
            self._check_over(migration, move, now)

    def leaving(self, who: Somebody) -> None:
        """It is about to leave: what it and the others saw of a migration that they are through is taken now, for the end of
        its media will look like a gap."""
        self._finish_those_over(who)

    def left(self, who: Somebody, now: float) -> None:
        """Nobody waits for it; and where nobody is left, for nothing."""
        for migration, move in list(self._moves.items()):
            if who.participant in move.told.keys() | move.expected:
                if self._there(move):
                    self._check_over(migration, move, now)
                else:
                    self._finish(migration, move)

    def call_off(self) -> None:
        """The meeting waits no longer for what is under way."""
        for migration, move in list(self._moves.items()):
            self._overdue(migration, move, 0.0)

    # how it ends

    def _finish_those_over(self, who: Somebody | None = None) -> None:
        """Without the rest of their tails; of `who`, if given."""
        for migration, move in list(self._moves.items()):
            if (who is None or who.participant in move.told) and self._all_through(move):
                self._finish(migration, move)

    def _there(self, move: _Move) -> list[Entry]:
        """Of those who were told, who has not left."""
        return [e for e in self._entries if e.participant.participant in move.told and e.participant.left_at is None]

    def _not_through(self, move: _Move) -> list[str]:
        """Who has not left and is awaited: until it ended what it was told, or has moved without a stream to lose."""
        told = [e for e in self._there(move) if e.participant.participant not in move.ended]
        untold = [
            e
            for e in self._entries
            if e.participant.participant in move.expected - move.told.keys()
            and e.participant.left_at is None
            and e.participant.topology != move.record.target
        ]
        return [entry.name for entry in (*told, *untold) if not entry.participant.lost]

    def _all_through(self, move: _Move) -> bool:
        return not self._not_through(move)

    def _check_over(self, migration: str, move: _Move, now: float) -> None:
        if self._all_through(move):
            self._context.wheel.at(now + TAIL, lambda due: self._finish_if_over(migration, move))

    def _finish_if_over(self, migration: str, move: _Move) -> None:
        """Somebody may have noticed a moment ago that the room moves."""
        if self._all_through(move):
            self._finish(migration, move)

    def _overdue(self, migration: str, move: _Move, due: float) -> None:
        missing = ", ".join(self._not_through(move)[:8])
        self._finish(migration, move, f"not finished within {self.limit:g} s: {missing}" if missing else "")

    def _finish(self, migration: str, move: _Move, failure: str = "") -> None:
        if self._moves.get(migration) is not move:
            return
        del self._moves[migration]
        self._names = {own: name for own, name in self._names.items() if name != migration}
        found = self._outcome(move, failure or move.failure)
        if found is not None:
            self._kept(found)
        self._over()

    def _outcome(self, move: _Move, failure: str) -> Migration | None:
        """None for one that counts for nothing: a newer one took its place, those whom it was to carry left meanwhile, or it came
        before anybody had seen anybody, who then had nothing to lose: their joins tell of that."""
        now, there = self._context.clock.now(), self._there(move)
        end = move.end or now
        streams = [s for e in there for s in e.participant.switches(move.started, min(end + TAIL, now))]
        dropped = [
            entry.name
            for entry in self._entries
            if entry.participant.participant in move.told
            and any(time >= move.started for time, _ in entry.participant.drops)
        ]
        failure = failure or (f"dropped: {', '.join(dropped)}" if dropped else "")
        alone = not any(e.participant.members & move.told[e.participant.participant] for e in there)
        if failure.startswith(SUPERSEDED) or not (streams or dropped or (failure and not alone)):
            return None
        for stream in streams:
            move.record.add_stream(stream)
        if failure:
            move.record.roll_back(end - self._context.epoch, failure)
        else:
            move.record.commit(end - self._context.epoch)
        return move.record.build()
