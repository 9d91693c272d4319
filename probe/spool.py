"""Every sample of a run as one JSON line, so that nothing is lost when the process is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TextIO

from probe.model.errors import ConfigError
from probe.model.samples import Sample


class Spool:
    """`samples.jsonl` in a folder: {"m": metric, "v": value, "t": seconds of the run, "tags": {…}, "detail": {…}}.

    Raises ConfigError when the file can't be made. `path` None: nothing is kept.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file: TextIO | None = None
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
            self._file.write(json.dumps(line, separators=(",", ":")) + "\n")

    def flush(self) -> None:
        """What was added is on disk."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Idempotent."""
        if self._file is not None:
            self._file.close()
            self._file = None
