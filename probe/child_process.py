"""A parent's end: a Python child process that is spoken to by lines, ends with its stdin, and is never waited for in vain."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self, cast

from probe.model.errors import MeasurementError, ProbeError

MAX_LINE = 1 << 28
"""Bytes of one line: the result of a day with thousands of participants stays far below."""
_KEPT_STDERR = 8192
_END_DEADLINE = 15.0
"""Seconds that a child has to end once its stdin is closed; a child's own deadline (probe.lifeline.GRACE) is shorter."""
_KILL_DEADLINE = 5.0
_STDOUT, _STDERR = 1, 2
_CRASHES = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE})


@dataclass(frozen=True, slots=True)
class Loss:
    """A child that is gone before its time. `crashed`: it ended by itself, which is a bug of ours; otherwise it was killed, or
    hung. `missing`: what it took with it."""

    error: ProbeError
    crashed: bool
    missing: str = ""

    @property
    def message(self) -> str:
        return f"{self.error.message}; {self.missing}" if self.missing else self.error.message


class ChildProcess(asyncio.SubprocessProtocol):
    """Start with `await ChildProcess.start(…)`, end with `await child.end()`. Its stderr is passed on to ours.

    `name` says who it is in errors: "engine 2".
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.SubprocessTransport
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._part: list[bytes] = []
        self._part_bytes = 0
        self._stderr = b""

    @classmethod
    async def start(cls, name: str, module: str, *arguments: str) -> Self:
        """Run `python -m module arguments`, with the modules that this process sees. It has a session of its own: what a
        terminal sends to us (Ctrl-C) reaches it through us alone."""
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
        command = [sys.executable, *_warnings(), "-P", "-m", module, *arguments]
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.subprocess_exec(
            lambda: cls(name), *command, env=environment, start_new_session=True
        )
        child = protocol
        child._transport = transport
        return child

    @property
    def pid(self) -> int:
        return self._transport.get_pid()

    def send(self, line: bytes) -> None:
        """One line, newline included. To a child that has ended it does nothing: reading will tell."""
        stdin = cast(asyncio.WriteTransport | None, self._transport.get_pipe_transport(0))
        if stdin is not None and not stdin.is_closing():
            stdin.write(line)

    async def read(self, within: float) -> bytes:
        """The next line of its stdout. Raises MeasurementError when it ends, or says nothing for `within` seconds."""
        try:
            async with asyncio.timeout(within):
                line = await self._lines.get()
                if line is not None:
                    return line
                await asyncio.shield(self.ended)
        except TimeoutError:
            raise MeasurementError(f"said nothing for {within:g} s", who=self.name, phase="process") from None
        self._lines.put_nowait(None)  # whoever reads on hears the same
        raise MeasurementError(self.last_words, who=self.name, phase="process")

    def loss(self, error: ProbeError, missing: str = "") -> Loss:
        """To be called when `error` is what is known of its end, before it is killed for that."""
        code = self.ended.result() if self.ended.done() else None
        return Loss(error, code is not None and (code >= 0 or -code in _CRASHES), missing)

    @property
    def last_words(self) -> str:
        """How it ended, and the last that it said on stderr: "ended with exit code 1: ZeroDivisionError: …"."""
        if not self.ended.done():
            return "closed its stdout"
        said = self._stderr.decode(errors="replace").strip().splitlines()
        return f"{_ending(self.ended.result())}{f': {said[-1].strip()[:500]}' if said else ''}"

    async def end(self) -> None:
        """Close its stdin and wait; kill it if that does not help. Idempotent."""
        if (stdin := self._transport.get_pipe_transport(0)) is not None:
            stdin.close()
        try:
            async with asyncio.timeout(_END_DEADLINE):
                await asyncio.shield(self.ended)
        except TimeoutError:
            await self.kill()
        finally:
            self._transport.close()  # kills what is left, if this wait was called off

    async def kill(self) -> None:
        """At once, for one that hangs."""
        self._kill()
        with suppress(TimeoutError):
            async with asyncio.timeout(_KILL_DEADLINE):
                await asyncio.shield(self.ended)

    def _kill(self) -> None:
        """Not by the transport: that looks first whether the process has ended, and takes away how it did (exit code 255)."""
        if self._transport.get_returncode() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    # asyncio.SubprocessProtocol

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == _STDERR:
            self._stderr = (self._stderr + data)[-_KEPT_STDERR:]
            sys.stderr.write(data.decode(errors="replace"))
            sys.stderr.flush()
            return
        *whole, rest = data.split(b"\n")
        for end in whole:
            self._lines.put_nowait(b"".join([*self._part, end]))
            self._part, self._part_bytes = [], 0
        self._part.append(rest)
        self._part_bytes += len(rest)
        if self._part_bytes > MAX_LINE:
            self._kill()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == _STDOUT:
            self._lines.put_nowait(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended and its pipes are read to their end."""
        if not self.ended.done():
            code = self._transport.get_returncode()
            self.ended.set_result(code if code is not None else -signal.SIGKILL)


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _warnings() -> Sequence[str]:
    """What we were told to make of warnings holds for our children too."""
    return [f"-W{option}" for option in sys.warnoptions]
