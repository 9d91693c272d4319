"""A worker's end of the pipes to its engine process, in gevent: whoever waits, waits in a greenlet, never in the hub.

The child process is what `probe.child_process` is to programs of asyncio: same modules, a session of its own (a terminal's Ctrl-C
reaches it through us alone), and its end is that of its stdin, which closes with us however we die.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import IO, TypeAlias, TypeVar, cast

import gevent
from gevent import subprocess
from gevent.event import AsyncResult, Event
from gevent.queue import Queue

from loadtest.protocol import ANSWERS, PROTOCOL
from probe.engine.protocol import Failed, Message, decode, encode
from probe.model.errors import MeasurementError, ProbeError

MAX_LINE = 1 << 28
_END_DEADLINE = 3.0
_KILL_DEADLINE = 5.0
_CRASHES = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE})

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer", bound=Message)
Waiting: TypeAlias = "AsyncResult[Message]"


class Link:
    """Start with `Link(…)`, end with `end()`. `on_message` hears every answer, whether somebody waits for it or not, in the
    reading greenlet. `gone` is set when the engine is no more; `error` then says why; `refused`: it said so itself, and would
    say the same again."""

    def __init__(self, name: str, on_message: Callable[[Message], None], module: str = "loadtest.engine") -> None:
        self.name = name
        self.gone = Event()
        self.refused = False
        self.error: ProbeError | None = None
        self._on_message = on_message
        self._last_said = ""
        self._waiting: dict[tuple[str, int | None], Waiting] = {}
        self._commands: Queue[bytes | None] = Queue()
        self._first = True
        self._process = _start(module)
        self._stdin = cast(IO[bytes], self._process.stdin)
        self._stdout = cast(IO[bytes], self._process.stdout)
        self._stderr = cast(IO[bytes], self._process.stderr)
        self._errors = gevent.spawn(self._pass_on)
        self._writer = gevent.spawn(self._write)
        self._reader = gevent.spawn(self._read)

    @property
    def pid(self) -> int:
        return int(self._process.pid)

    @property
    def crashed(self) -> bool:
        """Did it end by itself without a word, which is a bug of ours? Otherwise it refused, was killed, or hung."""
        code = self._process.returncode
        return code is not None and not self.refused and (code >= 0 or -code in _CRASHES)

    def tell(self, command: Message) -> None:
        """Send it, and go on. To an engine that is gone it does nothing."""
        if self.error is None:
            self._commands.put(encode(command, first=self._first, protocol=PROTOCOL))
            self._first = False

    def ask(self, command: Message, answer: type[Answer], within: float) -> Answer:
        """Send it, and wait for the answer of that kind (and ticket, if it has one). Raises the engine's own error when it is
        gone, MeasurementError when nothing comes for `within` seconds."""
        key = (answer.type, cast(int | None, getattr(command, "ticket", None)))
        if self.error is not None:
            raise self.error
        if key in self._waiting:
            raise MeasurementError(f"{command.type} is already under way", who=self.name, phase="process")
        waiting: Waiting = AsyncResult()
        self._waiting[key] = waiting
        self.tell(command)
        try:
            return cast(Answer, waiting.get(timeout=within))
        except gevent.Timeout:
            what = f"no answer to {command.type} for {within:g} s"
            raise MeasurementError(what, who=self.name, phase="process") from None
        finally:
            self._waiting.pop(key, None)

    def end(self, within: float) -> None:
        """Close its stdin and wait; kill it if that does not help. Idempotent."""
        self._commands.put(None)
        if self._wait(within) is None:
            self.kill()
        gevent.joinall([self._reader, self._errors, self._writer], timeout=1.0)

    def kill(self) -> None:
        """At once, with all that it has started."""
        if self._process.returncode is None:  # not reaped yet: the number is still its own
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self._wait(_KILL_DEADLINE)

    def _wait(self, within: float) -> int | None:
        """Its exit code; None if it has not ended by then."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout=within)
        return None

    def _write(self) -> None:
        """Alone at the pipe, so that lines of many greenlets don't mix, and nobody waits for an engine that doesn't read."""
        try:
            for line in iter(self._commands.get, None):
                self._stdin.write(line)
                self._stdin.flush()
        except OSError as error:
            logger.debug("%s no longer reads: %s", self.name, error)
        with suppress(OSError):  # unsent bytes to one that is gone
            self._stdin.close()

    def _read(self) -> None:
        error: ProbeError | None = None
        first = True
        try:
            while line := self._stdout.readline(MAX_LINE):
                message = decode(line, ANSWERS, first=first, protocol=PROTOCOL)
                first = False
                if isinstance(message, Failed):
                    self.refused, error = True, message.error()
                    break
                self._hear(message)
        except (MeasurementError, OSError) as broken:
            error = MeasurementError(str(broken), who=self.name, phase="process")
            self.kill()
        self._gone(error)

    def _hear(self, message: Message) -> None:
        self._on_message(message)
        waiting = self._waiting.get((message.type, cast(int | None, getattr(message, "ticket", None))))
        if waiting is not None:
            waiting.set(message)

    def _gone(self, error: ProbeError | None) -> None:
        """Everybody who waits hears why. One that has closed its stdout is of no more use, whatever else it does."""
        self._commands.put(None)
        code = self._wait(_END_DEADLINE)
        if code is None:
            self.kill()
        self._errors.join(timeout=1.0)
        self.error = error or MeasurementError(self._last_words(code), who=self.name, phase="process")
        for waiting in list(self._waiting.values()):
            waiting.set_exception(self.error)
        self.gone.set()

    def _last_words(self, code: int | None) -> str:
        said = f": {self._last_said}" if self._last_said else ""
        if code is None:
            return "closed its stdout"
        if code >= 0:
            return f"ended with exit code {code}{said}"
        known = {one.value for one in signal.Signals}
        return f"was ended by {signal.Signals(-code).name if -code in known else f'signal {-code}'}{said}"

    def _pass_on(self) -> None:
        """Its stderr, line by line, with its name in front."""
        for line in self._stderr:
            text = line.decode(errors="replace").rstrip()
            self._last_said = text.strip()[:500] or self._last_said
            sys.stderr.write(f"{self.name}: {text}\n")
            sys.stderr.flush()


def _start(module: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
    command = [sys.executable, *(f"-W{option}" for option in sys.warnoptions), "-P", "-m", module]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, start_new_session=True)
