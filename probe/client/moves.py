"""The migrations that one participant follows, one after the other: begun, ready, ended or given up."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import Protocol

from probe.client.context import Context
from probe.client.moving import Moving
from probe.client.own_moves import OwnMoves
from probe.client.path import Path
from probe.client.seams import Observer
from probe.client.stay import Stay
from probe.client.view import View
from probe.measure.migration import SUPERSEDED, Kind, StreamSwitch
from probe.model.errors import ProbeError, SignallingError
from probe.signalling import base

_REMEMBERED = 4
"""Migrations whose figures may still be asked for: those that began before the one before them was done with."""


class Mover(Protocol):
    """The participant, as its moves see it."""

    participant: str
    members: set[str]
    views: dict[str, View]
    paths: dict[str, Path]

    async def close_path(self, name: str) -> None:
        """For good. No effect on one that is not open."""


class Moves:
    """At most one migration is under way: a newer one takes the place of the one before. `deadline`: seconds for one that no
    platform announces."""

    def __init__(
        self,
        who: Mover,
        context: Context,
        signalling: base.Signalling,
        observer: Observer,
        stay: Stay,
        deadline: float = 10.0,
    ) -> None:
        self._who = who
        self._context = context
        self._signalling = signalling
        self._observer = observer
        self._stay = stay
        self._deadline = deadline
        self._moving: Moving | None = None
        self._followed: deque[tuple[float, Moving]] = deque(maxlen=_REMEMBERED)  # with the time at which each began
        self._own: OwnMoves | None = None

    @property
    def target(self) -> base.Topology | None:
        """Where the room is moving to, None while it stays."""
        return self._moving.message.target if self._moving is not None else None

    def entered(self, joined: base.Joined) -> None:
        """The participant is in."""
        self._stay.carried_by(joined.topology)
        if not joined.handshake:
            self._own = OwnMoves(self._who, self._context, joined, self._deadline, self._began, self._over, self._stay)

    def saw(self, event: base.Event) -> None:
        """The platform tells that, and nothing was done about it yet."""
        if isinstance(event, base.MigrationStarted):
            self.close()  # it announces its moves after all
        if self._own is not None:
            self._own.saw(event)

    def path_lost(self, path: Path, error: ProbeError) -> None:
        """It did not come up, or is down."""
        if self._own is not None:
            self._own.path_lost(path.id, ": ".join(part for part in (error.phase, error.message) if part))

    def outlived(self, path: Path) -> bool:
        """Whether a path that is down is no loss: the platform moves the room, or has moved it, and dropped the path for that."""
        return self._own is not None and (self._moving is not None or path.kind != self._stay.topology)

    def close(self) -> None:
        """Recognise nothing any more."""
        if self._own is not None:
            self._own.close()
            self._own = None

    # announced by the platform

    async def begin(self, event: base.MigrationStarted, kinds: Collection[Kind]) -> None:
        """The room begins to move; `kinds`: what everybody sends."""
        who = self._who
        self._began(Moving(event, who.participant, who.views, who.paths, kinds), self._context.clock.now())
        await self.check_ready()

    async def check_ready(self) -> None:
        """Tell the server once every awaited member's media flows on a path of this migration."""
        moving = self._moving
        if moving is None or self._own is not None or moving.ready or not moving.complete(self._who.members):
            return
        moving.ready = True
        await self._signalling.send_ready(moving.message.migration)

    async def end(self, event: base.MigrationCommitted | base.MigrationRolledBack) -> None:
        """Close the paths that are not needed any more."""
        moving, self._moving = self._moving, None
        if moving is None or moving.message.migration != event.migration:
            return
        failure = "" if isinstance(event, base.MigrationCommitted) else event.reason or "rolled back"
        superfluous = moving.superfluous(committed=not failure, topology=event.topology)
        self._count_missed(superfluous, failure)
        for path in superfluous:
            await self._who.close_path(path.id)
        self._ended(moving, event.topology, failure, self._context.clock.now())

    def need(self, path: Path) -> bool:
        """Whether the migration under way is what the path was opened for."""
        return self._moving is not None and path.migration == self._moving.message.migration

    async def give_up(self, migration: str, reason: str) -> None:
        """Tell the server that a path won't come up."""
        try:
            await self._signalling.send_failed(migration, reason)
        except SignallingError as error:
            self._context.complain(error, who=self._who.participant)

    # both

    def _began(self, moving: Moving, at: float) -> None:
        self._moving = moving
        self._followed.append((at, moving))
        if moving.carries:
            self._observer.migration_started(self._who, moving.message, at)

    def _over(self, topology: base.Topology, failure: str, at: float) -> None:
        """A move that was recognised: the platform closes what it does not need by itself."""
        moving, self._moving = self._moving, None
        if moving is None:
            return
        unused = [path for path in self._who.paths.values() if path.kind != topology and not path.up]
        self._count_missed(unused, failure)
        told = f"{self._who.participant}: {failure}" if failure and not failure.startswith(SUPERSEDED) else failure
        self._ended(moving, topology, told, at)

    def _ended(self, moving: Moving, topology: base.Topology, failure: str, at: float) -> None:
        self._stay.carried_by(topology, at)
        if moving.carries:
            self._observer.migration_ended(self._who, moving.message.migration, failure, at)

    @staticmethod
    def _count_missed(paths: Collection[Path], failure: str) -> None:
        """A new path that was not up in time is a connection that failed."""
        if failure and not failure.startswith(SUPERSEDED):
            for path in paths:
                path.missed_deadline()

    def switches(self, start: float, end: float) -> list[StreamSwitch]:
        """What the migration that began then or soon after, for whomever first, did to what the participant perceives, between
        two times (monotonic)."""
        moving = next((moving for at, moving in self._followed if at >= start), None)
        return moving.switches(start, end) if moving is not None else []
