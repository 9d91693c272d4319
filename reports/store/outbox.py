"""What is not in the history yet: a folder per run, held by its process for as long as that lives.

`<data folder>/spool/<run id>/` has `run.json` (what the run is), the samples unless the user has them elsewhere, and at its
end `entry.json`, the whole entry, until the history has it. The kernel lets go of a lock whose process is gone, however it
went: that is how the next start tells an abandoned folder from a running one.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from probe.model.errors import ConfigError
from reports.store.entry import Entry

SCHEMA = "meetprobe/spool/1"
Header = dict[str, Any]


class Folder:
    """A run's folder, locked by this process until `close`."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    @property
    def header(self) -> Header:
        """`run.json`. Raises ValueError when it is damaged or of another time."""
        found = json.loads((self.path / "run.json").read_bytes())
        if not isinstance(found, dict) or found.get("schema") != SCHEMA:
            raise ValueError(f"{self.path}: not a {SCHEMA}")
        return found

    @property
    def entry(self) -> Entry | None:
        """The entry of a run that came to its end."""
        try:
            found = json.loads((self.path / "entry.json").read_bytes())
        except FileNotFoundError:
            return None
        return Entry(found["document"], found["summary"], found["labels"], found.get("slices", {}))

    def put(self, entry: Entry) -> None:
        """From here on the entry survives this process."""
        told = {
            "document": entry.document,
            "summary": entry.summary,
            "labels": dict(entry.labels),
            "slices": entry.slices,
        }
        _write(self.path / "entry.json", told)

    def samples(self) -> Iterator[bytes]:
        """The lines of the run's samples; none where another run has written over them."""
        told = self.header.get("samples")
        path = Path(told) if told else self.path / "samples.jsonl"
        if not path.exists() or self._overwritten(path):
            return
        with path.open("rb") as file:
            yield from file

    def _overwritten(self, samples: Path) -> bool:
        """In a folder of the user's, a later run's report says that the samples are its own."""
        report = samples.with_name("report.json")
        try:
            if report.stat().st_mtime < (self.path / "run.json").stat().st_mtime:
                return False
            return bool(json.loads(report.read_bytes())["run"]["id"] != self.header["id"])
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def remove(self) -> None:
        """The history has it, or there is nothing to have. Idempotent."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.close()

    def close(self) -> None:
        """Let go; what is in the folder is for the next start. Idempotent."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def begin(base: Path, header: Header) -> Folder:
    """A folder for a run that starts now. Raises ConfigError where it can't be made."""
    path, hidden, lock = base / header["id"], base / f".{header['id']}", -1
    try:
        hidden.mkdir(parents=True)
        lock = os.open(hidden / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        _write(hidden / "run.json", {"schema": SCHEMA, **header})
        hidden.rename(path)  # seen by others only now that it is locked and complete
    except OSError as error:
        Folder(hidden, lock).remove()
        hint = "set XDG_DATA_HOME, or --history none"
        raise ConfigError(f"can't write there: {error.strerror}", who=str(base), phase="history", hint=hint) from error
    return Folder(path, lock)


def abandoned(base: Path) -> Iterator[Folder]:
    """Folders whose process is gone, locked so that nobody else takes them too; another user's are left to that user. The caller
    closes or removes each. Raises OSError where `base` can't be looked through."""
    for path in sorted(base.iterdir()) if base.is_dir() else ():
        if path.name.startswith("."):
            continue
        with suppress(FileNotFoundError, NotADirectoryError, BlockingIOError, PermissionError):
            lock = os.open(path / "lock", os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                raise
            folder = Folder(path, lock)
            if (path / "run.json").exists():  # else somebody finished it between our look and our lock
                yield folder
            else:
                folder.close()


def _write(path: Path, value: object) -> None:
    """In one step: a reader finds all of it or nothing."""
    part = path.with_suffix(".part")
    try:
        with part.open("w", encoding="utf-8") as file:
            json.dump(value, file, separators=(",", ":"), allow_nan=False)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)  # a full disk needs the room
        raise
