"""What `probe run` does for the history: recover what was killed, hold the run's samples, pool evidence, store the run."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text
from sqlalchemy.engine import URL

from probe import __version__
from probe.cli_errors import complain
from probe.model.errors import ConfigError, MeasurementError, ProbeError
from probe.model.result import RunResult
from probe.model.scenario import Scenario
from probe.model.url import without_secrets
from reports.document import Document
from reports.slices import Slices
from reports.store.entry import BACKFILLED, NETWORK, Entry
from reports.store.history import History, Wanted, open_history
from reports.store.location import data_folder, history_url, shown
from reports.store.outbox import Folder, begin
from reports.store.pooling import Past, judged_with
from reports.store.recovery import recover
from reports.targets.profile import Profile
from reports.terminal_style import plain

_SPAN = re.compile(r"^(\d{1,5})\s*(h|d|w)$")
_HOURS = {"h": 1, "d": 24, "w": 24 * 7}
_MOST_POOLED = 1000
_LABEL = re.compile(r"^([A-Za-z][\w.-]{0,63})=(.{1,200})$")


@dataclass(frozen=True, slots=True)
class KeepChoice:
    """The options of `probe run` that the history has: where it is, how far back evidence is pooled, when the run is said
    to have begun, and `key=value` words to tell runs apart."""

    history: str | None = None
    evidence: str | None = None
    started_at: str | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judging:
    """How a run is judged, for the run that is killed before it is."""

    profile: Profile
    horizon: str
    judges: tuple[str, ...] | None
    strict: bool


Build = Callable[[RunResult], Document]


@dataclass(slots=True)
class Keeper:
    """One run's way into the history. Without a `folder` there is no history, and the run passes as it is."""

    choice: KeepChoice
    url: URL | None = None
    folder: Folder | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    spool: Path | None = None
    """Where the run's samples go."""

    past: tuple[Past, ...] = ()
    """Earlier runs whose evidence counts."""

    def dated(self, result: RunResult) -> RunResult:
        """The run under the id that its samples are filed under, and at the time that the user gave it."""
        if self.folder is not None:
            result = replace(result, id=self.folder.header["id"])
        if self.choice.started_at is not None:
            result = replace(
                result, started_at=instant(self.choice.started_at, "--started-at").isoformat(timespec="seconds")
            )
        return result

    def judge(self, result: RunResult, build: Build) -> Document:
        """The run's document, judged with the evidence of earlier runs where that was asked for."""
        return judged_with(self.past, result, build, span=self.choice.evidence or "")

    def keep(self, document: Document, result: RunResult) -> None:
        """Store it. A history that fails now costs the user nothing: the entry waits for the next start. Nor does a disk without room
        for the entry keep it from the history."""
        if self.folder is None or self.url is None:
            return
        entry = Entry(document, result.summary, self.labels, result.slices)
        held = self._hold(self.folder, entry)
        try:
            with open_history(self.url) as history:
                added = history.add(entry)
                self.folder.remove()
                if added:
                    history.keep_responses(entry.id)
        except ProbeError as error:
            complain(error)
            if held:
                _say(f"run {entry.id} waits in {self.folder.path}: the next start stores it")
        except (OSError, ValueError) as error:
            complain(MeasurementError(f"the run is not stored: {error}", who=str(self.folder.path), phase="history"))

    @staticmethod
    def _hold(folder: Folder, entry: Entry) -> bool:
        try:
            folder.put(entry)
            return True
        except (OSError, ValueError) as error:
            told = f"the run can't be held here until it is stored: {error}"
            complain(MeasurementError(told, who=str(folder.path), phase="history"))
            return False


def _past(history: History, header: Mapping[str, Any], told: str) -> tuple[Past, ...]:
    """Trustworthy runs of the same scenario, target and network that began within the span before this one."""
    began = datetime.fromisoformat(header["started_at"])
    wanted = Wanted(
        since=began - span(told, "--evidence"),
        until=began,
        scenario=header["scenario"],
        target=header["target"],
        network=header["labels"].get(NETWORK, ""),
        limit=_MOST_POOLED,
    )
    runs = [run for run in history.runs(wanted) if run.counts]
    ids = [run.id for run in runs]
    summaries, slices = history.summaries(ids), history.slices(ids)
    return tuple(Past(run.id, run.duration_seconds, summaries[run.id], slices.get(run.id, Slices())) for run in runs)


