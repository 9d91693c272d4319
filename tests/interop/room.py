"""A room with headless participants of ours in it: the embedded shim's, for a browser to join, or another server's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from probe.client.context import Context, Depth
from probe.client.participant import Participant
from probe.client.seams import Media, Somebody
from probe.client.vmaf_samples import VmafSamples
from probe.measure.savings import SavingsLedger
from probe.media.audio import AudioCursor, EncodedAudio
from probe.media.decode_pool import DecodePool
from probe.media.video import EncodedVideo, VideoCursor
from probe.model.samples import Sample
from probe.signalling import base
from probe.signalling.access import Access
from probe.signalling.shim import ShimSignalling
from sfu_shim.config import ShimConfig
from sfu_shim.server import ShimServer
from tests.interop.party import DEADLINE, make_context

TOKEN = "interop"  # pages of another origin need one
ROOM = "interop"


class Room:
    """`url` is the shim's, where it is one. Observes its participants' migrations: `moves` are (migration, failure)."""

    def __init__(
        self,
        url: str,
        context: Context,
        audio: EncodedAudio,
        samples: list[Sample],
        new_signalling: Callable[[], base.Signalling] | None = None,
    ) -> None:
        self.url = url
        self.context = context
        self.samples = samples
        self.participants: list[Participant] = []
        self.moves: list[tuple[str, str]] = []
        self._audio = audio
        self._new_signalling = new_signalling or (lambda: ShimSignalling(url, Access(TOKEN)))

    async def enter(self, name: str) -> Participant:
        """A headless participant joins. Returns when it has decoded somebody's video, or is alone."""
        assert self.context.video is not None
        media = Media(
            VideoCursor(self.context.video, len(self.participants)),
            float(self.context.video.spec.fps),
            AudioCursor(self._audio),
            0.3 * len(self.participants),
        )
        who = Participant(
            self.context,
            self._new_signalling(),
            media,
            self,
            SavingsLedger(),
            VmafSamples(self.context, enabled=False),
        )
        self.participants.append(who)
        await who.join(ROOM, name, self.context.clock.now(), DEADLINE)
        return who

    async def close(self) -> None:
        """Everybody leaves. Idempotent."""
        await asyncio.gather(*(who.leave() for who in self.participants))

    def signalling_lost(self, who: Somebody, now: float) -> None:
        """Counts as a drop, which the tests look for."""

    def migration_started(self, who: Somebody, migration: base.MigrationStarted, now: float) -> None:
        """The end tells all."""

    def migration_ended(self, who: Somebody, migration: str, failure: str, now: float) -> None:
        self.moves.append((migration, failure))


def frames_seen(who: Participant, remote: str) -> int:
    """Pictures of `remote` that `who` has decoded so far."""
    return who.views[remote].timelines["video"].new if remote in who.views else 0


@asynccontextmanager
async def room_on(
    new_signalling: Callable[[], base.Signalling], video: EncodedVideo, audio: EncodedAudio, depth: Depth = "pictures"
) -> AsyncIterator[Room]:
    """A room on whatever server the adapters enter. All leave at the end."""
    samples: list[Sample] = []
    context = make_context(video, (video.spec.codec,), samples.append)
    context.depth, context.pool = depth, DecodePool(1) if depth == "pictures" else None
    room = Room("", context, audio, samples, new_signalling)
    try:
        yield room
        assert not context.crashes
    finally:
        await room.close()
        context.wheel.close()
        context.chores.close()
        if context.pool is not None:
            await asyncio.to_thread(context.pool.close)


@asynccontextmanager
async def open_room(video: EncodedVideo, audio: EncodedAudio) -> AsyncIterator[Room]:
    """Server, context and room; all closed at the end."""
    samples: list[Sample] = []
    server = ShimServer(ShimConfig(port=0, token=TOKEN))
    context = make_context(video, (video.spec.codec,), samples.append)
    context.depth, context.pool = "pictures", DecodePool(1)
    room = Room(await server.start(), context, audio, samples)
    try:
        yield room
        assert not context.crashes
    finally:
        await room.close()
        context.wheel.close()
        await asyncio.to_thread(context.pool.close)
        await server.stop()
