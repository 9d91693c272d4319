"""The migrations of a platform that announces none, for one participant: watches what happens to its paths and its media, and
turns what is recognised (`probe.measure.recognition`) into what a handshake would have told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from probe.client.context import Context
from probe.client.moving import Moving
from probe.client.path import Path
from probe.client.stay import Stay
from probe.client.view import View
from probe.measure.recognition import Began, Ended, Fact, Flow, Recognition, Settled
from probe.signalling import base

OWN = "own:"
"""How the names begin that are ours: the platform has none for its moves. The room finds out whose are one and the same."""
_MOVING, _STAYING = 0.1, 1.0
"""Seconds between two looks at the media: while the room moves, and while it might."""


class Watched(Protocol):
    """The participant, as it is watched."""

    participant: str

    @property
    def views(self) -> Mapping[str, View]: ...
    @property
    def paths(self) -> Mapping[str, Path]: ...


class OwnMoves:
    """`began(moving, at)` and `over(topology, failure, at)` hear of the migrations, as they are recognised: `at` is a moment ago."""

    def __init__(
        self,
        who: Watched,
        context: Context,
        joined: base.Joined,
        deadline: float,
        began: Callable[[Moving, float], None],
        over: Callable[[base.Topology, str, float], None],
        stay: Stay,
    ) -> None:
        self._who = who
        self._context = context
        self._recognition = Recognition(joined.topology, set(joined.members), deadline)
        self._began = began
        self._over = over
        self._stay = stay
        self._count = 0
        self._interval: float | None = None
        self._stop: Callable[[], None] = lambda: None

    def saw(self, event: base.Event) -> None:
        """The platform tells that, and nothing was done about it yet."""
        now, flows, found = self._context.clock.now(), [], self._recognition
        match event:
            case base.TopologyChanged(topology):
                flows = self._flows()
                found.told(now, topology)
            case base.OpenPath():
                flows = self._flows() if event.kind != found.topology or found.restless else []
                found.opened(now, event.path, event.kind, event.remote)
            case base.ClosePath(path):
                flows = self._flows()
                found.closed(now, path, flows)
            case base.MemberJoined(member):
                found.joined(member)
                return
            case base.MemberLeft(member):
                flows = self._flows() if found.target is not None else []
                found.left(member)
            case _:
                return
        self._follow(now, flows)

    def path_lost(self, path: str, reason: str) -> None:
        """It did not come up, or is down."""
        now, flows = self._context.clock.now(), self._flows()
        self._recognition.closed(now, path, flows, reason)
        self._follow(now, flows)

    def close(self) -> None:
        """No more looks."""
        self._stop()
        self._stop, self._interval = lambda: None, None

    def _flows(self) -> list[Flow]:
        return [flow for view in self._who.views.values() for flow in view.flows()]

    def _look(self, due: float) -> None:
        self._follow(self._context.clock.now(), self._flows())

    def _follow(self, now: float, flows: list[Flow]) -> None:
        for fact in self._recognition.look(now, flows):
            self._tell(fact)
        self._pace()

    def _tell(self, fact: Fact) -> None:
        match fact:
            case Began():
                self._begin(fact)
            case Ended():
                self._over(fact.topology, fact.failure, fact.at)
            case Settled():
                self._stay.carried_by(fact.topology)

    def _begin(self, fact: Began) -> None:
        who = self._who
        self._count += 1
        members = tuple(sorted({member for member, _ in fact.streams}))
        message = base.MigrationStarted(
            f"{OWN}{who.participant}:{self._count}", fact.source, fact.target, self._recognition.deadline, members
        )
        moving = Moving(message, who.participant, who.views, who.paths, ("audio", "video"), fact.streams)
        self._began(moving, fact.at)

    def _pace(self) -> None:
        """Look as often as something may follow from it."""
        found = self._recognition
        wanted = _MOVING if found.target is not None else _STAYING if found.restless else None
        if wanted != self._interval:
            self._stop()
            self._interval = wanted
            self._stop = self._context.chores.every(wanted, self._look) if wanted is not None else lambda: None
