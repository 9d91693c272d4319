"""Participants of ours at WHIP and WHEP endpoints, one context for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from probe.client.context import Context
from probe.client.participant import Participant
from probe.client.seams import Media, Somebody
from probe.client.vmaf_samples import VmafSamples
from probe.measure.savings import SavingsLedger
from probe.media.audio import AudioCursor, EncodedAudio
from probe.media.decode_pool import DecodePool
from probe.media.video import EncodedVideo, VideoCursor
from probe.model.samples import Sample
from probe.signalling import base
from tests.interop.party import DEADLINE, make_context


class Stage:
    """Lets participants in through whatever signalling they bring."""

    def __init__(self, context: Context, audio: EncodedAudio, samples: list[Sample]) -> None:
        self.context = context
        self.samples = samples
        self.participants: list[Participant] = []
        self._audio = audio

    async def enter(self, signalling: base.Signalling, name: str, room: str = "stage") -> Participant:
        """Returns when its join is over."""
        assert self.context.video is not None
        media = Media(
            VideoCursor(self.context.video, len(self.participants)),
            float(self.context.video.spec.fps),
            AudioCursor(self._audio),
            0.3 * len(self.participants),
        )
        vmaf = VmafSamples(self.context, enabled=False)
        who = Participant(self.context, signalling, media, self, SavingsLedger(), vmaf)
        self.participants.append(who)
        await who.join(room, name, self.context.clock.now(), DEADLINE)
        return who

    async def close(self) -> None:
        """Everybody leaves. Idempotent."""
        await asyncio.gather(*(who.leave() for who in self.participants))

    def signalling_lost(self, who: Somebody, now: float) -> None:
        """Counts as a drop, which the tests look for."""

    def migration_started(self, who: Somebody, migration: base.MigrationStarted, now: float) -> None:
        """The end tells all."""

    def migration_ended(self, who: Somebody, migration: str, failure: str, now: float) -> None:
        """Nothing is measured here."""


@asynccontextmanager
async def open_stage(video: EncodedVideo, audio: EncodedAudio) -> AsyncIterator[Stage]:
    """Context and stage, closed at the end."""
    samples: list[Sample] = []
    context = make_context(video, (video.spec.codec,), samples.append)
    context.depth, context.pool = "pictures", DecodePool(1)
    stage = Stage(context, audio, samples)
    try:
        yield stage
        assert not context.crashes
    finally:
        await stage.close()
        context.wheel.close()
        context.chores.close()
        await asyncio.to_thread(context.pool.close)
