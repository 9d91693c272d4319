"""The signalling protocol, version 1: JSON objects over one WebSocket, spoken by the server and by every client.

docs/signalling.md tells the story; this file is the law. All messages are frozen; lists are tuples. Path ids are made
by the server ("p2p:<a>:<b>:<n>", one per pair, and "sfu:<participant>:<n>"); clients treat them as opaque.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import ClassVar, Literal, cast

from sfu_shim.core import schema
from sfu_shim.core.schema import MessageError as MessageError

# ruff: noqa: RUF009 - the helpers of schema return dataclasses.field(), they hold no shared state


VERSION = 1
SUBPROTOCOL = "meetprobe-shim.v1"

Topology = Literal["p2p", "sfu"]
TOPOLOGIES: tuple[Topology, ...] = ("p2p", "sfu")
Role = Literal["offer", "answer"]


@dataclass(frozen=True, slots=True)
class Join:
    """Enter a room; the first message on every WebSocket."""

    type: ClassVar[str] = "join"
    room: str = schema.text(schema.MAX_NAME, empty=False)
    token: str = schema.text(schema.MAX_TOKEN, default="")
    name: str = schema.text(schema.MAX_NAME, default="")
    v: int = schema.whole(0, 1 << 16, default=VERSION)


@dataclass(frozen=True, slots=True)
class Offer:
    """A description for a path; both ways. On "p2p" paths relayed to the peer, on "sfu" paths it is the SFU's."""

    type: ClassVar[str] = "offer"
    path: str = schema.identity()
    sdp: str = schema.text(schema.MAX_SDP, empty=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to the last offer on that path; both ways."""

    type: ClassVar[str] = "answer"
    path: str = schema.identity()
    sdp: str = schema.text(schema.MAX_SDP, empty=False)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trickled ICE candidate, both ways: an SDP candidate line without "a=", None for the end of candidates."""

    type: ClassVar[str] = "candidate"
    path: str = schema.identity()
    candidate: str | None = schema.maybe_text()
    mid: str | None = schema.maybe_text(schema.MAX_NAME, default=None)


@dataclass(frozen=True, slots=True)
class Connected:
    """ICE and DTLS of the path are up at the sender of this message."""

    type: ClassVar[str] = "connected"
    path: str = schema.identity()


@dataclass(frozen=True, slots=True)
class Ready:
    """Media of all members named in the migration (and still in the room) arrives on the new path(s)."""

    type: ClassVar[str] = "ready"
    migration: str = schema.identity()


@dataclass(frozen=True, slots=True)
class Failed:
    """The sender can't follow the migration: it is rolled back for everybody."""

    type: ClassVar[str] = "failed"
    migration: str = schema.identity()
    reason: str = schema.text(default="")


@dataclass(frozen=True, slots=True)
class ForceTopology:
    """Pin the room to a topology; None gives it back to the size policy."""

    type: ClassVar[str] = "force_topology"
    topology: Topology | None = schema.maybe_choice(*TOPOLOGIES)


@dataclass(frozen=True, slots=True)
class Leave:
    type: ClassVar[str] = "leave"


@dataclass(frozen=True, slots=True)
class Ping:
    type: ClassVar[str] = "ping"
    id: int = schema.whole(0, (1 << 53) - 1)


@dataclass(frozen=True, slots=True)
class IceServerEntry:
    """One entry of `Welcome.ice_servers`, as in the W3C RTCIceServer dictionary."""

    urls: tuple[str, ...] = schema.texts()
    username: str | None = schema.maybe_text(default=None)
    credential: str | None = schema.maybe_text(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Welcome:
    """The participant is in. `topology` is the one it is carried by, `members` the others who are in the room."""

    type: ClassVar[str] = "welcome"
    participant: str = schema.identity()
    room: str = schema.text(schema.MAX_NAME, empty=False)
    topology: Topology = schema.choice(*TOPOLOGIES)
    members: tuple[str, ...] = schema.identities()
    ice_servers: tuple[IceServerEntry, ...] = schema.records(IceServerEntry, default=())
    p2p_limit: int = schema.whole(0, 1 << 16, default=2)
    v: int = schema.whole(0, 1 << 16, default=VERSION)


@dataclass(frozen=True, slots=True)
class Open:
    """Make a peer connection for this path. `peer` is None on "sfu" paths. Who has role "offer" offers at once."""

    type: ClassVar[str] = "open"
    path: str = schema.identity()
    kind: Topology = schema.choice(*TOPOLOGIES)
    peer: str | None = schema.maybe_identity()
    role: Role = schema.choice("offer", "answer")
    migration: str | None = schema.maybe_identity(default=None)


@dataclass(frozen=True, slots=True)
class Close:
    type: ClassVar[str] = "close"
    path: str = schema.identity()
    reason: str = schema.text(default="")


@dataclass(frozen=True, slots=True)
class MemberJoined:
    type: ClassVar[str] = "member_joined"
    participant: str = schema.identity()


@dataclass(frozen=True, slots=True)
class MemberLeft:
    """`reason`: "left" or "vanished" (its WebSocket went away)."""

    type: ClassVar[str] = "member_left"
    participant: str = schema.identity()
    reason: str = schema.text(default="left")


@dataclass(frozen=True, slots=True)
class Migration:
    """The room begins to move. Keep the old paths; answer Ready once the media of all `members` flows on the new ones.
    Empty `members`: nothing to carry, Committed follows without waiting."""

    type: ClassVar[str] = "migration"
    migration: str = schema.identity()
    source: Topology = schema.choice(*TOPOLOGIES)
    target: Topology = schema.choice(*TOPOLOGIES)
    deadline_seconds: float = schema.seconds()
    members: tuple[str, ...] = schema.identities()


@dataclass(frozen=True, slots=True)
class Committed:
    """The room has moved; Close messages for the old paths follow."""

    type: ClassVar[str] = "committed"
    migration: str = schema.identity()
    topology: Topology = schema.choice(*TOPOLOGIES)


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The move was given up, `topology` (the old one) stays; Close messages for the new paths follow."""

    type: ClassVar[str] = "rolled_back"
    migration: str = schema.identity()
    topology: Topology = schema.choice(*TOPOLOGIES)
    reason: str = schema.text(default="")


@dataclass(frozen=True, slots=True)
class ErrorMessage:
    """`code` is one of ERROR_CODES; `path` the path it is about, if any."""

    type: ClassVar[str] = "error"
    code: str = schema.text(64, empty=False)
    message: str = schema.text(4 * schema.MAX_TEXT, default="")
    path: str | None = schema.maybe_identity(default=None)


@dataclass(frozen=True, slots=True)
class Left:
    """The answer to Leave: the server has forgotten the participant and closes the WebSocket."""

    type: ClassVar[str] = "left"


@dataclass(frozen=True, slots=True)
class Pong:
    type: ClassVar[str] = "pong"
    id: int = schema.whole(0, (1 << 53) - 1)


ERROR_CODES: dict[str, str] = {
    "bad_message": "the message breaks the protocol; the WebSocket is closed with 4400",
    "bad_token": "the token was refused; the WebSocket is closed with 4401",
    "room_full": "the room or the server is full; the WebSocket is closed with 4403",
    "join_timeout": "no join came in time; the WebSocket is closed with 4408",
    "version": "the server does not speak this version of the protocol; the WebSocket is closed with 4400",
    "already_joined": "a second join on one WebSocket",
    "unknown_path": "the path was never opened for this participant",
    "unknown_migration": "no such migration ever ran in this room",
    "media_failed": "the SFU could not use a description, or its end of the path failed; the path is closed",
}

ClientMessage = (
    Join | Offer | Answer | Candidate | Connected | Ready | Failed | ForceTopology | Leave | Ping
)  # fmt: skip
ServerMessage = (
    Welcome | Open | Close | Offer | Answer | Candidate | MemberJoined | MemberLeft | Migration | Committed
    | RolledBack | ErrorMessage | Left | Pong
)  # fmt: skip
Message = ClientMessage | ServerMessage

CLIENT_TYPES: dict[str, type[ClientMessage]] = {
    kind.type: kind
    for kind in (Join, Offer, Answer, Candidate, Connected, Ready, Failed, ForceTopology, Leave, Ping)
}  # fmt: skip
SERVER_TYPES: dict[str, type[ServerMessage]] = {
    kind.type: kind
    for kind in (
        Welcome, Open, Close, Offer, Answer, Candidate, MemberJoined, MemberLeft, Migration, Committed, RolledBack,
        ErrorMessage, Left, Pong,
    )
}  # fmt: skip


_ENCODER = json.JSONEncoder(separators=(",", ":"), default=dataclasses.asdict)  # `default` is for what a list holds


def encode(message: Message) -> str:
    """One JSON object with "type" first."""
    names = schema.field_names(type(message))
    return _ENCODER.encode({"type": message.type, **{name: getattr(message, name) for name in names}})


def decode_client(text: str) -> ClientMessage:
    """A message that a client sent. Raises MessageError naming the bad field."""
    return cast(ClientMessage, schema.decode(text, CLIENT_TYPES))


def decode_server(text: str) -> ServerMessage:
    """A message that the server sent. Raises MessageError naming the bad field."""
    return cast(ServerMessage, schema.decode(text, SERVER_TYPES))
