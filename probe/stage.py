"""What a run stands on: media, a server, the clock and timers, decoders. Everything slow is done here, before the first join."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from probe import native
from probe.client.context import Context
from probe.client.emulation import Emulation
from probe.client.fast_publisher import Pacing
from probe.client.seams import Media
from probe.client.warm_up import warm_up
from probe.measure.health import GeneratorHealth
from probe.media.audio import AudioCursor, AudioSpec, EncodedAudio, prepare_audio
from probe.media.decode_pool import DecodePool
from probe.media.prepare import prepare_video
from probe.media.video import EncodedVideo, VideoCursor, VideoSpec
from probe.model.platform import SYSTEM, Tls
from probe.model.samples import Sample
from probe.model.scenario import Scenario
from probe.rtc.addresses import gathering_addresses
from probe.rtc.clock import Clock
from probe.rtc.ice_server import ice_choice
from probe.rtc.reading import Reading
from probe.rtc.wheel import TimerWheel
from sfu_shim.config import ShimConfig
from sfu_shim.core.link.profiles import Network, parse_network
from sfu_shim.core.policy import Policy
from sfu_shim.server import ShimServer

_CONNECT_DEADLINE = 10.0
_NICENESS = -10
_SWITCH_INTERVAL = 0.0005
"""Seconds a decoder thread may hold the interpreter while the packet path waits: Python's own 5 ms are a packet's time."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The encoded media that all participants share; None for a kind that is off."""

    video: EncodedVideo | None
    audio: EncodedAudio | None

    def media(self, rng: random.Random) -> Media:
        """One participant's camera and microphone: a place in the loop and a phase of their own."""
        video = self.video
        return Media(
            video=VideoCursor(video, rng.randrange(video.spec.seconds)) if video is not None else None,
            fps=float(video.spec.fps) if video is not None else 1.0,
            audio=AudioCursor(self.audio) if self.audio is not None else None,
            phase=rng.random(),
        )


NO_CONTENTS = Contents(None, None)
"""Where nobody of ours sends."""


async def prepare(scenario: Scenario) -> Contents:
    """Encode, or take from the cache. Raises MediaError for a file that can't be used."""
    video, audio = scenario.media.video, scenario.media.audio

    def make_video() -> EncodedVideo | None:
        return prepare_video(VideoSpec(**video.model_dump())) if video is not None else None

    def make_audio() -> EncodedAudio | None:
        return prepare_audio(AudioSpec(**audio.model_dump())) if audio is not None else None

    made = await asyncio.gather(asyncio.to_thread(make_video), asyncio.to_thread(make_audio))
    return Contents(*made)


def networks_of(scenario: Scenario) -> Callable[[int], Network | None]:
    """Who gets which emulated access, by the order of entering. Raises ConfigError for one that can't be."""
    common = parse_network(scenario.network) if scenario.network is not None else None
    single = [
        parse_network(told, where=f"networks[{position}]") if told is not None else None
        for position, told in enumerate(scenario.networks)
    ]
    return lambda position: single[position] if position < len(single) else common


@asynccontextmanager
async def server(url: str | None, scenario: Scenario) -> AsyncIterator[str]:
    """The URL to meet at: `url`, or that of a shim embedded in this process for as long as the context lasts."""
    if url is not None:
        yield url
        return
    policy = Policy(p2p_limit=scenario.p2p_limit, migration_deadline=scenario.migration_deadline)
    shim = ShimServer(ShimConfig(port=0, policy=policy))
    found = await shim.start()
    try:
        yield found
    finally:
        await shim.stop()


@asynccontextmanager
async def stage(
    scenario: Scenario,
    url: str | None,
    contents: Contents,
    networks: Callable[[int], Network | None],
    sink: Callable[[Sample], None],
    epoch: float | None = None,
    tls: Tls = SYSTEM,
) -> AsyncIterator[Context]:
    """The shared context, warmed up. Sample times count from `epoch` (monotonic), or from now. `tls` judges TURN servers, too. What
    a task or a callback raises without being caught is counted as our bug."""
    niceness = _step_forward()  # before the decoder threads are made, which inherit it
    clock, health = Clock(), GeneratorHealth()
    addresses, rng = gathering_addresses(scenario.addresses, url, scenario.ice.families), random.Random()
    context = Context(
        clock=clock,
        wheel=TimerWheel(clock, health.pacing_error),
        health=health,
        sink=sink,
        depth=scenario.observe.depth,
        rng=rng,
        epoch=epoch if epoch is not None else clock.now(),
        video=contents.video,
        pool=DecodePool() if scenario.observe.depth == "pictures" or scenario.observe.pictures else None,
        # Who watches takes what there is.
        codecs=(scenario.media.video.codec,) if scenario.media.video and not scenario.watch else (),
        addresses=addresses,
        connect_deadline=min(_CONNECT_DEADLINE, scenario.join_deadline),
        emulation=Emulation(clock, addresses, rng),
        networks=networks,
        authenticate_every=max(1, round(1 / scenario.observe.authenticate)),
        ice=ice_choice(scenario.ice, os.environ, time.time(), tls),
    )
    if scenario.observe.depth == "headers" and native.available():
        context.reading = Reading(clock, context.beat)
        context.pacing = Pacing(
            clock, context.wheel, health.pacing_errors, beat=context.beat, between=context.reading.drain
        )
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, what: context.crashed(what.get("exception") or RuntimeError(what["message"])))
    await _warm_up(context)
    try:
        yield context
    finally:
        context.garbage.end()
        loop.set_exception_handler(None)
        os.setpriority(os.PRIO_PROCESS, 0, niceness)
        if context.pacing is not None:
            context.pacing.close()
        context.beat.stop()
        context.wheel.close()
        context.chores.close()
        if context.reading is not None:
            context.reading.close()
        if context.emulation is not None:
            context.emulation.close()
        if context.pool is not None:
            await asyncio.to_thread(context.pool.close)


def _step_forward() -> int:
    """Ask the scheduler to run us before what else the machine does: an instrument that waits for a processor misreads. Only
    root may; for others nothing changes, and the health tells. Returns the priority to go back to."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    try:
        os.setpriority(os.PRIO_PROCESS, 0, min(before, _NICENESS))
    except PermissionError:
        return before
    return before


async def _warm_up(context: Context) -> None:
    """What is slow once is done before anybody's click is timed and before the generator is watched."""
    sys.setswitchinterval(_SWITCH_INTERVAL)
    await warm_up(context.clock)
    context.garbage.begin()
