"""Conducts a scenario: starts the server and the engines, has the meetings held, sums up.

Nothing here needs the packet path, so that the processes begin to start before anything heavy is imported.
"""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import probe
from probe.child_process import Loss
from probe.engine.crew import Crew, many_engines, one_engine
from probe.engine.outcome import Outcome, in_order
from probe.engine.protocol import Setup
from probe.engine.summing import beside_of, errors_of, events_of, health_of, merged, notes_of
from probe.interrupts import Interrupts
from probe.measure.savings import Prices
from probe.model.plan import expected_seconds
from probe.model.platform import Platform
from probe.model.progress import Progress
from probe.model.result import RunResult
from probe.model.samples import Sample
from probe.model.scenario import Scenario
from probe.server_process import ServerProcess, server_process
from probe.spool import Spool
from reports.abort import Watch
from reports.slices import Want
from reports.units import UnitWant

_EMBEDDED = Platform(url="ws://127.0.0.1")
"""Where the embedded server will be, before its port is known."""
_PROGRESS_INTERVAL = 0.25
_LOOK_INTERVAL = 2.0
"""Seconds between two looks at the targets that may end the run."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """`platform` None: the embedded shim. `spool`: a folder that gets every sample as it is taken. `processes`: how many hold the
    meetings (no more than there are meetings are used); 1: this one does. `slices`: what targets
    need kept by its time, `units` by whom; `watch` says why the run should end early, and is asked while one process holds the meetings.
    `dump_stats`: a folder that gets the statistics of every peer connection."""

    platform: Platform | None = None
    spool: Path | None = None
    processes: int = 1
    slices: tuple[Want, ...] = ()
    units: tuple[UnitWant, ...] = ()
    watch: Watch | None = None
    dump_stats: Path | None = None


Report = Callable[[Progress], None]


async def run_scenario(scenario: Scenario, options: RunOptions, progress: Report | None = None) -> RunResult:
    """Run it and return what was measured. Ctrl-C ends the meetings cleanly and keeps what was measured.

    Raises ConfigError, MediaError and, when a process of ours does not start, MeasurementError before the first packet;
    whatever goes wrong later is in the result.
    """
    with Interrupts() as interrupts:
        return await _conduct(scenario, options, progress or (lambda _: None), interrupts)


async def _conduct(scenario: Scenario, options: RunOptions, tell: Report, interrupts: Interrupts) -> RunResult:
    for check in scenario.http:
        check.request(options.platform or _EMBEDDED, os.environ)
    if options.platform is not None:
        from probe.signalling.choose import check_platform, check_topology

        check_platform(options.platform)
        check_topology(options.platform, scenario.topology)
        if scenario.watch:
            from probe.signalling.viewing import check_viewing

            check_viewing(options.platform)
    started_at = datetime.now(UTC)
    processes = max(1, min(options.processes, scenario.meetings))
    tell(Progress("preparing media", 0.0, expected_seconds(scenario, ())))
    spool = Spool(options.spool)
    try:
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(server_process(scenario)) if options.platform is None else None
            crew = await stack.enter_async_context(_crew(processes, scenario, options, server))
            began = time.monotonic()
            dead_server = await _measure(crew, scenario, server, interrupts, tell, options.watch)
            duration = time.monotonic() - began
            outcomes = await crew.deliver(vmaf=not interrupts.happened)
        total = merged(outcomes)
        _add_totals(total, scenario, duration, spool)
    finally:
        spool.close()
    if spool.error is not None:
        total.errors[spool.error.phase, "", f"{spool.error.message} ({spool.error.hint})"] += 1
    return RunResult(
        id=uuid.uuid4().hex[:12],
        started_at=started_at.isoformat(timespec="seconds"),
        duration_seconds=duration,
        scenario=scenario.name,
        target=options.platform.shown if options.platform else "embedded",
        version=probe.__version__,
        health=health_of(outcomes, crew.losses, dead_server),
        summary=total.summary.to_dict(),
        migrations=in_order(total.migrations),
        participants=in_order(total.participants),
        errors=errors_of(total, (*crew.losses, dead_server)),
        interrupted=interrupts.happened,
        notes=(
            *_notes_on(options.platform),
            *((f"ended early: {interrupts.reason}",) if interrupts.reason else ()),
            *notes_of(total, processes, options.processes),
        ),
        series=total.series.columns(),
        slices=total.slices.to_dict() if options.slices or options.units else {},
        events=events_of(total),
        worst_frames=tuple(total.worst_frames),
        browsers=beside_of(total),
    )


def _notes_on(platform: Platform | None) -> tuple[str, ...]:
    insecure = platform is not None and platform.insecure
    return ("the platform's TLS certificates were not checked (--insecure)",) if insecure else ()


def _crew(
    processes: int, scenario: Scenario, options: RunOptions, server: ServerProcess | None
) -> AbstractAsyncContextManager[Crew]:
    async def setup() -> Setup:
        """Asked for as late as can be: the server has had time to start."""
        platform = options.platform if server is None else Platform(url=await server.url())
        assert platform is not None
        return Setup(
            scenario=scenario, platform=platform, stamp=uuid.uuid4().hex[:6], epoch=time.monotonic(),
            spool=options.spool, dump_stats=options.dump_stats, slices=options.slices, units=options.units,
        )  # fmt: skip

    return one_engine(setup) if processes == 1 else many_engines(processes, scenario, setup)


async def _measure(
    crew: Crew,
    scenario: Scenario,
    server: ServerProcess | None,
    interrupts: Interrupts,
    tell: Report,
    watch: Watch | None,
) -> Loss | None:
    """All meetings, until they are over or called off. Returns the embedded server's loss: without it there is nothing to
    measure, and what the platform seems to do then is our doing."""
    losses: list[Loss] = []

    async def meetings() -> None:
        rounds = asyncio.ensure_future(crew.hold_rounds())
        lost = asyncio.ensure_future(server.lost()) if server is not None else None
        waiting: list[asyncio.Future[Loss] | asyncio.Future[None]] = [rounds, *([lost] if lost is not None else [])]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _call_off(waiting)
        if lost is not None and not lost.cancelled():
            losses.append(lost.result())
        if not rounds.cancelled():
            rounds.result()

    tickers = [asyncio.create_task(_tick(crew, scenario, tell))]
    if watch is not None:
        tickers.append(asyncio.create_task(_look(crew, watch, interrupts)))
    try:
        await interrupts.guard(meetings())
        await crew.close()
    finally:
        for ticker in tickers:
            ticker.cancel()
    return losses[0] if losses else None


async def _call_off(work: Sequence[asyncio.Future[Loss] | asyncio.Future[None]]) -> None:
    for one in work:
        one.cancel()
    await asyncio.wait(work)


async def _tick(crew: Crew, scenario: Scenario, tell: Report) -> None:
    began = time.monotonic()
    while True:
        now, planned = crew.snapshot(), expected_seconds(scenario, crew.took)
        elapsed = time.monotonic() - began
        tell(Progress("measuring", elapsed, planned, **{name: getattr(now, name) for name in type(now).model_fields}))
        await asyncio.sleep(_PROGRESS_INTERVAL)


async def _look(crew: Crew, watch: Watch, interrupts: Interrupts) -> None:
    """Ends the run when a target that may abort it is lost for good."""
    began = time.monotonic()
    while True:
        await asyncio.sleep(_LOOK_INTERVAL)
        running = crew.running()
        if running is not None:
            reasons = running.health.verdict().reasons
            if reason := watch(running.summary, running.slices, reasons, time.monotonic() - began):
                interrupts.call_off(reason)
                return


def _add_totals(total: Outcome, scenario: Scenario, at: float, spool: Spool) -> None:
    """What only the whole run knows, as samples at its end."""
    prices = Prices(**scenario.prices.model_dump())
    for sample in (Sample("concurrent_participants_peak", total.peak, at), *total.ledger.result(prices).samples(at)):
        total.summary.add(sample)
        spool.add(sample)


__all__ = ["Progress", "RunOptions", "run_scenario"]
