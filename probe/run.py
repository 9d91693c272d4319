"""Conducts a scenario: prepares the media, starts the embedded shim where no server is named, runs the meetings, sums up."""

from __future__ import annotations

import asyncio
import gc
import random
import signal
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import probe
from probe.client.context import Context
from probe.client.generator_watch import GeneratorWatch
from probe.client.meeting import Meeting
from probe.client.participant import Media
from probe.client.vmaf_samples import VmafSamples
from probe.client.warm_up import warm_up
from probe.measure.health import GeneratorHealth
from probe.measure.savings import Prices, SavingsLedger
from probe.measure.summary import Summary
from probe.media.audio import AudioCursor, AudioSpec, EncodedAudio, prepare_audio
from probe.media.decode_pool import DecodePool
from probe.media.prepare import prepare_video
from probe.media.video import EncodedVideo, VideoCursor, VideoSpec
from probe.media.vmaf import available as vmaf_available
from probe.model.errors import MediaError
from probe.model.plan import planned_counts
from probe.model.progress import Progress
from probe.model.result import RunError, RunResult, counted_errors
from probe.model.samples import Sample
from probe.model.scenario import Scenario
from probe.model.url import without_secrets
from probe.rtc.addresses import gathering_addresses
from probe.rtc.clock import Clock
from probe.rtc.wheel import TimerWheel
from probe.signalling.choose import check_url, open_signalling
from probe.spool import Spool
from sfu_shim.config import ShimConfig
from sfu_shim.core.policy import Policy
from sfu_shim.server import ShimServer

_PROGRESS_INTERVAL = 0.25
_CLOSE_DEADLINE = 20.0
_CONNECT_DEADLINE = 10.0
_START_DELAY = 0.2
_SWITCH_INTERVAL = 0.0005
"""Seconds a decoder thread may hold the interpreter while the packet path waits: Python's own 5 ms are a packet's time."""


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
    latest: dict[str, float] = field(default_factory=dict)
    interrupted: bool = False

    def arrive(self, change: int) -> None:
        """Somebody has media, or left."""
        self.present += change
        self.peak = max(self.peak, self.present)


async def run_scenario(scenario: Scenario, options: RunOptions, progress: Report | None = None) -> RunResult:
    """Run it and return what was measured. Ctrl-C ends the meetings cleanly and keeps what was measured.

    Raises ConfigError and MediaError before the first packet; whatever goes wrong later is in the result.
    """
    if options.url is not None:
        check_url(options.url)
    tell = progress or (lambda _: None)
    began = time.monotonic()
    planned = planned_counts(scenario).seconds
    tell(Progress("preparing media", 0.0, planned))
    video, audio = await asyncio.gather(asyncio.to_thread(_video, scenario), asyncio.to_thread(_audio, scenario))
    run = _Run(scenario)
    spool = Spool(options.spool)
    started_at = datetime.now(UTC)
    try:
        addresses = gathering_addresses(scenario.addresses, options.url)
        async with _server(options, scenario) as url, _context(run, spool, video, addresses) as context:
            ticker = asyncio.create_task(_tick(run, context, spool, tell))
            vmaf = VmafSamples(context, enabled=video is not None and vmaf_available())
            await _warm_up(context)
            watch = GeneratorWatch(context)
            try:
                await _interruptible(_rounds(run, context, url, options.token, video, audio, vmaf), run)
            finally:
                ticker.cancel()
                watch.close()
            health = _health(context)  # before VMAF, whose load is nobody's call
            await _score_vmaf(vmaf, context)
            _totals(run, context)
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
        interrupted=run.interrupted,
    )


# what a run stands on


def _video(scenario: Scenario) -> EncodedVideo | None:
    wanted = scenario.media.video
    if wanted is None:
        return None
    return prepare_video(
        VideoSpec(
            width=wanted.width,
            height=wanted.height,
            fps=wanted.fps,
            bitrate_bps=wanted.bitrate_bps,
            codec=wanted.codec,
            file=wanted.file,
            seconds=wanted.seconds,
        )
    )


