"""Takes in what killed runs left behind. One that can't be read is told of and left where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from probe.model.errors import ProbeError
from probe.model.validation import validate
from reports.document import build_document
from reports.store.entry import Entry
from reports.store.history import History
from reports.store.outbox import Folder, Header, abandoned
from reports.store.rebuild import interrupted_result, rebuild
from reports.targets.profile import Profile


def recover(base: Path, history: History, tell: Callable[[str], None]) -> int:
    """Store every abandoned run that was meant for this history; `tell` a sentence for each. How many were stored."""
    stored = 0
    for folder in _found(base, tell):
        try:
            header = folder.header
            if header["history"] == history.name:
                stored += _take(folder, header, history, tell)
        except (ProbeError, ValueError, KeyError, TypeError, OSError) as error:
            tell(f"what a killed run left in {folder.path} can't be stored: {error}")
        finally:
            folder.close()
    return stored


def _found(base: Path, tell: Callable[[str], None]) -> Iterator[Folder]:
    try:
        yield from abandoned(base)
    except OSError as error:
        tell(f"what killed runs may have left in {base} can't be looked through: {error.strerror}")


def _take(folder: Folder, header: Header, history: History, tell: Callable[[str], None]) -> bool:
    whole = folder.entry
    entry = whole or rebuilt_entry(folder, header)
    added = entry is not None and history.add(entry)
    folder.remove()
    if added:
        became = "was killed; what it had measured" if whole is None else "could not be stored then; all of it"
        tell(f"run {header['id']} of {header['started_at']} {became} is now in the history")
    return added


def rebuilt_entry(folder: Folder, header: Header) -> Entry | None:
    """An interrupted run's entry; None where nothing had been measured yet."""
    rebuilt = rebuild(folder.samples())
    if not rebuilt.lines:
        return None
    result = interrupted_result(header, rebuilt)
    profile = validate(Profile, header["profile"], source=f"{folder.path}/run.json")
    document = build_document(result, profile, header["horizon"], header["judges"], strict=header["strict"])
    return Entry(document, result.summary, header["labels"])
