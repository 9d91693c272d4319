"""What a parent and its engine process say to each other: one JSON object per line, `meetprobe/engine/1`.

    parent → engine            engine → parent
    setup                      ready | failed
    hold (once a round)        snapshot (a few times a second), held
    close                      closed
    deliver                    delivered

Commands go to the engine's stdin, whose end is the engine's end; answers come from its stdout. The first line of each side
carries "protocol". What goes wrong in the meetings is part of what is delivered; `failed` means that the engine can't go on.
Who wants the engine to do more adds a message here and its handling in `probe.engine.child`. Pure, so that a parent that is
not an asyncio program can use it.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field
from pydantic_core import PydanticSerializationError

from probe.model import errors
from probe.model.errors import ConfigError, MeasurementError, ProbeError
from probe.model.platform import Platform
from probe.model.progress import ParticipantNow
from probe.model.scenario import Scenario
from probe.model.validation import Strict, nearest, validate

PROTOCOL = "meetprobe/engine/1"
MAX_LISTED = 16
"""Participants in a snapshot: what the display shows. It keeps snapshots small, however many are there."""

Count = Annotated[int, Field(ge=0)]


class Message(Strict):
    """Base of all; `type` is how a line names it."""

    type: ClassVar[str]


class Setup(Message):
    """Command: get ready. `number` of `of` engines, from 1. `stamp` is part of the rooms' names. Sample times count from
    `epoch` (monotonic seconds, which all processes of a machine share). `spool`: the folder that gets the samples;
    `dump_stats`: the one that gets what browsers' tools open.
    `slices`: what targets need kept by its time (`reports.slices.Want`), `units`: by whom (`reports.units.UnitWant`)."""

    type = "setup"
    scenario: Scenario
    platform: Platform
    number: Annotated[int, Field(ge=1)] = 1
    of: Annotated[int, Field(ge=1)] = 1
    stamp: str
    epoch: float
    spool: Path | None = None
    dump_stats: Path | None = None
    slices: tuple[tuple[str, str, float, float], ...] = ()
    units: tuple[tuple[str, str, float, float | None], ...] = ()


class Hold(Message):
    """Command: hold these meetings of a round (counted from 0). Meeting n's first join is intended at monotonic `start` plus
    n times the scenario's `meeting_spacing`, so that many engines keep one schedule."""

    type = "hold"
    round: Count
    start: float
    meetings: tuple[Count, ...]


class Close(Message):
    """Command: call off what is under way; everybody leaves."""

    type = "close"


class Deliver(Message):
    """Command: hand over what was measured. `vmaf`: score the kept pictures first."""

    type = "deliver"
    vmaf: bool = True


class Ready(Message):
    """Answer to setup: warmed up, nothing sent yet."""

    type = "ready"
    pid: int


class Held(Message):
    """Answer to hold: the round's meetings are over."""

    type = "held"
    round: Count


class Closed(Message):
    """Answer to close."""

    type = "closed"


class Delivered(Message):
    """Answer to deliver: `probe.engine.outcome.Outcome.to_dict()`."""

    type = "delivered"
    outcome: dict[str, Any]


class Snapshot(Message):
    """How it goes, complete in itself: counts so far, up to MAX_LISTED participants who are there, and how many more."""

    type = "snapshot"
    participants: tuple[ParticipantNow, ...] = Field(default=(), max_length=MAX_LISTED)
    unlisted: Count = 0
    joins: Count = 0
    joins_failed: Count = 0
    migrations: Count = 0
    migrations_failed: Count = 0


class Failed(Message):
    """An expected error that ends the engine. `kind` is the name of its class in `probe.model.errors`."""

    type = "failed"
    kind: str
    message: str
    who: str = ""
    phase: str = ""
    hint: str = ""

    @classmethod
    def of(cls, error: ProbeError) -> Failed:
        return cls(kind=type(error).__name__, message=error.message, who=error.who, phase=error.phase, hint=error.hint)

    def error(self) -> ProbeError:
        """The error again, of its own class."""
        found = getattr(errors, self.kind, None)
        kind = found if isinstance(found, type) and issubclass(found, ProbeError) else ProbeError
        return kind(self.message, who=self.who, phase=self.phase, hint=self.hint)


COMMANDS: tuple[type[Message], ...] = (Setup, Hold, Close, Deliver)
ANSWERS: tuple[type[Message], ...] = (Ready, Held, Closed, Delivered, Snapshot, Failed)


def encode(message: Message, *, first: bool = False, protocol: str = PROTOCOL) -> bytes:
    """The message's line, newline included. `first`: the first that its side says, which names the `protocol`.

    A figure in an outcome's rows that is NaN or infinite becomes null, as it does in the report.
    """
    head = {"protocol": protocol} if first else {}
    opening = json.dumps({**head, "type": message.type}, separators=(",", ":"))
    try:
        body = message.model_dump_json()  # what is measured is long: compiled, this costs a tenth of json.dumps
    except PydanticSerializationError:  # a lone surrogate, of a file's name that is no UTF-8: json escapes it
        body = json.dumps(message.model_dump(mode="json"), separators=(",", ":"), allow_nan=False)
    return f"{opening[:-1]},{body[1:]}\n".encode() if body != "{}" else f"{opening}\n".encode()


def decode(line: bytes, kinds: Collection[type[Message]], *, first: bool = False, protocol: str = PROTOCOL) -> Message:
    """The line's message, one of `kinds`. Raises MeasurementError for what is none, and on a first line for another protocol."""
    try:
        data = json.loads(line)
    except ValueError as error:
        raise _refused(f"{_shown(line)} is no JSON: {error}") from error
    if not isinstance(data, dict):
        raise _refused(f"{_shown(line)} is no object")
    said, name = data.pop("protocol", None), data.pop("type", None)
    expected = protocol if first else None
    if said != expected:
        raise _refused(f"protocol {said!r} where {expected!r} is spoken")
    by_name = {kind.type: kind for kind in kinds}
    if name not in by_name:
        raise _refused(f"unknown message {name!r}{nearest(str(name), by_name)}")
    try:
        return validate(by_name[name], data, source=str(name))
    except ConfigError as error:
        raise _refused(str(error)) from error


def _refused(what: str) -> MeasurementError:
    return MeasurementError(what, who="engine protocol", phase="process")


def _shown(line: bytes) -> str:
    return repr(line if len(line) <= 100 else line[:100] + b"...")
