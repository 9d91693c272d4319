"""The report document as text and as a file."""

from __future__ import annotations

import json
import os
from pathlib import Path

from probe.model.errors import ConfigError
from reports.document import Document


def to_json(document: Document) -> str:
    """One JSON document, readable, ending with a newline. Non-finite numbers raise ValueError: the document has none."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_json_line(document: Document) -> str:
    """The same on one line, for several after each other (JSON Lines)."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"


def prepare_folder(folder: Path) -> None:
    """Make `folder` and see that files can be written there. Raises ConfigError: before the run, not after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial = folder / f".writable-{os.getpid()}"
        trial.write_bytes(b"")
        trial.unlink()
    except OSError as error:
        raise ConfigError(f"can't write there: {error.strerror}", who=f"--out {folder}") from error


def write_report(document: Document, folder: Path) -> Path:
    """Write `report.json` in one step: a reader finds the old report or the new one, never half of one."""
    path, part = folder / "report.json", folder / f".report-{os.getpid()}.json"
    part.write_text(to_json(document), encoding="utf-8")
    part.replace(path)
    return path
