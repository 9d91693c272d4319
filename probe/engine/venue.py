"""Where an engine holds its meetings: what they are made with, who watches the generator, and whose pictures are looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from probe.client.api_calls import hear
from probe.client.camera import camera
from probe.client.context import Context
from probe.client.generator_watch import GeneratorWatch
from probe.client.meeting import Guests, Meeting
from probe.client.operations import Operation, unheard
from probe.client.participant import Participant
from probe.client.rotation import Rotation
from probe.client.seams import NOTHING, Media
from probe.client.vmaf_samples import VmafSamples
from probe.engine.http_checks import HttpChecks
from probe.measure.health import GeneratorHealth
from probe.measure.savings import SavingsLedger
from probe.media.vmaf import available as vmaf_available
from probe.model.errors import MediaError
from probe.model.http_check import HttpCheck
from probe.model.platform import Platform
from probe.model.scenario import Observe, Scenario
from probe.signalling.choose import open_signalling
from probe.signalling.viewing import viewing
from probe.stage import Contents

_FIRST_LOOK = 2.0
"""Seconds after the first join until the first look at pictures, where they are sampled."""


class Venue:
    """`open` before the first join, `close` after the last leave, then `score`. `ledger` is of all meetings held here, whose
    comings and goings `present` hears. `checks` are made in between. Raises ConfigError for one that can't be made."""

    def __init__(
        self,
        context: Context,
        contents: Contents,
        platform: Platform,
        present: Callable[[int], None],
        *,
        vmaf: bool,
        checks: Sequence[HttpCheck] = (),
    ) -> None:
        self.ledger = SavingsLedger()
        self._context = context
        self._contents = contents
        self._platform = platform
        self._heard = hear(context, "signalling")
        self._checks = HttpChecks(context, checks, platform)
        self._present = present
        self._vmaf = VmafSamples(context, enabled=vmaf and contents.video is not None and vmaf_available())
        self._watch: GeneratorWatch | None = None
        self._rotation: Rotation | None = None
        self._health: GeneratorHealth | None = None

    def open(self, observe: Observe, there: Callable[[], Sequence[Participant]], start: float) -> None:
        """From now on the generator is watched, and the checks are made. Where most look at headers only, some of those who are
        `there` look at pictures, in turn, from a moment after monotonic `start` on. Once is enough."""
        self._watch = self._watch or GeneratorWatch(self._context)
        self._checks.start()
        if observe.pictures and self._rotation is None and self._contents.video is not None:
            self._rotation = Rotation(self._context.wheel, observe.pictures, observe.rotate, there, start + _FIRST_LOOK)

    def new_meeting(
        self,
        scenario: Scenario,
        room: str,
        tell: Callable[[Operation], None] = unheard,
        guests: Guests = lambda room: nullcontext(),
    ) -> Meeting:
        """A meeting that nobody has joined, in that room."""
        context = self._context
        place, stage = viewing(self._platform) if scenario.watch else (self._platform, None)

        def new_media() -> Media:
            return NOTHING if scenario.watch else self._contents.media(context.rng)

        def before(room: str) -> AbstractAsyncContextManager[None]:
            return self._camera(scenario, stage, room) if stage is not None else nullcontext()

        return Meeting(
            context, scenario, room, lambda: open_signalling(place, self._heard), new_media, self.ledger, self._vmaf,
            self._present, tell, guests, before,
        )  # fmt: skip

    def _camera(self, scenario: Scenario, stage: Platform, room: str) -> AbstractAsyncContextManager[None]:
        """What is watched, where nobody else's is."""
        assert scenario.media.video is not None
        media, codec = self._contents.media(self._context.rng), scenario.media.video.codec
        return camera(self._context, open_signalling(stage), media, codec, room, scenario.join_deadline)

    def stop_looking(self) -> None:
        """No more turns: everybody is about to leave."""
        if self._rotation is not None:
            self._rotation.close()

    async def close(self) -> None:
        """The generator is watched no further. Idempotent."""
        await self._checks.close()
        if self._watch is None:
            return
        self._watch.close()
        self._watch = None
        # A copy of this moment: the load of VMAF, which follows, is nobody's call.
        self._health = GeneratorHealth.from_dict(self.read_health().to_dict())

    def read_health(self) -> GeneratorHealth:
        """The generator's, up to now or to the close."""
        if self._health is not None:
            return self._health
        self._context.health.socket_drops(self._context.socket_drops)
        return self._context.health

    async def draw(self) -> list[Mapping[str, Any]]:
        """The report's `worst_frames`: some 10 ms."""
        try:
            return await asyncio.to_thread(self._context.worst.draw, self._contents.video)
        except MediaError as error:
            self._context.complain(error, phase="thumbnail")
            return []

    async def score(self) -> None:
        """VMAF of the pictures that were kept, a second or so for each topology."""
        try:
            await asyncio.to_thread(self._vmaf.score)
        except MediaError as error:
            self._context.complain(error, phase="vmaf")
