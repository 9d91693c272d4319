"""`probe run`: everything is checked, then measured, then judged, told and kept."""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from probe import __version__
from probe.cli_errors import complain, complain_of_unexpected, error_code
from probe.cli_keep import Judging, KeepChoice, Keeper, check_keep, keeping
from probe.cli_platform import PlatformChoice
from probe.cli_push import check_pushgateway, push
from probe.endings import held_off
from probe.model.errors import ConfigError, MeasurementError, ProbeError
from probe.model.ice import Leg
from probe.model.platform import Platform
from probe.model.result import RunResult
from probe.model.scenario import Scenario
from probe.model.scenario_files import load_scenario, with_media_files
from probe.rtc.ice_server import check_ice
from reports.abort import watching
from reports.document import Document, build_document, failed_document
from reports.github import append_summary, command, workflow_commands
from reports.jsonout import prepare_folder, to_json, to_json_line
from reports.progress_view import ProgressView
from reports.targets.external import Supplied, read_external
from reports.targets.files import check_choice, load_profile
from reports.targets.profile import Profile
from reports.terminal import print_report
from reports.writing import write_all
from sfu_shim.core.link.profiles import network_profile

_MOST_PROCESSES = 256


@dataclass(frozen=True, slots=True)
class RunChoice:
    """The options of `probe run`; None where the scenario decides."""

    scenario: str
    platform: PlatformChoice = field(default_factory=PlatformChoice)
    targets: str | None = None
    horizon: str | None = None
    json: bool = False
    out: Path | None = None
    strict: bool = False
    video: Path | None = None
    audio: Path | None = None
    quiet: bool = False
    network: str | None = None
    processes: str = "1"
    keep: KeepChoice = field(default_factory=KeepChoice)
    github: bool = False
    external: Path | None = None
    pushgateway: str | None = None
    dump_stats: Path | None = None
    legs: tuple[str, ...] = ()
    leg: Leg | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    """What was chosen, loaded and checked."""

    scenario: Scenario
    platform: Platform | None
    profile: Profile
    horizon: str
    judges: tuple[str, ...] | None
    processes: int
    supplied: tuple[Supplied, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """A run's document, and the exit code: the verdict's, but never 0 where --out has not got all that it was to have."""

    document: Document
    exit_code: int


def perform(choice: RunChoice) -> Ended:
    """Run and report, on one leg. Never raises for what can be expected to go wrong."""
    try:
        plan = check(choice)
        judging = Judging(plan.profile, plan.horizon, plan.judges, choice.strict)
        with keeping(choice.keep, plan.scenario, choice.platform.url, judging, choice.out) as keeper:
            result = keeper.dated(_measure(choice, plan, keeper.spool))
            with held_off():
                ended = _report(choice, plan, keeper, result)
    except ProbeError as error:
        return refuse(choice, error)
    except KeyboardInterrupt:
        stopped = MeasurementError("interrupted before anything was measured")
        complain(stopped)
        return _fail(choice, stopped, 4, interrupted=True)
    except Exception as error:  # noqa: BLE001 - told in full, and the document still comes
        return _fail(choice, error, complain_of_unexpected(error))
    if choice.pushgateway:
        push(ended.document, choice.pushgateway)
    return ended


def refuse(choice: RunChoice, error: ProbeError) -> Ended:
    """Tell why there is no run."""
    complain(error)
    return _fail(choice, error, error_code(error, own_media=bool(choice.video or choice.audio)))


def _report(choice: RunChoice, plan: _Plan, keeper: Keeper, result: RunResult) -> Ended:
    """Judged, written, kept and told: each whatever becomes of the others."""

    def build(result: RunResult) -> Document:
        return build_document(
            result, plan.profile, plan.horizon, plan.judges, strict=choice.strict, supplied=plan.supplied
        )

    document = keeper.judge(result, build)
    code = int(document["verdict"]["exit_code"])
    try:
        if choice.out is not None:
            write_all(document, choice.out, strict=choice.strict)
    except ConfigError as error:
        complain(error)
        code = code or error_code(error)
    keeper.keep(document, result)
    _tell(choice, document)
    if choice.github:
        _tell_github(choice, document)
    return Ended(document, code)


def check(choice: RunChoice) -> _Plan:
    """All that can be wrong with the input is found here, before the first packet."""
    scenario = with_media_files(load_scenario(choice.scenario), video=choice.video, audio=choice.audio)
    if choice.leg is not None:
        scenario = scenario.on(choice.leg)
    if choice.network is not None:
        network_profile(choice.network, where="--network")
        scenario = scenario.model_copy(update={"network": choice.network, "networks": ()})
    check_ice(scenario, os.environ, embedded=choice.platform.url is None)
    profile = load_profile(choice.targets or scenario.targets)
    own = choice.targets is None or choice.targets == scenario.targets
    horizon = choice.horizon or (scenario.horizon if own or scenario.horizon in profile.horizons else "")
    horizon = horizon or profile.default_horizon
    judges = scenario.judges if own else None  # another platform's rows have other names
    check_choice(profile, horizon, judges)
    check_keep(choice.keep)
    if choice.pushgateway:
        check_pushgateway(choice.pushgateway, os.environ)
    if choice.out is not None:
        prepare_folder(choice.out)
    supplied = read_external(choice.external, profile) if choice.external is not None else ()
    return _Plan(
        scenario,
        choice.platform.read(scenario),
        profile,
        horizon,
        judges,
        _processes(choice.processes, scenario),
        supplied,
    )


def _processes(told: str, scenario: Scenario) -> int:
    """`auto`: one for each core that this process may use, as far as there are meetings to hold."""
    if told == "auto":
        usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return min(usable, scenario.meetings)
    if told.isascii() and told.isdigit() and 1 <= int(told) <= _MOST_PROCESSES:
        return int(told)
    raise ConfigError(
        f"{told!r} is no number of processes", who="--processes", hint=f"1 to {_MOST_PROCESSES}, or auto: one a core"
    )


def _measure(choice: RunChoice, plan: _Plan, spool: Path | None) -> RunResult:
    from probe.run import RunOptions, run_scenario  # begins to start processes: not before the input is right

    watch = watching(plan.profile, plan.horizon, plan.judges)
    options = RunOptions(
        plan.platform,
        spool,
        plan.processes,
        slices=plan.profile.wants,
        units=plan.profile.unit_wants,
        watch=watch,
        dump_stats=choice.dump_stats,
    )
    with ProgressView(Console(stderr=True), quiet=choice.quiet) as view:
        return asyncio.run(run_scenario(plan.scenario, options, view.update))


def _tell(choice: RunChoice, document: Document) -> None:
    if choice.json:
        _write(choice, document)
    else:
        print_report(document, Console())


def _write(choice: RunChoice, document: Document) -> None:
    """A run on several legs says one document a line."""
    sys.stdout.write(to_json_line(document) if choice.leg is not None or choice.legs else to_json(document))
    sys.stdout.flush()


def _tell_github(choice: RunChoice, document: Document) -> None:
    """GitHub reads its commands from both streams; a document on stdout stays alone there. A summary that can't be written
    is no reason to lose the verdict."""
    for line in workflow_commands(document):
        print(line, file=sys.stderr if choice.json else sys.stdout)
    try:
        append_summary(document)
    except ConfigError as error:
        complain(error)


def _fail(choice: RunChoice, error: Exception, code: int, *, interrupted: bool = False) -> Ended:
    """`--json` promises a document whatever happens; one for people has been told on stderr already."""
    if choice.github:
        print(command("error", "probe run", str(error)), file=sys.stderr)
    document = failed_document(
        error,
        code=code,
        scenario=choice.scenario if choice.leg is None else f"{choice.scenario} {choice.leg}",
        target=choice.platform.shown,
        version=__version__,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        run_id=uuid.uuid4().hex[:12],
    )
    document["run"]["interrupted"] = interrupted
    if choice.json:
        _write(choice, document)
    return Ended(document, code)
