"""What a Locust worker and its engine process say to each other: one JSON object per line, `meetprobe/load/1`.

    worker → engine                       engine → worker
    prepare                               ready | failed
    join (a participant enters)           joined
    leave                                 left
    meet (a whole meeting)                met
                                          operation (whenever one has ended)
    harvest (every second or two)         harvested
    close                                 closed

Commands go to the engine's stdin, whose end is the engine's end; answers come from its stdout, in any order. The first line of
each side carries "protocol". A `ticket` is the worker's number for one stay or one meeting: what is answered carries it back.
Times are monotonic seconds of the machine, which both processes share. Pure: neither side's event loop is known here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from probe.engine.protocol import Failed, Message
from probe.model.platform import Platform
from probe.model.scenario import Scenario, Topology

PROTOCOL = "meetprobe/load/1"

Count = Annotated[int, Field(ge=0)]
OperationName = Literal["join", "first_frame", "migrate", "leave"]


class Prepare(Message):
    """Command: get ready. `scenario` says what everybody sends and sees, and the deadlines; who comes when is commanded.
    `worker` counts from 0; `stamp` is part of the rooms' names. `vmaf`: score kept pictures when all is over. `units`: of which
    readings it is kept who took them (`reports.units.UnitWant`)."""

    type = "prepare"
    scenario: Scenario
    platform: Platform
    worker: Count = 0
    stamp: str
    vmaf: bool = False
    units: tuple[tuple[str, str, float, float | None], ...] = ()


class Join(Message):
    """Command: one participant enters `room`, which is `topology` from its first member on, as its member number `position`
    (from 0). The join is timed from `intended`. `attempt` counts from 1: later ones are retries of the same intent."""

    type = "join"
    ticket: Count
    room: str
    name: str
    position: Count
    topology: Topology
    intended: float
    attempt: Annotated[int, Field(ge=1)] = 1


class Leave(Message):
    """Command: the participant of that ticket leaves. What is still under way, a join or a whole meeting, is called off: its own
    answer says so, and it counts for nothing."""

    type = "leave"
    ticket: Count


class Meet(Message):
    """Command: hold one whole meeting of the scenario in `room`, its first join intended at `intended`."""

    type = "meet"
    ticket: Count
    room: str
    topology: Topology
    intended: float


class Harvest(Message):
    """Command: hand over what was measured since the last harvest."""

    type = "harvest"


class Close(Message):
    """Command: everybody leaves, now. What was measured can still be harvested."""

    type = "close"


class Ready(Message):
    """Answer to prepare: warmed up, nothing sent yet."""

    type = "ready"
    pid: int


class Joined(Message):
    """Answer to join. `error` empty: in, and (unless alone) with the first picture of another seen. With an error it is not in,
    and has left already."""

    type = "joined"
    ticket: Count
    topology: str = ""
    error: str = ""


class Left(Message):
    """Answer to leave, also for a stay that never was."""

    type = "left"
    ticket: Count


class Met(Message):
    """Answer to meet: the meeting is over. `error` if nobody got in, or if it was called off."""

    type = "met"
    ticket: Count
    error: str = ""


class Operation(Message):
    """One operation has ended: `seconds` since its intended start, `error` empty on success. `topology`: "p2p", "sfu", and
    for a migration "p2p to sfu" or "sfu to p2p"; empty when unknown. `who`: room or participant, for the log."""

    type = "operation"
    name: OperationName
    topology: str = ""
    seconds: Annotated[float, Field(ge=0)]
    error: str = ""
    who: str = ""


class Harvested(Message):
    """Answer to harvest. `delta`: what came since the last one (`loadtest.harvest.Delta.to_dict()`); `total`: what is told as a
    whole each time, and replaces what was told before (`loadtest.harvest.Standing.to_dict()`)."""

    type = "harvested"
    delta: dict[str, Any]
    total: dict[str, Any]


class Closed(Message):
    """Answer to close: nobody is left in any room."""

    type = "closed"


COMMANDS: tuple[type[Message], ...] = (Prepare, Join, Leave, Meet, Harvest, Close)
ANSWERS: tuple[type[Message], ...] = (Ready, Joined, Left, Met, Operation, Harvested, Closed, Failed)
