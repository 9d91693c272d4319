"""What goes into the rooms (events) and what comes out of them (effects). All frozen; drivers carry effects out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sfu_shim.core.protocol import Answer, Candidate, ClientMessage, Offer, ServerMessage

Role = Literal["member", "publisher", "viewer"]

Signal = Offer | Answer | Candidate
"""The messages that belong to one path."""


@dataclass(frozen=True, slots=True)
class Enter:
    """A participant with a valid token asks to enter. Its id came from `Rooms.new_participant()`.

    Two kinds know the SFU only, and keep the room there while they are in: a `publisher` is a member like all others, a
    `viewer` is none: nobody hears of it, and it goes when the last member goes. Its room must be there.
    """

    participant: str
    room: str
    name: str = ""
    role: Role = "member"


@dataclass(frozen=True, slots=True)
class Received:
    """A participant that entered sent a message."""

    participant: str
    message: ClientMessage


@dataclass(frozen=True, slots=True)
class Vanish:
    """The WebSocket of a participant went away without Leave."""

    participant: str


@dataclass(frozen=True, slots=True)
class FromSfu:
    """The SFU's end of a path has something to say to the participant."""

    path: str
    message: Signal


@dataclass(frozen=True, slots=True)
class SfuFailed:
    """The SFU's end of a path did not come up or went away."""

    path: str
    reason: str


Event = Enter | Received | Vanish | FromSfu | SfuFailed


@dataclass(frozen=True, slots=True)
class Send:
    participant: str
    message: ServerMessage


@dataclass(frozen=True, slots=True)
class Refuse:
    """Enter was refused: send an error with `code` and `message`, then close the WebSocket."""

    participant: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The participant left of its own will and got Left: close its WebSocket."""

    participant: str


@dataclass(frozen=True, slots=True)
class OpenSfu:
    """Terminate this path at the SFU; forward between all open SFU paths of the same room."""

    room: str
    participant: str
    path: str


@dataclass(frozen=True, slots=True)
class CloseSfu:
    path: str


@dataclass(frozen=True, slots=True)
class ToSfu:
    """The participant's message for the SFU's end of the path."""

    path: str
    message: Signal


Effect = Send | Refuse | Goodbye | OpenSfu | CloseSfu | ToSfu
