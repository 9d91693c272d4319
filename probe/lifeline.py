"""A child process's end of its pipes: commands come on stdin, answers go to stdout, and the end of stdin is the end of it.

The parent's death closes stdin, however it dies, so nothing that holds a Lifeline can be orphaned.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread

GRACE = 10.0
"""Seconds after the end of stdin in which a child may still tidy up. Then it is ended, even if its event loop hangs."""
EXIT_ORPHANED = 70
_CLOSE_DEADLINE = 30.0
_CHUNK = 1 << 16


class Lifeline:
    """Reads stdin in a thread: a loop that hangs does not keep the process from ending, and lines may have any length.

    Every line goes to `on_line`, then once `on_end` is called, both in the running loop.
    """

    def __init__(self, on_end: Callable[[], object], on_line: Callable[[bytes], object] = lambda line: None) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_end = on_end
        self._on_line = on_line
        Thread(target=self._read, args=(sys.stdin.fileno(),), name="lifeline", daemon=True).start()

    def _read(self, stdin: int) -> None:
        with suppress(RuntimeError):  # the loop is closed: the process is ending already
            for line in _lines(stdin):
                self._loop.call_soon_threadsafe(self._on_line, line)
            self._loop.call_soon_threadsafe(self._on_end)
        time.sleep(GRACE)
        os._exit(EXIT_ORPHANED)


def _lines(descriptor: int) -> Iterator[bytes]:
    """Each line with its end. Past Python's own buffer: a process that ends while a thread waits within that is aborted."""
    part: list[bytes] = []
    while data := os.read(descriptor, _CHUNK):
        *ends, rest = data.split(b"\n")
        for end in ends:
            yield b"".join([*part, end, b"\n"])
            part = []
        part.append(rest)
    if last := b"".join(part):
        yield last


class Voice:
    """The real stdout, for whole lines and nothing else. What others print goes to stderr from now on.

    A thread writes, so that a parent who is slow to read does not stop the loop.
    """

    def __init__(self) -> None:
        sys.stdout.flush()
        self._file = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._thread = Thread(target=self._write, name="voice", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether lines still wait for the parent to read."""
        return not self._lines.empty()

    def say(self, line: bytes) -> None:
        """One line, newline included."""
        self._lines.put(line)

    def close(self) -> None:
        """Wait, with a deadline, until everything is written."""
        self._lines.put(None)
        self._thread.join(_CLOSE_DEADLINE)
        if not self._thread.is_alive():
            self._file.close()

    def _write(self) -> None:
        with suppress(BrokenPipeError):  # nobody listens any more: stdin tells it too, and ends the process
            while (line := self._lines.get()) is not None:
                rest = memoryview(line)
                while rest:
                    rest = rest[self._file.write(rest) :]


def leave_signals_to_the_parent() -> None:
    """Ctrl-C and a service manager's SIGTERM reach parent and children at once. The parent decides what they mean; its children
    end with their stdin."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
