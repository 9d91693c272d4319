"""Moving a room between topologies, make before break. Pure.

    stable ──begin──> running ──everybody ready──────────> commit: old paths close, the target is the topology
                              ──failed / deadline / ...──> roll back: new paths close, wait `backoff`

Awaited are the members who were there when the move began (`awaited`: they say Ready) and those who joined straight
onto the new topology (`newcomers`: it is enough that their own path is up, since nothing of theirs can break). A
newcomer that never connects does not undo everybody else's move: the deadline then commits.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sfu_shim.core.policy import Policy
from sfu_shim.core.protocol import Committed, Migration, RolledBack, Topology
from sfu_shim.core.room import Room


@dataclass(slots=True)
class Running:
    """A migration under way; `deadline` in seconds of the caller's clock."""

    id: str
    source: Topology
    target: Topology
    deadline: float
    carried: set[str] = field(default_factory=set)
    awaited: set[str] = field(default_factory=set)
    newcomers: set[str] = field(default_factory=set)

    @property
    def complete(self) -> bool:
        return not self.awaited and not self.newcomers

    def forget(self, participant: str) -> None:
        """The participant left. Who stays alone of those carried has nothing left to wait for."""
        for group in (self.carried, self.awaited, self.newcomers):
            group.discard(participant)
        if len(self.carried) <= 1:
            self.awaited.clear()


class Migrator:
    """Begins, commits and rolls back; counts outcomes as (source, target, outcome)."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.outcomes: Counter[tuple[Topology, Topology, str]] = Counter()

    def begin(self, room: Room, target: Topology, now: float, newcomer: str | None = None) -> None:
        """Open the paths of `target` for all members but `newcomer`, who has one already (or gets none)."""
        old = [member for member in room.members if member != newcomer]
        name = f"m:{room.next_serial()}"
        room.running = running = Running(name, room.topology, target, now + self._policy.migration_deadline)
        room.backoff_until = None
        running.carried.update(old)
        if len(old) > 1:
            running.awaited.update(old)
        for member in old:
            others = tuple(other for other in old if other != member)
            message = Migration(
                migration=name,
                source=room.topology,
                target=target,
                deadline_seconds=self._policy.migration_deadline,
                members=others,
            )
            room.send(member, message)
        self._open(room, old, target, name)
        if newcomer is not None:
            running.newcomers.add(newcomer)

    @staticmethod
    def _open(room: Room, members: list[str], target: Topology, name: str) -> None:
        if target == "sfu":
            for member in members:
                room.open_sfu(member, name)
            return
        for index, earlier in enumerate(members):
            for later in members[index + 1 :]:
                room.open_pair(earlier, later, name)

    def commit(self, room: Room) -> None:
        """The target is the topology from now on; the paths of the other kind close."""
        running = self._end(room, "committed")
        room.topology = running.target
        room.broadcast(Committed(migration=running.id, topology=running.target))
        room.close_kind(running.source, "migrated")

    def roll_back(self, room: Room, reason: str, backoff_until: float | None) -> None:
        """The old topology stays. Who came meanwhile onto the SFU is meshed: P2P above the limit beats nothing."""
        running = self._end(room, "rolled_back")
        room.backoff_until = backoff_until
        room.broadcast(RolledBack(migration=running.id, topology=running.source, reason=reason))
        room.close_kind(running.target, "rolled back")
        if running.source == "p2p":
            for member in reversed(list(room.members)):  # the later joiner offers
                room.open_mesh_for(member)

    def expire(self, room: Room, now: float) -> None:
        """At the deadline: commit if only newcomers are missing, else roll back. No effect before it."""
        running = room.running
        if running is None or now < running.deadline:
            return
        if not running.awaited:
            self.commit(room)
            return
        missing = ", ".join(sorted(running.awaited)[:8])
        self.roll_back(room, f"deadline: not ready: {missing}", now + self._policy.backoff)

    def settle(self, room: Room, now: float, newcomer: str | None = None) -> None:
        """Commit what is complete and begin what is wanted, until the room rests or waits."""
        for _ in range(4):  # commit, begin, commit of an empty move, and the look that finds nothing to do
            if room.running is not None:
                if not room.running.complete:
                    return
                self.commit(room)
            target = self._policy.target(len(room.members), room.pin)
            if target == room.topology:
                room.backoff_until = None
                return
            if room.backoff_until is not None and now < room.backoff_until:
                return
            self.begin(room, target, now, newcomer)

    def _end(self, room: Room, outcome: str) -> Running:
        running = room.running
        if running is None:
            raise RuntimeError("no migration is running")
        room.running = None
        room.forgotten.append(running.id)
        self.outcomes[running.source, running.target, outcome] += 1
        return running