def check_keep(choice: KeepChoice) -> URL | None:
    """All that can be wrong with the options is found here. Raises ConfigError."""
    url = history_url(choice.history, os.environ)
    if choice.evidence is not None:
        span(choice.evidence, "--evidence")
        if url is None:
            raise ConfigError("there is no history to pool from", who="--evidence", hint="give --history")
    if choice.started_at is not None:
        instant(choice.started_at, "--started-at")
    given_labels(choice.labels)
    return url


@contextmanager
def keeping(
    choice: KeepChoice, scenario: Scenario, target: str | None, judging: Judging, out: Path | None
) -> Iterator[Keeper]:
    """A keeper for a run that starts now. What killed runs left behind goes into the history first.

    Raises ConfigError where the history can't be opened or the samples can't be held.
    """
    url = check_keep(choice)
    if url is None:
        yield Keeper(choice, spool=out)
        return
    labels = {**given_labels(choice.labels), **_own_labels(choice, scenario)}
    header = _header(url, scenario, target, judging, out, choice, labels)
    with open_history(url) as history:
        take_in(history)
        past = _past(history, header, choice.evidence) if choice.evidence is not None else ()
    folder = begin(_spools(), header)
    try:
        yield Keeper(choice, url, folder, labels, out or folder.path, past)
    finally:
        folder.close()


def _own_labels(choice: KeepChoice, scenario: Scenario) -> dict[str, str]:
    network = scenario.network if isinstance(scenario.network, str) else "own" if scenario.network else ""
    network = "mixed" if scenario.networks else network
    found = {NETWORK: network} if network else {}
    return {**found, BACKFILLED: "yes"} if choice.started_at is not None else found


def _header(
    url: URL,
    scenario: Scenario,
    target: str | None,
    judging: Judging,
    out: Path | None,
    choice: KeepChoice,
    labels: Mapping[str, str],
) -> dict[str, Any]:
    began = instant(choice.started_at, "--started-at") if choice.started_at is not None else datetime.now(UTC)
    return {
        "id": uuid.uuid4().hex[:12],
        "started_at": began.isoformat(timespec="seconds"),
        "scenario": scenario.name,
        "target": without_secrets(target) if target else "embedded",
        "version": __version__,
        "history": shown(url),
        "labels": dict(labels),
        "profile": judging.profile.model_dump(mode="json", exclude_unset=True),
        "horizon": judging.horizon,
        "judges": None if judging.judges is None else list(judging.judges),
        "strict": judging.strict,
        "samples": str((out / "samples.jsonl").absolute()) if out is not None else None,
    }


def take_in(history: History) -> None:
    """What killed runs left behind goes into the history."""
    recover(_spools(), history, _say)


def _spools() -> Path:
    return data_folder(os.environ) / "spool"


def _say(sentence: str) -> None:
    Console(stderr=True).print(Text(plain(sentence), style="dim"), soft_wrap=True)


def span(told: str, who: str) -> timedelta:
    """ "7d", "12h", "2w". Raises ConfigError naming `who` said so."""
    match = _SPAN.match(told)
    if match is None or int(match[1]) == 0:
        raise ConfigError(f"{told!r} is no span of time", who=who, hint="write 12h, 7d or 2w")
    return timedelta(hours=int(match[1]) * _HOURS[match[2]])


def instant(told: str, who: str) -> datetime:
    """An ISO 8601 date or time, UTC where it names no zone. Raises ConfigError naming `who` said so."""
    try:
        found = datetime.fromisoformat(told)
    except ValueError as error:
        raise ConfigError(f"{told!r} is no time", who=who, hint="write 2026-11-15 or 2026-11-15T02:00:00Z") from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def given_labels(told: tuple[str, ...]) -> dict[str, str]:
    """`key=value` each. Raises ConfigError."""
    found = {}
    for label in told:
        match = _LABEL.match(label)
        if match is None or match[1] in (NETWORK, BACKFILLED):
            raise ConfigError(f"{label!r} is no label", who="--label", hint="write key=value, as in branch=main")
        found[match[1]] = match[2]
    return found
