"""One room: its members, the paths between them, and how paths are opened and closed. Pure.

Invariant between events: in "p2p" every pair of members has one established path, in "sfu" every member has one;
during a migration the paths of the other topology exist beside them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfu_shim.core.effects import CloseSfu, Effect, OpenSfu, Send
from sfu_shim.core.protocol import Close, Open, ServerMessage, Topology

if TYPE_CHECKING:
    from sfu_shim.core.migration import Running

_REMEMBERED = 512
"""Closed paths and ended migrations whose late messages are swallowed: they crossed our Close on the wire."""


@dataclass(slots=True)
class Path:
    """`ends`: two participants of a P2P path (the first one offers), or the one whose path ends at the SFU."""

    id: str
    kind: Topology
    ends: tuple[str, ...]
    connected: set[str] = field(default_factory=set)

    @property
    def up(self) -> bool:
        """Every participant at its ends said Connected."""
        return len(self.connected) == len(self.ends)

    def other(self, participant: str) -> str | None:
        return next((end for end in self.ends if end != participant), None)


@dataclass(slots=True)
class Room:
    """`members` are in order of joining; `viewers` only receive, unseen; `sfu_only` are those of both that know nothing else.
    `out` and `just_closed` collect effects and path ids until the event has been handled; `timer` is the time last put on the
    server's timer heap."""

    name: str
    topology: Topology
    members: dict[str, str] = field(default_factory=dict)
    pinned: Topology | None = None
    paths: dict[str, Path] = field(default_factory=dict)
    running: Running | None = None
    backoff_until: float | None = None
    out: list[Effect] = field(default_factory=list)
    forgotten: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    just_closed: list[str] = field(default_factory=list)
    timer: float | None = None
    serial: int = 0
    viewers: set[str] = field(default_factory=set)
    sfu_only: set[str] = field(default_factory=set)

    @property
    def pin(self) -> Topology | None:
        """The topology that the room must have, whatever its size."""
        return "sfu" if self.sfu_only else self.pinned

    def next_serial(self) -> int:
        self.serial += 1
        return self.serial

    def send(self, participant: str, message: ServerMessage) -> None:
        self.out.append(Send(participant, message))

    def broadcast(self, message: ServerMessage, *, without: str | None = None) -> None:
        for member in self.members:
            if member != without:
                self.send(member, message)

    def open_sfu(self, participant: str, migration: str | None = None) -> Path:
        """The participant offers: its first offer carries its own sending sections."""
        path = Path(f"sfu:{participant}:{self.next_serial()}", "sfu", (participant,))
        self.paths[path.id] = path
        self.out.append(OpenSfu(self.name, participant, path.id))
        self.send(participant, Open(path=path.id, kind="sfu", peer=None, role="offer", migration=migration))
        return path

    def open_pair(self, offerer: str, answerer: str, migration: str | None = None) -> Path:
        """The answerer is told first, so that it knows the path before the offer comes."""
        path = Path(f"p2p:{offerer}:{answerer}:{self.next_serial()}", "p2p", (offerer, answerer))
        self.paths[path.id] = path
        self.send(answerer, Open(path=path.id, kind="p2p", peer=offerer, role="answer", migration=migration))
        self.send(offerer, Open(path=path.id, kind="p2p", peer=answerer, role="offer", migration=migration))
        return path

    def open_mesh_for(self, newcomer: str) -> None:
        """The newcomer offers to each member it has no P2P path with."""
        linked = {path.other(newcomer) for path in self.paths_of(newcomer) if path.kind == "p2p"}
        for member in self.members:
            if member != newcomer and member not in linked:
                self.open_pair(newcomer, member)

    def close(self, path: Path, reason: str) -> None:
        """Take the path away; only who is in the room hears about it."""
        del self.paths[path.id]
        self.forgotten.append(path.id)
        self.just_closed.append(path.id)
        for end in path.ends:
            if end in self.members or end in self.viewers:
                self.send(end, Close(path=path.id, reason=reason))
        if path.kind == "sfu":
            self.out.append(CloseSfu(path.id))

    def close_kind(self, kind: Topology, reason: str) -> None:
        for path in [path for path in self.paths.values() if path.kind == kind]:
            self.close(path, reason)

    def paths_of(self, participant: str) -> list[Path]:
        return [path for path in self.paths.values() if participant in path.ends]
