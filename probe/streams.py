"""Standard output and error that may stop taking what is printed, because their reader has left or their disk is full. What is
printed then goes nowhere, and the run goes on to its end.

Otherwise `probe run | head` would end with 1, a bug of ours, and `2>&1 | head` would end a run in its midst.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Literal, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Pipe(io.FileIO):
    lost: OSError | None = None
    """Why something that somebody wanted to read was not written."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            pass
        except OSError as error:
            self.lost = self.lost or error
        return memoryview(data).nbytes


def let_readers_leave() -> None:
    """Replaces this process's own streams, where nobody else has replaced them. One that was closed before we began leads nowhere."""
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, _nowhere("r" if name == "stdin" else "w"))
        elif name != "stdin" and isinstance(stream, io.TextIOWrapper) and stream is getattr(sys, f"__{name}__"):
            setattr(sys, name, _patient(stream))


def untold() -> OSError | None:
    """Why part of what was printed on stdout is lost; None where nothing is, or its reader wanted no more."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw.lost if isinstance(raw, _Pipe) else None


def _nowhere(mode: Literal["r", "w"]) -> TextIO:
    """Takes the lowest free number, which is the closed stream's own. Else a file or socket would, and C libraries that
    complain would write into it."""
    return open(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8", closefd=False)


def _patient(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    stream.flush()
    pipe = io.BufferedWriter(_Pipe(stream.fileno(), "wb", closefd=False))
    at_once = stream.line_buffering or stream.write_through
    return io.TextIOWrapper(pipe, stream.encoding, stream.errors, line_buffering=at_once)
