"""Every sample of a run as one JSON line, so that nothing is lost when the process is."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TextIO

from probe.model.errors import ConfigError, MeasurementError
from probe.model.samples import Sample


class Spool:
    """`samples.jsonl` in a folder: {"m": metric, "v": value, "t": seconds of the run, "tags": {…}, "detail": {…}}.

    Raises ConfigError when the file can't be made. `folder` None: nothing is kept. When the disk fails later, `error` says
    so and the rest is not kept: the run goes on, its summary is in memory.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file: TextIO | None = None
        self.error: MeasurementError | None = None
        if folder is None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = (folder / "samples.jsonl").open("w", encoding="utf-8", buffering=1 << 16)
        except OSError as error:
            raise ConfigError(
                f"can't write there: {error}", who=str(folder), phase="output", hint="choose another --out"
            ) from error

    def add(self, sample: Sample) -> None:
        """One line."""
        if self._file is not None:
            line = {
                "m": sample.metric,
                "v": sample.value,
                "t": round(sample.time, 6),
                "tags": dict(sample.tags),
                "detail": dict(sample.detail),
            }
            self._guarded(partial(self._file.write, json.dumps(line, separators=(",", ":")) + "\n"))

    def flush(self) -> None:
        """What was added is on disk."""
        if self._file is not None:
            self._guarded(self._file.flush)

    def close(self) -> None:
        """Idempotent."""
        if self._file is not None:
            self._guarded(self._file.close)
            self._file = None

    def _guarded(self, action: Callable[[], object]) -> None:
        try:
            action()
        except OSError as error:
            file, self._file = self._file, None
            if file is not None:
                with suppress(OSError):  # what it still holds can't be written either
                    file.close()
            self.error = MeasurementError(
                f"samples.jsonl ends early: {error}", phase="output", hint="is the disk full?"
            )
