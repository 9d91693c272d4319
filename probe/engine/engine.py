"""Holds meetings in this process: all of a run's, or one process's share of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import islice

from probe.client.context import Context
from probe.client.generator_watch import GeneratorWatch
from probe.client.meeting import Entry, Meeting
from probe.client.participant import Participant
from probe.client.rotation import Rotation
from probe.client.seams import Media
from probe.client.vmaf_samples import VmafSamples
from probe.engine.outcome import Outcome
from probe.engine.protocol import MAX_LISTED, Hold, Setup, Snapshot
from probe.measure.health import GeneratorHealth
from probe.media.vmaf import available as vmaf_available
from probe.model.errors import MediaError
from probe.model.samples import Sample, SampleBatch
from probe.signalling.choose import open_signalling
from probe.spool import Spool
from probe.stage import Contents, networks_of, prepare, stage

BEAT = 0.25
"""Seconds between two flushes of the spool, and between two snapshots."""
CLOSE_DEADLINE = 20.0
_FIRST_LOOK = 2.0
"""Seconds after the first join until the first look at pictures, where they are sampled."""


class Engine:
    """Made by `engine(setup)`. Hold the rounds one after the other, close, deliver."""

    def __init__(self, setup: Setup, context: Context, contents: Contents, spool: Spool, outcome: Outcome) -> None:
        # The pictures of one engine's meetings are as good a sample as those of all, and VMAF is dear.
        enabled = setup.number == 1 and contents.video is not None and vmaf_available()
        self._setup = setup
        self._context = context
        self._contents = contents
        self._spool = spool
        self._outcome = outcome
        self._vmaf = VmafSamples(context, enabled=enabled)
        self._meetings: dict[int, Meeting] = {}
        self._watch: GeneratorWatch | None = None
        self._rotation: Rotation | None = None

    async def hold(self, hold: Hold) -> None:
        """The meetings of one round, until the last is over. What a meeting raises is kept as a bug of ours."""
        self._watch = self._watch or GeneratorWatch(self._context)
        scenario, runs = self._setup.scenario, []
        self._rotate(hold.start + _FIRST_LOOK)
        for place in hold.meetings:
            number = hold.round * scenario.meetings + place + 1
            meeting = self._meetings[number] = self._new_meeting(number)
            runs.append(meeting.run(hold.start + place * scenario.meeting_spacing))
        for outcome in await asyncio.gather(*runs, return_exceptions=True):
            if isinstance(outcome, Exception):
                self._context.crashed(outcome)

    def _rotate(self, first: float) -> None:
        """From monotonic `first` on some look at pictures, in turn, where most look at headers only."""
        observe = self._setup.scenario.observe
        if observe.pictures and self._rotation is None and self._contents.video is not None:
            self._rotation = Rotation(self._context.wheel, observe.pictures, observe.rotate, self._joined, first)

    def _joined(self) -> list[Participant]:
        there = (entry for meeting in self._meetings.values() for entry in meeting.entries)
        return [entry.participant for entry in there if entry.joined and entry.participant.left_at is None]

    def _new_meeting(self, number: int) -> Meeting:
        setup, context = self._setup, self._context

        def new_media() -> Media:
            return self._contents.media(context.rng)

        return Meeting(
            context, setup.scenario, f"probe-{setup.stamp}-{number}", lambda: open_signalling(setup.url, setup.token),
            new_media, self._outcome.ledger, self._vmaf, self._present,
        )  # fmt: skip

    def _present(self, change: int) -> None:
        self._outcome.presence.append((self._context.clock.now(), change))

    async def close(self) -> None:
        """Nobody stays behind, whether the meetings came to their end or were called off; the generator is not watched further.
        Idempotent."""
        if self._rotation is not None:
            self._rotation.close()
        if closing := [asyncio.ensure_future(meeting.close()) for meeting in self._meetings.values()]:
            await asyncio.wait(closing, timeout=CLOSE_DEADLINE)
        if self._watch is not None:
            self._watch.close()
            self._watch, context = None, self._context
            context.health.socket_drops(context.socket_drops)
            # A copy of this moment: the load of VMAF, which follows, is nobody's call.
            self._outcome.health = GeneratorHealth.from_dict(context.health.to_dict())

    async def deliver(self, *, vmaf: bool = True) -> Outcome:
        """What was measured, once `close` is done."""
        context, outcome = self._context, self._outcome
        context.flush()
        if vmaf:
            try:
                await asyncio.to_thread(self._vmaf.score)
            except MediaError as error:
                context.complain(error, phase="vmaf")
        self._spool.flush()
        if self._spool.error is not None:
            context.complain(self._spool.error)
        for number, meeting in self._meetings.items():
            outcome.migrations[number] = [migration.to_dict() for migration in meeting.migrations]
            outcome.participants[number] = [entry.to_dict() for entry in meeting.entries]
        outcome.observed = Counter(context.observed)
        outcome.errors, outcome.crashes = Counter(context.errors), Counter(context.crashes)
        accesses = context.emulation.accesses.values() if context.emulation is not None else ()
        outcome.networks = Counter((access.network.name, access.network.source) for access in accesses)
        return outcome

    def snapshot(self) -> Snapshot:
        """How it goes."""
        entries = [entry for meeting in self._meetings.values() for entry in meeting.entries]
        moves = [migration for meeting in self._meetings.values() for migration in meeting.migrations]
        there = sum(1 for _ in self._there())
        return Snapshot(
            participants=tuple(entry.now() for entry in islice(self._there(), MAX_LISTED)),
            unlisted=max(0, there - MAX_LISTED),
            joins=sum(entry.joined for entry in entries),
            joins_failed=sum(entry.error is not None for entry in entries),
            migrations=len(moves),
            migrations_failed=sum(not move.success for move in moves),
        )

    def _there(self) -> Iterator[Entry]:
        return (entry for meeting in self._meetings.values() if meeting.state != "over" for entry in meeting.entries)


@asynccontextmanager
async def engine(setup: Setup) -> AsyncIterator[Engine]:
    """An engine on its stage, warmed up. Raises ConfigError and MediaError: nothing was sent yet."""
    networks = networks_of(setup.scenario)
    contents = await prepare(setup.scenario)
    spool, outcome = Spool(setup.spool, join=True), Outcome()

    def sink(sample: Sample) -> None:
        outcome.summary.add(sample)
        spool.add(sample)

    def batch_sink(batch: SampleBatch) -> None:
        outcome.summary.add_batch(batch)
        spool.add_batch(batch)

    try:
        async with stage(setup.scenario, setup.url, contents, networks, sink, setup.epoch) as context:
            context.batch_sink = batch_sink
            flushing = asyncio.create_task(_flush(spool))
            try:
                yield Engine(setup, context, contents, spool, outcome)
            finally:
                flushing.cancel()
    finally:
        spool.close()


async def _flush(spool: Spool) -> None:
    """What is on disk outlives this process."""
    while True:
        await asyncio.sleep(BEAT)
        spool.flush()
