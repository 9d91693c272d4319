"""Conducts a scenario: sets the stage, runs the meetings, sums up."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import probe
from probe.client.context import Context
from probe.client.generator_watch import GeneratorWatch
from probe.client.meeting import Meeting
from probe.client.seams import Media
from probe.client.vmaf_samples import VmafSamples
from probe.interrupts import Interrupts
from probe.measure.savings import Prices, SavingsLedger
from probe.measure.summary import Summary
from probe.media.vmaf import available as vmaf_available
from probe.model.errors import MediaError
from probe.model.plan import planned_counts
from probe.model.progress import Progress
from probe.model.result import RunError, RunResult, counted_errors
from probe.model.samples import Sample
from probe.model.scenario import Scenario
from probe.model.url import without_secrets
from probe.signalling.choose import check_url, open_signalling
from probe.spool import Spool
from probe.stage import Contents, networks_of, prepare, server, stage

_PROGRESS_INTERVAL = 0.25
_CLOSE_DEADLINE = 20.0
_START_DELAY = 0.2


@dataclass(frozen=True, slots=True)
class RunOptions:
    """`url` None: the embedded shim. `spool`: a folder that gets every sample as it is taken."""

    url: str | None = None
    token: str = ""
    spool: Path | None = None


Report = Callable[[Progress], None]


@dataclass(slots=True)
class _Run:
    """What a run gathers."""

    scenario: Scenario
    summary: Summary = field(default_factory=Summary)
    ledger: SavingsLedger = field(default_factory=SavingsLedger)
    meetings: list[Meeting] = field(default_factory=list)
    present: int = 0
    peak: int = 0

    def arrive(self, change: int) -> None:
        """Somebody has media, or left."""
        self.present += change
        self.peak = max(self.peak, self.present)


async def run_scenario(scenario: Scenario, options: RunOptions, progress: Report | None = None) -> RunResult:
    """Run it and return what was measured. Ctrl-C ends the meetings cleanly and keeps what was measured.

    Raises ConfigError and MediaError before the first packet; whatever goes wrong later is in the result.
    """
    with Interrupts() as interrupts:
        return await _conduct(scenario, options, progress or (lambda _: None), interrupts)


async def _conduct(scenario: Scenario, options: RunOptions, tell: Report, interrupts: Interrupts) -> RunResult:
    if options.url is not None:
        check_url(options.url)
    began, started_at = time.monotonic(), datetime.now(UTC)
    tell(Progress("preparing media", 0.0, planned_counts(scenario).seconds))
    networks = networks_of(scenario)
    contents = await prepare(scenario)
    run, spool = _Run(scenario), Spool(options.spool)

    def sink(sample: Sample) -> None:
        run.summary.add(sample)
        spool.add(sample)

    try:
        async with (
            server(options.url, scenario) as url,
            stage(scenario, options.url, contents, networks, sink) as context,
        ):
            vmaf = VmafSamples(context, enabled=contents.video is not None and vmaf_available())
            watch, ticker = GeneratorWatch(context), asyncio.create_task(_tick(run, context, spool, tell))
            try:
                await interrupts.guard(_rounds(run, context, url, options.token, contents, vmaf))
                await _close_all(run)
            finally:
                ticker.cancel()
                watch.close()
            health = _health(context)  # before VMAF, whose load is nobody's call
            await interrupts.guard(_score_vmaf(vmaf, context))
            _totals(run, context)
            spool.flush()
            if spool.error is not None:
                context.complain(spool.error)
    finally:
        spool.close()
    return RunResult(
        id=uuid.uuid4().hex[:12],
        started_at=started_at.isoformat(timespec="seconds"),
        duration_seconds=time.monotonic() - began,
        scenario=scenario.name,
        target=without_secrets(options.url) if options.url else "embedded",
        version=probe.__version__,
        health=health,
        summary=run.summary.to_dict(),
        migrations=tuple(m.to_dict() for meeting in run.meetings for m in meeting.migrations),
        participants=tuple(entry.to_dict() for meeting in run.meetings for entry in meeting.entries),
        errors=_errors(context),
        interrupted=interrupts.happened,
        notes=_notes(context),
    )


# the meetings


async def _rounds(run: _Run, context: Context, url: str, token: str, contents: Contents, vmaf: VmafSamples) -> None:
    scenario = run.scenario

    def new_media() -> Media:
        return contents.media(context.rng)

    stamp = uuid.uuid4().hex[:6]
    for number in range(scenario.rounds):
        start = context.clock.now() + _START_DELAY
        meetings = [
            Meeting(
                context, scenario, f"probe-{stamp}-{number * scenario.meetings + n + 1}",
                lambda: open_signalling(url, token), new_media, run.ledger, vmaf, run.arrive,
            )
            for n in range(scenario.meetings)
        ]  # fmt: skip
        run.meetings += meetings
        runs = (m.run(start + n * scenario.meeting_spacing) for n, m in enumerate(meetings))
        for outcome in await asyncio.gather(*runs, return_exceptions=True):
            if isinstance(outcome, Exception):
                context.crashed(outcome)


async def _close_all(run: _Run) -> None:
    """Nobody stays behind, whether the meetings came to their end or were called off."""
    if closing := [asyncio.ensure_future(meeting.close()) for meeting in run.meetings]:
        await asyncio.wait(closing, timeout=_CLOSE_DEADLINE)


async def _score_vmaf(vmaf: VmafSamples, context: Context) -> None:
    try:
        await asyncio.to_thread(vmaf.score)
    except MediaError as error:
        context.complain(error, phase="vmaf")


async def _tick(run: _Run, context: Context, spool: Spool, tell: Report) -> None:
    planned = planned_counts(run.scenario).seconds
    while True:
        entries = [entry for meeting in run.meetings for entry in meeting.entries]
        moves = [migration for meeting in run.meetings for migration in meeting.migrations]
        tell(
            Progress(
                "measuring",
                context.clock.now() - context.epoch,
                planned,
                tuple(entry.now() for meeting in run.meetings if meeting.state != "over" for entry in meeting.entries),
                sum(entry.joined for entry in entries),
                sum(entry.error is not None for entry in entries),
                len(moves),
                sum(not move.success for move in moves),
            )
        )
        spool.flush()
        await asyncio.sleep(_PROGRESS_INTERVAL)


# summing up


def _totals(run: _Run, context: Context) -> None:
    context.emit("concurrent_participants_peak", run.peak)
    prices = Prices(**run.scenario.prices.model_dump())
    for sample in run.ledger.result(prices).samples(context.clock.now() - context.epoch):
        context.sink(sample)


def _health(context: Context) -> dict[str, Any]:
    context.health.socket_drops(context.socket_drops)
    return context.health.verdict().to_dict()


def _errors(context: Context) -> tuple[RunError, ...]:
    bugs = tuple(RunError("bug", "meetprobe", message, count) for message, count in context.crashes.items())
    return bugs + counted_errors(context.errors)


def _notes(context: Context) -> tuple[str, ...]:
    """Which networks were emulated: whoever reads the figures has to know."""
    accesses = context.emulation.accesses.values() if context.emulation is not None else ()
    names = Counter(access.network.name for access in accesses)
    sources = {access.network.name: access.network.source for access in accesses}
    return tuple(
        f"emulated network {name} for {count} participants" + (f" ({sources[name]})" if sources[name] else "")
        for name, count in names.items()
    )


__all__ = ["Progress", "RunOptions", "run_scenario"]
