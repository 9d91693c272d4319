"""A camera of ours, where no other is there to be watched: it publishes, and nothing that it measures is anybody's reading."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from probe.client.context import Context
from probe.client.participant import Participant
from probe.client.seams import Media, Somebody
from probe.client.vmaf_samples import VmafSamples
from probe.measure.savings import SavingsLedger
from probe.model.errors import ProbeError
from probe.model.samples import Sample
from probe.signalling import base


class _Alone:
    """Observes a participant to whom nothing happens."""

    def migration_started(self, who: Somebody, migration: base.MigrationStarted, now: float) -> None:
        """A server that only takes in a stream moves nothing."""

    def migration_ended(self, who: Somebody, migration: str, failure: str, now: float) -> None:
        """Nor does it end anything."""

    def signalling_lost(self, who: Somebody, now: float) -> None:
        """It complains itself, and the viewers see it."""


def _unread(sample: Sample) -> None:
    """The figures are those of the viewers."""


@asynccontextmanager
async def camera(
    context: Context, signalling: base.Signalling, media: Media, codec: str, room: str, deadline: float
) -> AsyncIterator[None]:
    """Publishes `media`, video of that codec, in the room, connected when the context begins, for as long as it lasts.

    It has no emulated network: the viewers' is what is tried. Where it does not get in the context's errors say so, and those who
    come to watch find nobody.
    """
    own = copy.copy(context)
    own.sink, own.batch_sink, own.dumps, own.observed = _unread, None, None, Counter()
    own.codecs, own.socket_drops = (codec,), 0
    name = f"{room}-camera"
    player = Participant(own, signalling, media, _Alone(), SavingsLedger(), VmafSamples(own, enabled=False))
    try:
        try:
            await player.join(room, name, context.clock.now(), deadline)
        except ProbeError as error:
            context.complain(error, who=name)
        yield
    finally:
        await player.leave()
        context.socket_drops += own.socket_drops
