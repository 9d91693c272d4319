"""The seam between a participant and a platform: what an adapter tells the participant, and what it can be asked to do.

An adapter turns a platform's own messages into *paths*. A path is one peer connection that the participant shall have: to
another participant (`p2p`), or to a server (`sfu`). A platform with one connection to publish and another to subscribe
opens two paths, first the one that ends a join; server-made offers are descriptions that arrive on an open path at any time.

A room may move from paths of one kind to paths of the other. With a *handshake*, as the shim's, the platform announces the move
and we tell when we are ready. Most platforms have none: they open and close connections as they see fit. Their adapter tells
just that, by OpenPath and ClosePath with `migration` None, in whatever order it happens, and by TopologyChanged what the
platform says of itself, if it does. The move is recognised from that and from the media (docs/migration.md).

A platform that keeps a connection and re-points it (a new ICE user name or DTLS fingerprint on the same one): that is another
connection, so another path with another id: OpenPath of the new one, ClosePath of the old.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

Topology = Literal["p2p", "sfu"]


@dataclass(frozen=True, slots=True)
class Joined:
    """The room was entered: our id there, the members who were there before, what carries us.

    `awaits` ends the join. members: their media, if any of them were there; connection: nobody's media is awaited, the first
    path is enough; media: somebody's, whoever that will be. `handshake`: the platform announces its moves by MigrationStarted,
    and waits for `send_ready`; False where moves have to be recognised.
    """

    participant: str
    members: tuple[str, ...]
    topology: Topology
    ice_servers: tuple[tuple[tuple[str, ...], str | None, str | None], ...] = field(default=(), repr=False)
    awaits: Literal["members", "connection", "media"] = "members"
    handshake: bool = False


@dataclass(frozen=True, slots=True)
class OpenPath:
    """Make a peer connection. `role` offer: describe what we publish (where that is nothing: what we want to receive), at once;
    answer: wait for the other side's offer.

    `remote` is the participant at the other end, None for a server. `publish`: our media goes out on it. `migration`
    names the migration that the path belongs to, None outside of one.
    """

    path: str
    kind: Topology
    remote: str | None
    role: Literal["offer", "answer"]
    migration: str | None = None
    publish: bool = True


@dataclass(frozen=True, slots=True)
class ClosePath:
    """The path is not wanted any more."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class RemoteDescription:
    """An offer or an answer of the other side. `tracks`: the participant whose media a section carries, by its mid, for
    platforms that don't say so in the description itself (as the stream id of its a=msid)."""

    path: str
    type: Literal["offer", "answer"]
    sdp: str
    tracks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RemoteCandidate:
    """A trickled candidate line, None for the end of candidates."""

    path: str
    candidate: str | None


@dataclass(frozen=True, slots=True)
class MemberJoined:
    participant: str


@dataclass(frozen=True, slots=True)
class MemberLeft:
    participant: str
    reason: str


@dataclass(frozen=True, slots=True)
class TopologyChanged:
    """A platform without a handshake says what carries the room from now on, or what will: before, while or after the paths
    change. Said again it means nothing new. For platforms that say nothing it is never needed."""

    topology: Topology


@dataclass(frozen=True, slots=True)
class MigrationStarted:
    """The room moves. `members`: whose media must flow on the new path; `deadline`: seconds allowed."""

    migration: str
    source: Topology
    target: Topology
    deadline: float
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MigrationCommitted:
    migration: str
    topology: Topology


@dataclass(frozen=True, slots=True)
class MigrationRolledBack:
    migration: str
    topology: Topology
    reason: str


@dataclass(frozen=True, slots=True)
class ServerComplaint:
    """The platform reported an error that does not end the meeting."""

    code: str
    message: str
    path: str | None = None


@dataclass(frozen=True, slots=True)
class SignallingLost:
    """The way to the platform is gone; no event follows."""

    reason: str


Event = (
    OpenPath
    | ClosePath
    | RemoteDescription
    | RemoteCandidate
    | MemberJoined
    | MemberLeft
    | TopologyChanged
    | MigrationStarted
    | MigrationCommitted
    | MigrationRolledBack
    | ServerComplaint
    | SignallingLost
)


class Signalling(Protocol):
    """One participant's way into a meeting. Every call ends within a deadline or raises a SignallingError."""

    async def connect(self) -> None:
        """Reach the platform. Raises ServerUnreachable, AccessDenied or ProtocolError."""

    async def join(self, room: str, name: str) -> Joined:
        """Enter the room. Raises AccessDenied or ProtocolError."""

    async def next_event(self) -> Event:
        """Wait for what the platform says next. After `SignallingLost` nothing follows."""

    async def send_description(self, path: str, type: Literal["offer", "answer"], sdp: str) -> None:
        """Hand our description to the other end of the path."""

    async def send_candidate(self, path: str, candidate: str | None) -> None:
        """Trickle one of our candidates, None for the end."""

    async def send_connected(self, path: str) -> None:
        """Tell that ICE and DTLS are up, for platforms that want to know."""

    async def send_ready(self, migration: str) -> None:
        """Tell that the media of all members arrives on the new path. Only asked of platforms with a handshake."""

    async def send_failed(self, migration: str, reason: str) -> None:
        """Tell that we can't follow the migration. Only asked of platforms with a handshake."""

    async def force_topology(self, topology: Topology | None) -> None:
        """Pin the room to a topology, None gives it back to the platform's policy.

        Where that can't be had, raises ConfigError, with the platform's address as `who` and the topology in the message: the
        meeting is then held as the platform likes it, the report says so, and nobody else of that meeting asks again.
        """

    async def leave(self) -> None:
        """Leave and close, within a second or two, whatever the platform does. Idempotent. What is to be sent from then on is
        not sent, and no error: a path may come up while we leave."""
