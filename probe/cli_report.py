"""`probe report`: reads the stored runs of a period and tells them to those who asked."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from probe import __version__
from probe.cli_history_show import json_text, moment, opened
from probe.model.errors import ConfigError
from probe.model.validation import nearest
from reports.cadence.audiences import AUDIENCES
from reports.cadence.build import build
from reports.cadence.markdown import render as to_markdown
from reports.cadence.material import gather
from reports.cadence.model import Cadence
from reports.cadence.page import render as to_page
from reports.cadence.period import Period, period_of
from reports.cadence.text import print_cadence as to_terminal
from reports.store.entry import StoredRun
from reports.store.history import History, Wanted
from reports.targets.files import check_choice, load_profile
from reports.targets.profile import Profile

_DEFAULT_PROFILE = "video-platform"


@dataclass(frozen=True, slots=True)
class ReportChoice:
    """The options of `probe report`; None where the audience or the runs decide."""

    period: str | None = None
    audience: str = "engineering"
    out: Path | None = None
    profile: str | None = None
    horizon: str | None = None
    until: str | None = None
    scenario: str = ""
    target: str = ""
    network: str | None = None
    json: bool = False
    history: str | None = None


def print_cadence(choice: ReportChoice) -> None:
    """Tell it, or write it. Raises ConfigError for an unknown audience, period, profile or kind of file."""
    if choice.audience not in AUDIENCES:
        raise ConfigError(
            f"unknown audience {choice.audience!r}{nearest(choice.audience, AUDIENCES)}", who="--audience"
        )
    if choice.out is not None and choice.out.suffix not in _WRITERS:
        raise ConfigError(
            "the name says no kind of file", who=f"--out {choice.out}", hint="end it in .html, .md or .json"
        )
    now = datetime.now(UTC)
    until = moment(choice.until, now, "--until") if choice.until else now
    period = period_of(choice.period or AUDIENCES[choice.audience].period, until)
    with opened(choice.history) as history:
        report = _report(choice, period, history)
    if choice.json:
        sys.stdout.write(_json(report))
    elif choice.out is None:
        to_terminal(report, Console())
    if choice.out is not None:
        _write(choice.out, report)


def _report(choice: ReportChoice, period: Period, history: History) -> Cadence:
    wanted = Wanted(scenario=choice.scenario, target=choice.target, network=choice.network)
    runs = history.runs(Wanted(period.start, period.end, choice.scenario, choice.target, choice.network))
    profile, horizon = _judging(choice, runs)
    material = gather(history, period, profile, wanted, until_now=choice.until is None)
    return build(material, profile, horizon, choice.audience)


def _judging(choice: ReportChoice, runs: Sequence[StoredRun]) -> tuple[Profile, str]:
    """As the user says, else as most of the runs were judged."""
    used = Counter((run.profile, run.horizon) for run in runs if run.profile)
    usual = used.most_common(1)[0][0] if used else (None, None)
    profile = load_profile(choice.profile or usual[0] or _DEFAULT_PROFILE)
    same = profile.profile == usual[0] and usual[1] in profile.horizons
    horizon = choice.horizon or (usual[1] if same else None) or profile.default_horizon
    check_choice(profile, horizon, None)
    return profile, horizon


def _html(report: Cadence) -> str:
    return to_page(report, __version__)


def _json(report: Cadence) -> str:
    return json_text(report.to_dict())


_WRITERS = {".html": _html, ".md": to_markdown, ".json": _json}


def _write(path: Path, report: Cadence) -> None:
    try:
        path.write_text(_WRITERS[path.suffix](report), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"can't write there: {error.strerror}", who=f"--out {path}") from error
