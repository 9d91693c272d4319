"""A migration that no platform announces, recognised by what one participant sees: what the platform says, which paths come
and go, and where the others' media flows. Pure: `now` and all times are monotonic seconds.

    staying ── the platform says so, a path of the other kind opens, or carries what ours carry no more ──> moving
    moving ─── all media flows on paths of the new kind, and those of the old kind are closed or silent ──> committed
           ├── all media flows on the old kind, and the new paths are gone, or the platform said so ──────> rolled back
           └── the deadline ──────────────────────────────────────────────────────────────────────────────> failed

What is awaited are the streams that flowed when it began, of members that are still there. Where nobody's media flowed there
is nothing to lose: the topology changes, and that is no migration.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from probe.measure.migration import SUPERSEDED, Topology

SILENT = 1.0
"""Seconds without any media after which a path carries nothing."""
STEADY = 2.0
"""Seconds: a stream without media for that long does not flow; when it comes again, that is a new beginning."""

Stream = tuple[str, str]
"""A member, and audio or video."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A member's media on one path: since when it has come without a pause of STEADY, and when the last of it came."""

    member: str
    kind: str
    path: str
    since: float
    last: float


@dataclass(frozen=True, slots=True)
class Began:
    """A migration began `at` that time, which may be a moment ago; `streams` must not be lost."""

    at: float
    source: Topology
    target: Topology
    streams: frozenset[Stream]


@dataclass(frozen=True, slots=True)
class Ended:
    """It was over `at` that time, a moment ago; an empty `failure` is a success. `topology` carries the participant now."""

    at: float
    topology: Topology
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Settled:
    """Another topology, and no migration."""

    topology: Topology


Fact = Began | Ended | Settled


@dataclass(slots=True)
class _Path:
    """`late`: it was opened for a migration that has failed by its deadline: what it does now is no new one."""

    kind: Topology
    remote: str | None
    late: bool = False


@dataclass(frozen=True, slots=True)
class _Break:
    """A path that carried us was closed before any other was there."""

    at: float
    remote: str | None
    streams: frozenset[Stream]


@dataclass(slots=True)
class _Move:
    """`heading`: where the platform says that it goes. `opened`: there was a path of the target's kind. `died`: why one failed."""

    at: float
    source: Topology
    target: Topology
    streams: frozenset[Stream]
    heading: Topology
    said: float
    opened: bool
    died: str = ""
    moot: str = ""


