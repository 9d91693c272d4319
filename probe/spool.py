"""Every sample of a run as one JSON line, so that nothing is lost when the process is.

What comes by the packet comes in batches, and a batch is one line too: its values as the histogram that the summary keeps
of them (`probe.measure.histogram.Histogram.from_dict` reads it), not one by one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from probe.measure.histogram import Histogram
from probe.model.errors import ConfigError, MeasurementError
from probe.model.samples import Sample, SampleBatch

_FULL = 1 << 16


class Spool:
    """`samples.jsonl` in a folder: {"m": metric, "v": value, "t": seconds of the run, "tags": {…}, "detail": {…}}, and a batch
    {"m": metric, "t": seconds of the run at its end, "tags": {…}, "n": number of values, "histogram": {…}}.

    The processes of a run share the file: one begins it, the others `join` it. Whole lines are appended, many at a time by one
    write each, which POSIX keeps together (on a file system that is not a network's).

    Raises ConfigError when the file can't be made. `folder` None: nothing is kept. When the disk fails later, `error` says
    so and the rest is not kept: the run goes on, its summary is in memory.
    """

    def __init__(self, folder: Path | None, *, join: bool = False) -> None:
        self._file: BinaryIO | None = None
        self._lines: list[bytes] = []
        self._size = 0
        self.error: MeasurementError | None = None
        if folder is None:
            return
        path = folder / "samples.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not join:
                path.write_bytes(b"")
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise ConfigError(
                f"can't write there: {error}", who=str(folder), phase="output", hint="choose another --out"
            ) from error

    def add(self, sample: Sample) -> None:
        """One line."""
        if self._file is not None:
            line = {"v": sample.value, "t": round(sample.time, 6), "tags": dict(sample.tags)}
            self._write({"m": sample.metric, **line, "detail": dict(sample.detail)})

    def add_batch(self, batch: SampleBatch) -> None:
        """One line for all of its values."""
        if self._file is not None:
            histogram = Histogram()
            histogram.add_many(batch.values)
            line = {"m": batch.metric, "t": round(batch.time, 6), "tags": dict(batch.tags)}
            self._write({**line, "n": histogram.count, "histogram": histogram.to_dict()})

    def _write(self, line: Mapping[str, object]) -> None:
        text = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        self._lines.append(text)
        self._size += len(text)
        if self._size >= _FULL:
            self.flush()

    def flush(self) -> None:
        """What was added is on disk."""
        if self._file is not None and self._lines:
            block, self._lines, self._size = b"".join(self._lines), [], 0
            self._guarded(lambda file: _write_all(file, block))

    def close(self) -> None:
        """Idempotent."""
        self.flush()
        if self._file is not None:
            self._guarded(lambda file: file.close())
            self._file = None

    def _guarded(self, action: Callable[[BinaryIO], object]) -> None:
        file = self._file
        if file is None:
            return
        try:
            action(file)
        except OSError as error:
            self._file = None
            with suppress(OSError):  # what it still holds can't be written either
                file.close()
            self.error = MeasurementError(
                f"samples.jsonl ends early: {error}", phase="output", hint="is the disk full?"
            )


def _write_all(file: BinaryIO, block: bytes) -> None:
    rest = memoryview(block)
    while rest:  # a write is cut short only where the disk is nearly full
        rest = rest[file.write(rest) :]
