"""What one participant is asked to do, and what it tells: lines of JSON between the test and `tests.nat.one`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

TOKEN = "nat"
"""What the servers let everybody in with: those that listen beyond loopback need one."""
CONNECT_SECONDS = 5.0
"""For ICE and DTLS. Ten times what the slowest pair takes that works."""
HEARD = 25
"""Packets of audio after which somebody is heard: half a second of Opus."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Be in a room with so many `others` until told to leave. `rescue`: where P2P fails, pin the room to the SFU."""

    url: str
    room: str
    name: str
    others: int = 1
    rescue: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """How it went: seconds, None for what was not reached or not measured.

    `connected`: media of all others came. `pair` are the candidate types (ours, theirs) of the path in use. `connect`: from
    entering the room to the end of the DTLS handshake, for the one who came second and offers; for the one who came first it
    would include the wait for the other. `ice`: the connectivity checks alone.
    """

    room: str
    name: str
    connected: bool = False
    topology: str = ""
    pair: tuple[str, str] | None = None
    phases: dict[str, float] = field(default_factory=dict)
    connect: float | None = None
    ice: float | None = None
    round_trip: float | None = None
    packets: dict[str, int] = field(default_factory=dict)
    failed_phase: str | None = None
    errors: tuple[str, ...] = ()

    @classmethod
    def read(cls, told: dict[str, Any]) -> Self:
        """As JSON has it."""
        pair, errors = told.pop("pair"), told.pop("errors")
        return cls(**told, pair=tuple(pair) if pair else None, errors=tuple(errors))
