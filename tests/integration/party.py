"""A meeting of real participants on a real shim, with its insides at hand: for what a test must break on purpose."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from probe.client.context import Context, Depth
from probe.client.meeting import Meeting
from probe.client.participant import Participant
from probe.client.seams import Media
from probe.client.vmaf_samples import VmafSamples
from probe.measure.health import GeneratorHealth
from probe.measure.savings import SavingsLedger
from probe.media.audio import AudioCursor, AudioSpec, prepare_audio
from probe.media.decode_pool import DecodePool
from probe.media.prepare import prepare_video
from probe.media.video import VideoCursor, VideoSpec
from probe.model.samples import Sample
from probe.model.scenario import Scenario
from probe.rtc.clock import Clock
from probe.rtc.wheel import TimerWheel
from probe.signalling.access import Access
from probe.signalling.base import Signalling
from probe.signalling.shim import ShimSignalling
from sfu_shim.config import ShimConfig
from sfu_shim.core.policy import Policy
from sfu_shim.server import ShimServer
from tests.integration.small import AUDIO, VIDEO


@dataclass
class Party:
    """`meeting` is not running yet. `samples` fills as they are taken."""

    meeting: Meeting
    context: Context
    samples: list[Sample] = field(default_factory=list)
    present: int = 0

    def values(self, metric: str, **detail: str) -> list[float]:
        """Values of that metric with that detail."""
        return [s.value for s in self.samples if s.metric == metric and detail.items() <= dict(s.detail).items()]

    @property
    def participants(self) -> list[Participant]:
        return [entry.participant for entry in self.meeting.entries]

    async def until(self, condition: Callable[[], bool], within: float = 10.0) -> None:
        """Wait for it, fail after `within` seconds."""
        async with asyncio.timeout(within):
            while not condition():  # noqa: ASYNC110 - it looks at things that know of no event
                await asyncio.sleep(0.02)

    def all_see_each_other(self, number: int) -> bool:
        """Whether `number` participants are in, and each has seen a second or so of everybody else."""
        there = [who for who in self.participants if who.left_at is None]
        return len(there) == number and all(
            len(who.views) == number - 1 and all(view.timelines["video"].new >= 8 for view in who.views.values())
            for who in there
        )


def _as_it_is(signalling: Signalling) -> Signalling:
    return signalling


@asynccontextmanager
async def party(
    scenario: Scenario, around: Callable[[Signalling], Signalling] = _as_it_is, depth: Depth = "pictures"
) -> AsyncIterator[Party]:
    """Everything that a run has, without the run. `around` may put something between participants and server."""
    clock, health = Clock(), GeneratorHealth()
    wheel = TimerWheel(clock, health.pacing_error)
    video = prepare_video(
        VideoSpec(
            width=VIDEO.width, height=VIDEO.height, fps=VIDEO.fps, bitrate_bps=VIDEO.bitrate_bps, seconds=VIDEO.seconds
        )
    )
    audio = prepare_audio(AudioSpec(bitrate_bps=AUDIO.bitrate_bps, seconds=AUDIO.seconds))
    samples: list[Sample] = []
    pool = DecodePool()
    context = Context(
        clock=clock, wheel=wheel, health=health, sink=samples.append, depth=depth, rng=random.Random(7),
        epoch=clock.now(), video=video, pool=pool, codecs=("VP8",), connect_deadline=2.0,
    )  # fmt: skip
    policy = Policy(p2p_limit=scenario.p2p_limit, migration_deadline=scenario.migration_deadline)
    server = ShimServer(ShimConfig(port=0, policy=policy))
    url = await server.start()
    vmaf = VmafSamples(context, enabled=False)

    def new_media() -> Media:
        return Media(VideoCursor(video, 0), float(video.spec.fps), AudioCursor(audio), context.rng.random())

    def present(change: int) -> None:
        found.present += change

    meeting = Meeting(
        context,
        scenario,
        "room",
        lambda: around(ShimSignalling(url, Access())),
        new_media,
        SavingsLedger(),
        vmaf,
        present,
    )
    found = Party(meeting, context, samples)
    try:
        yield found
    finally:
        await meeting.close()
        await server.stop()
        wheel.close()
        context.chores.close()
        await asyncio.to_thread(pool.close)


def vanish(participant: Participant) -> None:
    """Its process is killed: every socket is gone in an instant, and nobody is told."""
    for path in participant.paths.values():
        for endpoint in path.peer._stack._endpoints:
            endpoint.close()
    socket = participant._signalling._socket._socket  # type: ignore[attr-defined]
    socket._response.connection.transport.abort()