def _audio(scenario: Scenario) -> EncodedAudio | None:
    wanted = scenario.media.audio
    return (
        None
        if wanted is None
        else prepare_audio(AudioSpec(bitrate_bps=wanted.bitrate_bps, seconds=wanted.seconds, file=wanted.file))
    )


@asynccontextmanager
async def _server(options: RunOptions, scenario: Scenario) -> AsyncIterator[str]:
    if options.url is not None:
        yield options.url
        return
    policy = Policy(p2p_limit=scenario.p2p_limit, migration_deadline=scenario.migration_deadline)
    server = ShimServer(ShimConfig(port=0, policy=policy))
    url = await server.start()
    try:
        yield url
    finally:
        await server.stop()


@asynccontextmanager
async def _context(
    run: _Run, spool: Spool, video: EncodedVideo | None, addresses: tuple[str, ...]
) -> AsyncIterator[Context]:
    clock, health = Clock(), GeneratorHealth()
    wheel = TimerWheel(clock, health.pacing_error)
    scenario = run.scenario

    def sink(sample: Sample) -> None:
        run.summary.add(sample)
        run.latest[sample.metric] = sample.value
        spool.add(sample)

    context = Context(
        clock=clock,
        wheel=wheel,
        health=health,
        sink=sink,
        depth=scenario.observe,
        rng=random.Random(),
        epoch=clock.now(),
        video=video,
        pool=DecodePool() if scenario.observe == "pictures" else None,
        codecs=(scenario.media.video.codec,) if scenario.media.video else (),
        addresses=addresses,
        connect_deadline=min(_CONNECT_DEADLINE, scenario.join_deadline),
    )
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, what: context.crashed(what.get("exception") or RuntimeError(what["message"])))
    try:
        yield context
    finally:
        loop.set_exception_handler(None)
        wheel.close()
        if context.pool is not None:
            await asyncio.to_thread(context.pool.close)


async def _warm_up(context: Context) -> None:
    """What is slow once is done before anybody's click is timed and before the generator is watched."""
    sys.setswitchinterval(_SWITCH_INTERVAL)
    await warm_up(context.clock)
    gc.collect()
    gc.freeze()  # what was made so far stays: a full collection in mid-call would be a stall of ours


# the meetings


async def _rounds(
    run: _Run,
    context: Context,
    url: str,
    token: str,
    video: EncodedVideo | None,
    audio: EncodedAudio | None,
    vmaf: VmafSamples,
) -> None:
    scenario = run.scenario

    def new_media() -> Media:
        rng = context.rng
        cursor = VideoCursor(video, rng.randrange(video.spec.seconds)) if video is not None else None
        fps = float(video.spec.fps) if video is not None else 1.0
        return Media(cursor, fps, AudioCursor(audio) if audio is not None else None, rng.random())

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


async def _score_vmaf(vmaf: VmafSamples, context: Context) -> None:
    try:
        await asyncio.to_thread(vmaf.score)
    except MediaError as error:
        context.complain(error, phase="vmaf")


async def _interruptible(work: Any, run: _Run) -> None:
    """Ctrl-C and SIGTERM cancel the work once; the meetings then leave, within a deadline."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()

    def interrupt() -> None:
        if not run.interrupted:  # once: the meetings then leave, and that must not be cut short
            run.interrupted = True
            task.cancel()

    handled = [number for number in (signal.SIGINT, signal.SIGTERM) if _handle(loop, number, interrupt)]
    try:
        await task
    except asyncio.CancelledError:
        if not run.interrupted:
            raise
        if closing := [asyncio.ensure_future(meeting.close()) for meeting in run.meetings]:
            await asyncio.wait(closing, timeout=_CLOSE_DEADLINE)
    finally:
        for number in handled:
            loop.remove_signal_handler(number)


def _handle(loop: asyncio.AbstractEventLoop, number: signal.Signals, interrupt: Callable[[], None]) -> bool:
    try:
        loop.add_signal_handler(number, interrupt)
    except (NotImplementedError, RuntimeError, ValueError):
        return False  # not the main thread, or no signals here: the caller ends the run
    return True


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


__all__ = ["Progress", "RunOptions", "run_scenario"]
