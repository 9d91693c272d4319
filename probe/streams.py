"""Standard output and error whose reader may leave: what is printed then goes nowhere, and the exit code stays the verdict's.

Otherwise `probe run | head` would end with 1, a bug of ours, and `2>&1 | head` would end a run in its midst.
"""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Pipe(io.FileIO):
    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            return memoryview(data).nbytes


def let_readers_leave() -> None:
    """Replaces this process's own streams, where they are no terminal and nobody else has replaced them."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        own = isinstance(stream, io.TextIOWrapper) and stream is getattr(sys, f"__{name}__")
        if own and not stream.isatty():
            setattr(sys, name, _patient(stream))


def _patient(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    stream.flush()
    pipe = io.BufferedWriter(_Pipe(stream.fileno(), "wb", closefd=False))
    at_once = stream.line_buffering or stream.write_through
    return io.TextIOWrapper(pipe, stream.encoding, stream.errors, line_buffering=at_once)
