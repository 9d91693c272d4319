"""Which user sits where: every worker fills its own rooms in order, lowest free seat first, without asking anybody.

Rooms have one global numbering, dealt to the workers in turn, so that the mix of topologies holds for all of them together and
is the same each time. Pure.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from probe.model.scenario import Topology


class Mix:
    """The topology of every room number, such that of the first n rooms each topology has its share of n to within one.

    Tijdeman, "The chairman assignment problem", Discrete Mathematics 32 (1980): of the topologies that are owed enough, the one
    whose turn may be put off the least. The shares stay within 1 - 1/(2k-2) rooms of exact, for k topologies.
    """

    def __init__(self, weights: Mapping[Topology, float]) -> None:
        exact = {name: Fraction(weight) for name, weight in sorted(weights.items())}
        whole = sum(exact.values())
        self._shares = {name: weight / whole for name, weight in exact.items()}
        self._had = dict.fromkeys(self._shares, 0)
        self._rooms: list[Topology] = []

    def topology(self, room: int) -> Topology:
        """Of the room of that number, from 0."""
        while len(self._rooms) <= room:
            self._rooms.append(self._next())
        return self._rooms[room]

    def _next(self) -> Topology:
        if len(self._shares) == 1:
            return next(iter(self._shares))
        slack = Fraction(1, 2 * len(self._shares) - 2)
        owed = {name: share * (len(self._rooms) + 1) - self._had[name] for name, share in self._shares.items()}
        due = [name for name, amount in owed.items() if amount >= slack]
        chosen = min(due, key=lambda name: (1 - slack - owed[name]) / self._shares[name])
        self._had[chosen] += 1
        return chosen


@dataclass(frozen=True, slots=True)
class Place:
    """A worker among those that were there at the start: `index` is its own for good, `rank` of `count` its turn."""

    index: int
    rank: int
    count: int

    @classmethod
    def among(cls, index: int, indexes: Sequence[int]) -> Place:
        """Locust numbers workers as they connect, and never anew; one that came later shares another's turn."""
        known = sorted(set(indexes)) or [index]
        return cls(index, known.index(index) if index in known else index % len(known), len(known))


@dataclass(frozen=True, slots=True)
class Room:
    """A room of this worker. `number` is the global one; `opened`: when its first member came, monotonic seconds."""

    number: int
    topology: Topology
    opened: float
    seats: int

    def meeting(self, start: float, period: float) -> int:
        """Which of this room's meetings, from 0, somebody comes to first whose schedule starts at `start`: members whose starts
        differ by less than a `period` meet in all of them, and who takes a seat later goes on where the others are."""
        return max(int((start - self.opened) // period), 0)


@dataclass(frozen=True, slots=True, order=True)
class Seat:
    """`position` among the members of this worker's room `local`, both from 0."""

    local: int
    position: int


class Seating:
    """The rooms of one worker. Those for participants have `participants` seats; one for a whole meeting, which brings its own
    members, has a single seat and stays of that kind. `meetings` caps the rooms of all workers together, 0 for no cap."""

    def __init__(self, place: Place, mix: Mix, participants: int, meetings: int = 0) -> None:
        self._place = place
        self._mix = mix
        self._participants = participants
        self._most = -(-max(meetings - place.rank, 0) // place.count) if meetings else None
        self._rooms: list[Room] = []
        self._free: dict[int, list[Seat]] = {}
        self._taken: set[Seat] = set()

    def room(self, seat: Seat) -> Room:
        return self._rooms[seat.local]

    def take(self, now: float, *, whole: bool = False) -> Seat | None:
        """The lowest free seat of the first room that has one (`whole`: a room of one's own), which opens a room only when
        there is none; None when all rooms that may be are full."""
        seats = 1 if whole else self._participants
        free = self._free.setdefault(seats, [])
        if not free and not self._open(now, seats, free):
            return None
        seat = heapq.heappop(free)
        self._taken.add(seat)
        return seat

    def release(self, seat: Seat) -> None:
        """The seat is free again. Raises KeyError for one that nobody has."""
        self._taken.remove(seat)
        heapq.heappush(self._free[self.room(seat).seats], seat)

    def _open(self, now: float, seats: int, free: list[Seat]) -> bool:
        local = len(self._rooms)
        if self._most is not None and local >= self._most:
            return False
        number = local * self._place.count + self._place.rank
        self._rooms.append(Room(number, self._mix.topology(number), now, seats))
        for position in range(seats):
            heapq.heappush(free, Seat(local, position))
        return True
