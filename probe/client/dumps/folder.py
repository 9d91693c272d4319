"""The folder of dumps: an rtcstats dump per participant, written as things happen, and a webrtc-internals dump made of it at the end.

The rtcstats file is the stream: nothing of it stays in memory, and a killed process leaves it readable up to its last second.
Passwords are no part of either: no token and no TURN credential ever comes here, and ICE's passwords are blotted out.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import probe
from probe.client.dumps.internals import write_internals
from probe.measure.stats_delta import delta
from probe.measure.webrtc_stats import Report
from probe.model.errors import ConfigError, MeasurementError
from probe.model.url import without_secrets

FORMAT = 3
MAGIC = b"RTCStatsDump\n"
_PASSWORD = re.compile(r"(a=ice-pwd:)[^\r\n]*")
_BLOTTED = r"\g<1>" + "x" * 24


class ParticipantFile:
    """`NAME.rtcstats`: JSON lines [method, connection, value, …, milliseconds since the line before], rtcstats' file format 3."""

    def __init__(self, path: Path, head: dict[str, Any]) -> None:
        self.path = path
        self.error: OSError | None = None
        self._last = 0.0
        self._file: BinaryIO | None = None
        try:
            self._file = path.open("wb")
        except OSError as error:
            self.error = error
            return
        self._guarded(lambda file: file.write(MAGIC + _json(head)))

    def line(self, method: str, connection: str, value: Any, time: float, *more: Any) -> None:
        """`time` in milliseconds since 1970. The first line's stands in full."""
        since, self._last = round(time - self._last, 3), time
        text = _json([method, connection, value, *more, since])
        self._guarded(lambda file: file.write(text))

    def flush(self) -> None:
        """What was written is the kernel's now."""
        self._guarded(lambda file: file.flush())

    def _guarded(self, action: Callable[[BinaryIO], object]) -> None:
        """A full disk ends the dump, not the run."""
        if self._file is None:
            return
        try:
            action(self._file)
        except OSError as error:
            self.error = self.error or error
            file, self._file = self._file, None
            with suppress(OSError):  # what it still holds can't be written either
                file.close()

    def close(self) -> None:
        """Idempotent."""
        self._guarded(lambda file: file.close())
        self._file = None


class Recording:
    """One peer connection in a participant's file; `connection` is what the file calls it. Times: milliseconds since 1970."""

    def __init__(self, file: ParticipantFile, connection: str) -> None:
        self._file = file
        self._connection = connection
        self._before: Report = {}

    def event(self, time: float, method: str, value: Any = None, *more: Any) -> None:
        """A call or an event of the connection, as rtcstats names it."""
        if isinstance(value, dict) and "sdp" in value:
            value = value | {"sdp": _PASSWORD.sub(_BLOTTED, value["sdp"])}
        self._file.line(method, self._connection, value, time, *more)

    def sample(self, time: float, report: Report) -> None:
        """All statistics of this moment."""
        self._file.line("getStats", self._connection, delta(self._before, report), time)
        self._before = report
        self._file.flush()


class Dumps:
    """`number`: the process's among those of the run, part of the files' names; `target`: the platform's URL.

    Raises ConfigError when the folder can't be made. When the disk fails later, `error` says so and the run goes on.
    """

    def __init__(self, folder: Path, number: int, target: str) -> None:
        self.error: MeasurementError | None = None
        self._folder = folder
        self._number = number
        self._target = without_secrets(target)
        self._participants = itertools.count(1)
        self._connections = itertools.count(1)
        self._open: dict[str, ParticipantFile] = {}
        self._closed: list[ParticipantFile] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"can't write there: {error.strerror}", who=f"--dump-stats {folder}") from error

    def record(self, participant: str, time: float, what: str, configuration: dict[str, Any]) -> Recording:
        """A new peer connection of that participant, made at `time` (milliseconds since 1970); `what` tells people which."""
        file = self._open.get(participant)
        if file is None:
            file = self._open[participant] = self._new_file(participant)
        recording = Recording(file, f"{os.getpid()}-{next(self._connections)}")
        recording.event(time, "create", configuration, f"{self._target} {participant} {what}")
        return recording

    def _new_file(self, participant: str) -> ParticipantFile:
        name = f"{self._number}-{next(self._participants):04d}-{re.sub(r'[^A-Za-z0-9._-]+', '_', participant)[:80]}"
        head = {"fileFormat": FORMAT, "userAgent": user_agent(), "url": self._target, "clientIdentifier": participant}
        return ParticipantFile(self._folder / f"{name}.rtcstats", head)

    def left(self, participant: str) -> None:
        """All of that participant's connections are closed."""
        if (file := self._open.pop(participant, None)) is not None:
            file.close()
            self._closed.append(file)

    def close(self) -> None:
        """Close all files and make the webrtc-internals dumps: once the meetings are over, for it takes a while. Idempotent."""
        for participant in list(self._open):
            self.left(participant)
        closed, self._closed = self._closed, []
        for file in closed:
            failed = file.error
            try:
                write_internals(file.path, user_agent())
            except OSError as error:
                failed = failed or error
            if failed is not None:
                what = f"the dump {file.path.name} is not complete: {failed}"
                self.error = MeasurementError(what, phase="output", hint="is the disk full?")


def user_agent() -> str:
    """Who we are, where a browser would say so."""
    return f"meetprobe/{probe.__version__}"


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
