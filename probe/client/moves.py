"""The migrations that one participant follows, one after the other: begun, ready, ended or given up."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from probe.client.context import Context
from probe.client.moving import SUPERSEDED, Moving
from probe.client.path import Path
from probe.client.seams import Observer
from probe.client.stay import Stay
from probe.client.view import View
from probe.measure.migration import Kind, StreamSwitch
from probe.model.errors import SignallingError
from probe.signalling import base


class Mover(Protocol):
    """The participant, as its moves see it."""

    participant: str
    members: set[str]
    views: dict[str, View]
    paths: dict[str, Path]

    async def close_path(self, name: str) -> None:
        """For good. No effect on one that is not open."""


class Moves:
    """At most one migration is under way: a newer one takes the place of the one before."""

    def __init__(
        self, who: Mover, context: Context, signalling: base.Signalling, observer: Observer, stay: Stay
    ) -> None:
        self._who = who
        self._context = context
        self._signalling = signalling
        self._observer = observer
        self._stay = stay
        self._moving: Moving | None = None
        self._moved: Moving | None = None

    @property
    def target(self) -> base.Topology | None:
        """Where the room is moving to, None while it stays."""
        return self._moving.message.target if self._moving is not None else None

    async def begin(self, event: base.MigrationStarted, kinds: Collection[Kind]) -> None:
        """The room begins to move; `kinds`: what everybody sends."""
        who = self._who
        self._moving = Moving(event, who.participant, who.views, who.paths, kinds)
        if self._moving.carries:
            self._observer.migration_started(who, event, self._context.clock.now())
        await self.check_ready()

    async def check_ready(self) -> None:
        """Tell the server once every awaited member's media flows on a path of this migration."""
        moving = self._moving
        if moving is None or moving.ready or not moving.complete(self._who.members):
            return
        moving.ready = True
        await self._signalling.send_ready(moving.message.migration)

    async def end(self, event: base.MigrationCommitted | base.MigrationRolledBack) -> None:
        """Close the paths that are not needed any more."""
        moving, self._moving = self._moving, None
        if moving is None or moving.message.migration != event.migration:
            return
        self._moved = moving
        failure = "" if isinstance(event, base.MigrationCommitted) else event.reason or "rolled back"
        committed = not failure
        for path in moving.superfluous(committed=committed, topology=event.topology):
            if not committed and not failure.startswith(SUPERSEDED):
                path.missed_deadline()  # a new path that was not up in time is a connection that failed
            await self._who.close_path(path.id)
        self._stay.carried_by(event.topology)
        if moving.carries:
            self._observer.migration_ended(self._who, event.migration, failure, self._context.clock.now())

    def need(self, path: Path) -> bool:
        """Whether the migration under way is what the path was opened for."""
        return self._moving is not None and path.migration == self._moving.message.migration

    async def give_up(self, migration: str, reason: str) -> None:
        """Tell the server that a path won't come up."""
        try:
            await self._signalling.send_failed(migration, reason)
        except SignallingError as error:
            self._context.complain(error, who=self._who.participant)

    def switches(self, start: float, end: float) -> list[StreamSwitch]:
        """What the last migration did to what the participant perceives, between two times (monotonic)."""
        return self._moved.switches(start, end) if self._moved is not None else []