@dataclass(slots=True)
class Recognition:
    """One participant's. Tell it what happens, and `look` after each, and now and then while it is `restless`.

    `flows` are all that there are, of all open paths, as they were before what is told took place.
    """

    topology: Topology
    members: set[str]
    deadline: float
    _paths: dict[str, _Path] = field(default_factory=dict)
    _move: _Move | None = None
    _sign: float | None = None
    _settled: float = -math.inf  # since when `topology` holds
    _gone: dict[Topology, float] = field(default_factory=dict)  # when the last path of that kind was closed or died
    _breaks: list[_Break] = field(default_factory=list)

    # what happens

    def told(self, now: float, topology: Topology) -> None:
        """The platform says what carries the room, or will."""
        if self._move is not None:
            self._move.heading, self._move.said = topology, now
        else:
            self._sign = now if topology != self.topology else None

    def opened(self, now: float, path: str, kind: Topology, remote: str | None) -> None:
        """A path was opened, to that member or to a server."""
        self._paths[path] = _Path(kind, remote)
        self._breaks = [one for one in self._breaks if kind != self.topology or one.remote != remote]
        if self._move is not None:
            self._move.opened = self._move.opened or kind == self._move.target
        elif kind != self.topology:
            self._sign = now

    def closed(self, now: float, path: str, flows: Collection[Flow], died: str = "") -> None:
        """A path is gone: closed, or `died` of what that says. No effect on one that is not there."""
        found = self._paths.pop(path, None)
        if found is None:
            return
        self._gone[found.kind] = now
        if self._move is None and found.kind == self.topology:
            carried = frozenset(_stream(one) for one in flows if one.path == path and now - one.last <= STEADY)
            self._breaks.append(_Break(now, found.remote, carried))
        elif self._move is not None and found.kind == self._move.target:
            self._move.died = died or self._move.died

    def joined(self, member: str) -> None:
        """Whose media is not awaited by a migration under way."""
        self.members.add(member)
        self._makes_moot("p2p", "somebody joined")

    def left(self, member: str) -> None:
        """Whose media is not awaited any more."""
        self.members.discard(member)
        self._makes_moot("sfu", "somebody left")

    def _makes_moot(self, target: Topology, why: str) -> None:
        """A room that grows has no use for P2P, one that shrinks has none for a server: going back is no failure then."""
        if self._move is not None and self._move.target == target:
            self._move.moot = why

    # what follows from it

    @property
    def target(self) -> Topology | None:
        """Where it moves to, None while it stays."""
        return self._move.target if self._move is not None else None

    @property
    def restless(self) -> bool:
        """Whether something may follow from the media alone: a migration is under way, or there are paths of both kinds."""
        return self._move is not None or len({path.kind for path in self._paths.values()}) > 1

    def look(self, now: float, flows: Sequence[Flow]) -> list[Fact]:
        """What follows from all that was told and from where the media flows."""
        found = [one for one in flows if one.path in self._paths and one.member in self.members]
        facts: list[Fact] = []
        if self._move is None:
            facts += self._notice(now, found)
        if self._move is not None:
            facts += self._judge(self._move, now, found)
        return facts

    def _notice(self, now: float, flows: list[Flow]) -> list[Fact]:
        source, target = self.topology, _other(self.topology)
        sign, self._sign = self._sign, None
        theirs = [path for path in self._paths.values() if path.kind == target]
        late = bool(theirs) and all(path.late for path in theirs)
        if sign is None or late:
            sign = self._taken_over(now, flows)
        if sign is None:
            return []
        breaks = [one for one in self._breaks if now - one.at <= self.deadline and self._still_there(one)]
        streams = {_stream(one) for one in self._of(source, flows) if sign - one.last <= STEADY}
        streams |= {stream for one in breaks for stream in one.streams if stream[0] in self.members}
        self._breaks = []
        if late or not streams:
            self._settle(target, now)
            return [Settled(target)]
        at = min([sign, *(one.at for one in breaks)])
        self._move = _Move(at, source, target, frozenset(streams), target, now, bool(theirs))
        return [Began(at, source, target, frozenset(streams))]

    def _still_there(self, one: _Break) -> bool:
        return bool(one.streams) and (one.remote is None or one.remote in self.members)

    def _taken_over(self, now: float, flows: list[Flow]) -> float | None:
        """Since when paths of the other kind that were there already carry us instead of ours; None while they don't."""
        ours, others = self._of(self.topology, flows), self._of(_other(self.topology), flows)
        if not any(path.kind == self.topology for path in self._paths.values()):
            there = any(path.kind != self.topology for path in self._paths.values())
            return now if there else None
        begun = [one.since for one in others if now - one.last <= SILENT]
        if not begun or any(now - one.last <= SILENT for one in ours):
            return None
        since, silent = min(begun), max((one.last for one in ours), default=now)
        # Where both carried us for longer than any move may take, we were moved when ours ended.
        return max(since if silent - since <= self.deadline else silent, self._settled)

    def _judge(self, move: _Move, now: float, flows: list[Flow]) -> list[Fact]:
        awaited = {stream for stream in move.streams if stream[0] in self.members}
        if not awaited:
            return self._end(now, move.heading, "")
        # What a path that was there already carried before is over: it has to come again.
        flows = [one for one in flows if one.last >= move.at or self._paths[one.path].kind == move.source]
        new, old = self._arrived(move.target, awaited, now, flows), self._arrived(move.source, awaited, now, flows)
        if move.heading == move.target and new is not None:
            gone = self._silent_since(move.source, move.at, now, flows)
            if gone is not None and max(new, gone) - move.at <= self.deadline:
                return self._end(max(new, gone), move.target, "")
        if old is not None:
            given_up = self._given_up(move, now, flows)
            if given_up is not None:
                return self._end(max(old, given_up), move.source, self._why_back(move))
        if now - move.at >= self.deadline:
            return self._too_late(move, awaited, now, flows)
        return []

    def _arrived(self, kind: Topology, awaited: set[Stream], now: float, flows: list[Flow]) -> float | None:
        """Since when all that is awaited flows on paths of that kind; None while it doesn't."""
        since: dict[Stream, float] = {}
        for one in self._of(kind, flows):
            if now - one.last <= STEADY:
                since[_stream(one)] = min(one.since, since.get(_stream(one), one.since))
        return max(since[stream] for stream in awaited) if awaited <= since.keys() else None

    def _silent_since(self, kind: Topology, start: float, now: float, flows: list[Flow]) -> float | None:
        """Since when no path of that kind carries anything, closed or not; None while one does."""
        last = [one.last for one in self._of(kind, flows)]
        if any(now - one < SILENT for one in last):
            return None
        return max([start, *last, self._gone.get(kind, start)])

    def _given_up(self, move: _Move, now: float, flows: list[Flow]) -> float | None:
        """When the platform turned back: it says so and the new paths carry nothing, or they are gone for long enough
        that none comes instead. None while it did not."""
        if move.heading == move.source:
            silent = self._silent_since(move.target, move.at, now, flows)
            return None if silent is None else max(move.said, silent)
        if not move.opened or any(path.kind == move.target for path in self._paths.values()):
            return None
        gone = self._gone.get(move.target, move.at)
        return gone if now - gone >= SILENT else None

    def _why_back(self, move: _Move) -> str:
        if move.died:
            return f"back to {move.source}: {move.died}"
        if move.moot:
            return f"{SUPERSEDED}: {move.moot}"
        how = "so the platform says" if move.heading == move.source else f"the {move.target} paths were closed again"
        return f"back to {move.source}: {how}"

    def _too_late(self, move: _Move, awaited: set[Stream], now: float, flows: list[Flow]) -> list[Fact]:
        """What carries more of the media carries us; paths that were opened in vain may still come to be used."""
        reached = {stream for stream in awaited if self._arrived(move.target, {stream}, now, flows) is not None}
        kept = {stream for stream in awaited if self._arrived(move.source, {stream}, now, flows) is not None}
        for path in self._paths.values():
            path.late = path.kind == move.target
        topology = move.target if len(reached) > len(kept) else move.source
        why = self._what_is_missing(move, awaited - reached, awaited - reached - kept)
        return self._end(move.at + self.deadline, topology, f"not moved within {self.deadline:g} s: {why}")

    @staticmethod
    def _what_is_missing(move: _Move, missing: set[Stream], lost: set[Stream]) -> str:
        if lost:
            return f"{_names(lost)} on no path"
        if missing and not move.opened:
            return f"no {move.target} path was opened"
        if missing:
            return f"{_names(missing)} not on the {move.target} path" + (f" ({move.died})" if move.died else "")
        if move.heading == move.source:
            return f"the platform says {move.source}, and the media stays on the {move.target} path"
        return f"the {move.source} path still carries media"

    def _end(self, at: float, topology: Topology, failure: str) -> list[Fact]:
        self._settle(topology, at)
        return [Ended(at, topology, failure)]

    def _settle(self, topology: Topology, at: float) -> None:
        self._move = None
        self.topology, self._settled = topology, at
        for path in self._paths.values():
            path.late = path.late and path.kind != topology

    def _of(self, kind: Topology, flows: list[Flow]) -> list[Flow]:
        return [one for one in flows if self._paths[one.path].kind == kind]


def _stream(flow: Flow) -> Stream:
    return flow.member, flow.kind


def _other(topology: Topology) -> Topology:
    return "sfu" if topology == "p2p" else "p2p"


def _names(streams: set[Stream]) -> str:
    return ", ".join(f"{kind} of {member}" for member, kind in sorted(streams)[:8])
