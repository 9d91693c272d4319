"""All rooms of a server: events in, effects out. Pure: time and randomness are arguments.

Every event either raises (a driver's mistake) and changes nothing, or is answered by effects; a client's mistake is
answered by an error message to that client.
"""

from __future__ import annotations

import heapq
import random
from typing import assert_never

from sfu_shim.core.effects import (
    Effect,
    Enter,
    Event,
    FromSfu,
    Goodbye,
    Received,
    Refuse,
    Send,
    SfuFailed,
    Signal,
    ToSfu,
    Vanish,
)  # fmt: skip
from sfu_shim.core.migration import Migrator
from sfu_shim.core.policy import Policy
from sfu_shim.core.protocol import (
    Answer,
    Candidate,
    ClientMessage,
    Connected,
    ErrorMessage,
    Failed,
    ForceTopology,
    Join,
    Leave,
    Left,
    MemberJoined,
    MemberLeft,
    Offer,
    Ping,
    Pong,
    Ready,
    Topology,
    Welcome,
)  # fmt: skip
from sfu_shim.core.room import Path, Room


class Rooms:
    """`handle` events and call `poll` at `next_deadline()`; carry out the effects in order."""

    def __init__(self, policy: Policy, rng: random.Random) -> None:
        self.policy = policy
        self._rng = rng
        self._rooms: dict[str, Room] = {}
        self._room_of: dict[str, Room] = {}
        self._room_of_path: dict[str, Room] = {}
        self._timers: list[tuple[float, str]] = []
        self._migrator = Migrator(policy)
        self.migrations = self._migrator.outcomes

    def new_participant(self) -> str:
        """An id that nobody in any room has."""
        while True:
            name = f"u{self._rng.getrandbits(32):08x}"
            if name not in self._room_of:
                return name

    # what is there

    @property
    def participants(self) -> int:
        return len(self._room_of)

    def count(self, topology: Topology) -> int:
        """Rooms that have this topology now."""
        return sum(room.topology == topology for room in self._rooms.values())

    def names(self) -> list[str]:
        """Of all rooms."""
        return list(self._rooms)

    def room(self, name: str) -> Room | None:
        return self._rooms.get(name)

    # time

    def next_deadline(self) -> float | None:
        """When `poll` has something to do, in the caller's seconds; None: not before the next event."""
        while self._timers:
            when, name = self._timers[0]
            room = self._rooms.get(name)
            if room is not None and self._due(room) == when:
                return when
            self._pop_timer()
        return None

    def poll(self, now: float) -> list[Effect]:
        """Deadlines of migrations and ends of backoffs up to `now`."""
        effects: list[Effect] = []
        for _ in range(2 * len(self._rooms) + 1):  # a room has one timer: expiry, then at most one more
            when = self.next_deadline()
            if when is None or when > now:
                break
            room = self._rooms[self._pop_timer()]
            self._migrator.expire(room, now)
            self._migrator.settle(room, now)
            effects += self._finish(room)
        return effects

    def _pop_timer(self) -> str:
        """The room whose timer comes first; the timer is off the heap then."""
        when, name = heapq.heappop(self._timers)
        room = self._rooms.get(name)
        if room is not None and room.timer == when:
            room.timer = None
        return name

    @staticmethod
    def _due(room: Room) -> float | None:
        return room.running.deadline if room.running is not None else room.backoff_until

    # events

    def handle(self, event: Event, now: float) -> list[Effect]:
        """The effects of one event. Raises ValueError for events of participants that never entered."""
        match event:
            case Enter():
                return self._enter(event, now)
            case Received(participant, message):
                room = self._room_of.get(participant)
                if room is None:
                    raise ValueError(f"{participant!r} is in no room")
                self._receive(room, participant, message, now)
            case Vanish(participant):
                room = self._room_of.get(participant)
                if room is None:
                    return []  # left a moment ago: the WebSocket closes after that
                self._depart(room, participant, "vanished", now)
            case FromSfu(path, signal):
                room = self._room_of_path.get(path)
                if room is None:
                    return []  # closed meanwhile
                room.send(room.paths[path].ends[0], signal)
            case SfuFailed(path, reason):
                room = self._room_of_path.get(path)
                if room is None:
                    return []
                self._sfu_failed(room, room.paths[path], reason, now)
            case _:
                assert_never(event)
        return self._finish(room)

    def _finish(self, room: Room) -> list[Effect]:
        """Hand out the effects; keep the indexes and the timer of the room right; forget it when empty."""
        for path in room.paths:
            self._room_of_path[path] = room
        for path in room.just_closed:
            self._room_of_path.pop(path, None)
        room.just_closed.clear()
        due = self._due(room)
        if due is not None and due != room.timer:
            heapq.heappush(self._timers, (due, room.name))
            room.timer = due
        if not room.members:
            self._rooms.pop(room.name, None)
        effects, room.out = room.out, []
        return effects

    def _enter(self, event: Enter, now: float) -> list[Effect]:
        newcomer = event.participant
        if newcomer in self._room_of:
            raise ValueError(f"{newcomer!r} is in a room already")
        room = self._rooms.get(event.room)
        if event.role == "viewer":
            if room is None:
                raise ValueError(f"there is no room {event.room!r} to watch")
            self._watch(room, newcomer, now)
            return self._finish(room)
        if room is None and len(self._rooms) >= self.policy.max_rooms:
            return [Refuse(newcomer, "room_full", f"the server has {len(self._rooms)} rooms, its limit")]
        if room is not None and len(room.members) >= self.policy.max_participants:
            return [Refuse(newcomer, "room_full", f"room {event.room!r} has {len(room.members)} members, its limit")]
        if room is None:
            pin: Topology | None = "sfu" if event.role == "publisher" else None
            room = self._rooms[event.room] = Room(event.room, self.policy.target(1, pin))
        if event.role == "publisher":
            room.sfu_only.add(newcomer)
        self._admit(room, newcomer, event.name, now)
        return self._finish(room)

    def _admit(self, room: Room, newcomer: str, name: str, now: float) -> None:
        if room.running is not None and room.running.target == "p2p":
            # The SFU still carries everybody, the newcomer too; the meshes would have to be begun anew for it.
            self._migrator.roll_back(room, f"superseded: {newcomer} joined", None)
        room.backoff_until = None
        target = self.policy.target(len(room.members) + 1, room.pin)
        moving = target == "sfu" if room.running is None else True
        topology: Topology = "sfu" if room.topology == "sfu" or moving else "p2p"
        welcome = Welcome(
            participant=newcomer,
            room=room.name,
            topology=topology,
            members=tuple(room.members),
            ice_servers=self.policy.ice_servers,
            p2p_limit=self.policy.p2p_limit,
        )
        room.members[newcomer] = name
        self._room_of[newcomer] = room
        room.send(newcomer, welcome)
        room.broadcast(MemberJoined(participant=newcomer), without=newcomer)
        if topology == "p2p":
            room.open_mesh_for(newcomer)
        else:
            room.open_sfu(newcomer)
            if room.running is not None:
                room.running.newcomers.add(newcomer)
        self._migrator.settle(room, now, newcomer if room.topology == "p2p" else None)

    def _watch(self, room: Room, viewer: str, now: float) -> None:
        if room.running is not None and room.running.target == "p2p":
            self._migrator.roll_back(room, f"superseded: {viewer} watches", None)
        room.backoff_until = None
        room.viewers.add(viewer)
        room.sfu_only.add(viewer)
        self._room_of[viewer] = room
        room.open_sfu(viewer)
        self._migrator.settle(room, now)

    def _receive(self, room: Room, sender: str, message: ClientMessage, now: float) -> None:
        match message:
            case Offer() | Answer() | Candidate():
                self._relay(room, sender, message)
            case Connected(path):
                found = self._path(room, sender, path)
                if found is not None:
                    found.connected.add(sender)
                    self._newcomer_up(room, found)
            case Ready(migration):
                if self._is_running(room, sender, migration):
                    room.running.awaited.discard(sender)  # type: ignore[union-attr]
            case Failed(migration, reason):
                if self._is_running(room, sender, migration) and sender in room.running.carried:  # type: ignore[union-attr]
                    self._migrator.roll_back(room, f"{sender}: {reason}"[:1000], now + self.policy.backoff)
            case ForceTopology(topology):
                room.pinned = topology
                room.backoff_until = None
            case Ping(number):
                room.send(sender, Pong(id=number))
            case Leave():
                room.send(sender, Left())
                room.out.append(Goodbye(sender))
                self._depart(room, sender, "left", now)
                return
            case Join():
                self._complain(room, sender, "already_joined", f"you are in room {room.name!r} already")
            case _:
                assert_never(message)
        self._migrator.settle(room, now)

    def _depart(self, room: Room, participant: str, reason: str, now: float) -> None:
        seen = participant in room.members
        room.members.pop(participant, None)
        room.viewers.discard(participant)
        room.sfu_only.discard(participant)
        del self._room_of[participant]
        for path in room.paths_of(participant):
            room.close(path, f"{participant} {reason}")
        if seen:
            room.broadcast(MemberLeft(participant=participant, reason=reason))
        room.backoff_until = None
        if room.running is not None:
            room.running.forget(participant)
        if room.members:
            self._migrator.settle(room, now)
        else:
            room.running = None
            for viewer in sorted(room.viewers):
                self._send_home(room, viewer)

    def _send_home(self, room: Room, viewer: str) -> None:
        """There is nobody left to watch."""
        for path in room.paths_of(viewer):
            room.close(path, "nobody is left")
        room.viewers.discard(viewer)
        room.sfu_only.discard(viewer)
        del self._room_of[viewer]
        room.out.append(Goodbye(viewer))

    def _sfu_failed(self, room: Room, path: Path, reason: str, now: float) -> None:
        """Inside a migration: roll back. Else the path is closed and the participant told; nothing is retried."""
        participant = path.ends[0]
        message = ErrorMessage(code="media_failed", message=reason[:1000], path=path.id)
        room.send(participant, message)
        running = room.running
        if running is not None and running.target == "sfu" and participant in running.carried:
            self._migrator.roll_back(room, f"SFU path of {participant}: {reason}"[:1000], now + self.policy.backoff)
        else:
            room.close(path, "failed")
            if running is not None:
                running.newcomers.discard(participant)
        self._migrator.settle(room, now)

    # parts of messages

    def _relay(self, room: Room, sender: str, message: Signal) -> None:
        path = self._path(room, sender, message.path)
        if path is None:
            return
        other = path.other(sender)
        room.out.append(ToSfu(path.id, message) if other is None else Send(other, message))

    def _path(self, room: Room, sender: str, name: str) -> Path | None:
        """The sender's path of that name. A path closed a moment ago is no error: the message crossed our Close."""
        path = room.paths.get(name)
        if path is not None and sender in path.ends:
            return path
        if path is not None or name not in room.forgotten:
            self._complain(room, sender, "unknown_path", f"no path {name!r} was opened for you", name)
        return None

    def _is_running(self, room: Room, sender: str, migration: str) -> bool:
        if room.running is not None and room.running.id == migration:
            return True
        if migration not in room.forgotten:
            self._complain(room, sender, "unknown_migration", f"no migration {migration!r} ever ran in this room")
        return False

    @staticmethod
    def _newcomer_up(room: Room, path: Path) -> None:
        if room.running is not None and path.kind == room.running.target:
            room.running.newcomers.difference_update(path.ends)

    @staticmethod
    def _complain(room: Room, sender: str, code: str, message: str, path: str | None = None) -> None:
        room.send(sender, ErrorMessage(code=code, message=message, path=path))
