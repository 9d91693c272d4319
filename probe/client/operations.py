"""What a user of the platform does or sees done, each told once when it has ended: joins, first frames, migrations, leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from probe.client.entry import Entry
from probe.measure.migration import Migration
from probe.model.errors import ProbeError
from probe.model.scenario import Topology

Name = Literal["join", "first_frame", "migrate", "leave"]

_IN_THE_ROOM, _CONNECTED = "room_join", "dtls_connected"


@dataclass(frozen=True, slots=True)
class Operation:
    """`seconds` since the intended start, or for a migration and a leave since it began; `error` is empty on success.
    `topology`: "p2p" or "sfu", of a migration "p2p to sfu" or "sfu to p2p", empty where unknown. `who`: participant or room."""

    name: Name
    topology: str
    seconds: float
    error: str = ""
    who: str = ""


def unheard(operation: Operation) -> None:
    """Nobody wants to know."""


def brief(error: ProbeError) -> str:
    """What failed in which phase, without who and what to do: equal failures of many participants read alike."""
    return ": ".join(part for part in (error.phase, error.message) if part)


def entering(entry: Entry, wanted: Topology, waited: float) -> list[Operation]:
    """A join that has ended, `waited` seconds after its intended start, in a meeting of the `wanted` topology.

    `join` is over once the participant is in the room and connected, or in an empty room with nobody to connect to;
    `first_frame` once it sees somebody. What fails is the one that was under way.
    """
    who, error = entry.participant, brief(entry.error) if entry.error is not None else ""
    topology = entry.topology if wanted == "hybrid" else wanted
    clock = who.join_clock
    connected = clock.after(_CONNECTED if who.timed else _IN_THE_ROOM) if clock is not None else None
    seen = clock.total if clock is not None else None
    if connected is None and entry.joined:
        connected = seen if seen is not None else waited
    if connected is None:
        return [Operation("join", topology, waited, error, entry.name)]
    told = [Operation("join", topology, connected, "", entry.name)]
    if not entry.joined:
        told.append(Operation("first_frame", topology, waited, error, entry.name))
    elif who.expects_media:
        told.append(Operation("first_frame", topology, seen if seen is not None else waited, "", entry.name))
    return told


def moving(migration: Migration) -> Operation:
    """A migration that was recorded."""
    topology = f"{migration.source} to {migration.target}"
    return Operation("migrate", topology, migration.duration_seconds, migration.reason, migration.meeting)
