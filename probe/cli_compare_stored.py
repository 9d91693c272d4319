"""What `probe compare` is asked to compare: reports in files, or runs of the history."""

from __future__ import annotations

import re
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from probe.cli_keep import instant, span
from probe.model.errors import ConfigError
from reports.document import Document
from reports.store.entry import StoredRun
from reports.store.history import History, Wanted

ALLOWED = "a file or folder, the id of a stored run or its beginning, last, last~N, or (for A) baseline:7d"
MOST_RUNS = 1000
_MOST_BACK = 999
_LAST = re.compile(r"^(?:last|latest)(?:~(\d{1,6}))?$")
_BASELINE = "baseline:"


class Sides:
    """Reads both sides. The history (`--history`) is opened when the first name asks for it; use it as a context manager."""

    def __init__(self, history: str | None) -> None:
        self._told = history
        self._stack = ExitStack()
        self._history: History | None = None

    def __enter__(self) -> Sides:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def read(self, before: str, after: str) -> tuple[list[Document], list[Document]]:
        """The runs of A and of B, each by their times. Raises ConfigError that names what is meant and says what is allowed."""
        if after.startswith(_BASELINE) and not Path(after).exists():
            raise ConfigError(
                f"{after!r} can only be A: it is what comes before B", hint="probe compare baseline:7d last"
            )
        right = self._side(after)
        if before.startswith(_BASELINE) and not Path(before).exists():
            return self._baseline(before, right), right
        return self._side(before), right

    def _side(self, name: str) -> list[Document]:
        from probe.cli_compare import read_runs

        path = Path(name)
        if path.exists() or "/" in name or name.endswith(".json"):
            return read_runs(path)
        back = _LAST.match(name)
        run = self._back(name, int(back[1] or 0)) if back is not None else self._named(name)
        return [self._document(run)]

    def _named(self, name: str) -> StoredRun:
        try:
            return self._open().run(name)
        except ConfigError as error:
            hint = f"allowed: {ALLOWED}; see probe history list"
            raise ConfigError(error.message, who=error.who or name, hint=hint) from error

    def _back(self, name: str, count: int) -> StoredRun:
        history = self._open()
        if count > _MOST_BACK:
            raise ConfigError(f"goes back further than {_MOST_BACK} runs", who=name, hint=f"allowed: {ALLOWED}")
        runs = history.runs(Wanted(limit=count + 1))
        if len(runs) <= count:
            some = f"{len(runs)} runs" if len(runs) != 1 else "1 run"
            raise ConfigError(f"the history has {some}", who=name, hint=f"{history.name}; see probe history list")
        return runs[count]

    def _baseline(self, name: str, after: list[Document]) -> list[Document]:
        """The stored runs of B's scenario, target and network that began within the span before B. Runs whose data did not hold
        their checks are never pooled."""
        told = name.removeprefix(_BASELINE)
        before = span(told, name)
        history = self._open()
        kinds = {(str(one["run"]["scenario"]), str(one["run"]["target"])) for one in after}
        if len(kinds) != 1:
            raise ConfigError("B is of several scenarios or targets, which have no baseline in common", who=name)
        ((scenario, target),) = kinds
        began = min(instant(str(one["run"]["started_at"]), "B") for one in after)
        wanted = Wanted(
            since=began - before, until=began, scenario=scenario, target=target, network=_network(history, after),
            limit=MOST_RUNS,
        )  # fmt: skip
        own = {one["run"]["id"] for one in after}
        runs = [run for run in history.runs(wanted) if run.sound and run.id not in own]
        if not runs:
            raise ConfigError(
                f"{history.name} has no run of {scenario} against {target} in the {told} before {_shown(began)}",
                who=name,
                hint="give a longer span, as in baseline:30d; probe history list shows what there is",
            )
        return [self._document(run) for run in reversed(runs)]

    def _document(self, run: StoredRun) -> Document:
        """Without its pictures: nobody compares those, and a thousand runs have many."""
        found = self._open().document(run.id)
        found.pop("worst_frames", None)
        return found

    def _open(self) -> History:
        from probe.cli_history_show import opened

        if self._history is None:
            self._history = self._stack.enter_context(opened(self._told))
        return self._history


def _network(history: History, after: list[Document]) -> str | None:
    """The emulated network of B's runs, as the history knows it; None (any) where it knows none of them."""
    ids = {str(one["run"]["id"]) for one in after}
    began = [instant(str(one["run"]["started_at"]), "B") for one in after]
    found: dict[str, Any] = {}
    for run in history.runs(Wanted(since=min(began))):
        if run.id in ids:
            found[run.network] = run
    if len(found) > 1:
        raise ConfigError(f"B is of several networks: {', '.join(sorted(one or 'none' for one in found))}")
    return next(iter(found), None)


def _shown(time: datetime) -> str:
    return time.isoformat(timespec="minutes")
