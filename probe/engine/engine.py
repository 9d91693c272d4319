"""Holds meetings in this process: all of a run's, or one process's share of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import islice

from probe.client.context import Context
from probe.client.dumps.folder import Dumps
from probe.client.entry import Entry
from probe.client.meeting import Meeting
from probe.client.participant import Participant
from probe.engine.browsers import Browsers, browsers
from probe.engine.outcome import Outcome
from probe.engine.protocol import MAX_LISTED, Hold, Setup, Snapshot
from probe.engine.venue import Venue
from probe.model.samples import Sample, SampleBatch
from probe.signalling.viewing import viewing
from probe.spool import Spool
from probe.stage import NO_CONTENTS, Contents, networks_of, prepare, stage
from reports.slices import Slices, Want
from reports.units import UnitWant

BEAT = 0.25
"""Seconds between two flushes of the spool, and between two snapshots."""
CLOSE_DEADLINE = 20.0


class Engine:
    """Made by `engine(setup)`. Hold the rounds one after the other, close, deliver."""

    def __init__(
        self,
        setup: Setup,
        context: Context,
        contents: Contents,
        spool: Spool,
        outcome: Outcome,
        guests: Browsers | None = None,
    ) -> None:
        self._setup = setup
        self._guests = guests or Browsers(None, setup, context, outcome.browsers)
        self._context = context
        self._spool = spool
        self._outcome = outcome
        # The pictures of one engine's meetings are as good a sample as those of all, and VMAF is dear; one asks for all.
        first = setup.number == 1
        checks = setup.scenario.http if first else ()
        self._venue = Venue(context, contents, setup.platform, self._present, vmaf=first, checks=checks)
        self._meetings: dict[int, Meeting] = {}

    async def hold(self, hold: Hold) -> None:
        """The meetings of one round, until the last is over. What a meeting raises is kept as a bug of ours."""
        scenario, runs = self._setup.scenario, []
        self._venue.open(scenario.observe, self._joined, hold.start)
        for place in hold.meetings:
            number = hold.round * scenario.meetings + place + 1
            room = self._setup.platform.room_of(self._setup.stamp, number)
            meeting = self._meetings[number] = self._venue.new_meeting(scenario, room, guests=self._guests.enter)
            runs.append(meeting.run(hold.start + place * scenario.meeting_spacing))
        for outcome in await asyncio.gather(*runs, return_exceptions=True):
            if isinstance(outcome, Exception):
                self._context.crashed(outcome)

    def _joined(self) -> list[Participant]:
        there = (entry for meeting in self._meetings.values() for entry in meeting.entries)
        return [entry.participant for entry in there if entry.inside]

    def _present(self, change: int) -> None:
        self._outcome.presence.append((self._context.clock.now(), change))

    async def close(self) -> None:
        """Nobody stays behind, whether the meetings came to their end or were called off; the generator is not watched further.
        Idempotent."""
        self._venue.stop_looking()
        if closing := [asyncio.ensure_future(meeting.close()) for meeting in self._meetings.values()]:
            await asyncio.wait(closing, timeout=CLOSE_DEADLINE)
        await self._venue.close()

    async def deliver(self, *, vmaf: bool = True) -> Outcome:
        """What was measured, once `close` is done."""
        context, outcome = self._context, self._outcome
        context.flush()
        if vmaf:
            await self._venue.score()
        outcome.worst_frames = await self._venue.draw()
        self._spool.flush()
        if self._spool.error is not None:
            context.complain(self._spool.error)
        if context.dumps is not None:
            await asyncio.to_thread(context.dumps.close)
            if context.dumps.error is not None:
                context.complain(context.dumps.error)
        for number, meeting in self._meetings.items():
            outcome.migrations[number] = [migration.to_dict() for migration in meeting.migrations]
            outcome.participants[number] = [entry.to_dict() for entry in meeting.entries]
        outcome.health, outcome.ledger = self._venue.read_health(), self._venue.ledger
        outcome.observed = Counter(context.observed)
        outcome.errors, outcome.crashes = Counter(context.errors), Counter(context.crashes)
        outcome.noticed = Counter(
            {(at - context.epoch, words): count for (at, words), count in context.noticed.items()}
        )
        if context.emulation is not None:
            outcome.networks, told = Counter(context.emulation.networks), context.emulation.disturbed.items()
            outcome.disturbed = Counter({(second - context.epoch, words): count for (second, words), count in told})
        return outcome

    def running(self) -> Outcome:
        """What was measured so far; don't change it."""
        self._outcome.health = self._venue.read_health()
        return self._outcome

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
    sends = not setup.scenario.watch or viewing(setup.platform)[1] is not None
    contents = await prepare(setup.scenario) if sends else NO_CONTENTS
    dumps = Dumps(setup.dump_stats, setup.number, setup.platform.url) if setup.dump_stats is not None else None
    slices = Slices((Want(*one) for one in setup.slices), (UnitWant(*one) for one in setup.units))
    spool, outcome = Spool(setup.spool, join=True), Outcome(slices=slices)

    def sink(sample: Sample) -> None:
        outcome.summary.add(sample)
        outcome.series.add(sample)
        outcome.slices.add(sample)
        spool.add(sample)

    def batch_sink(batch: SampleBatch) -> None:
        outcome.summary.add_batch(batch)
        outcome.series.add_batch(batch)
        outcome.slices.add_batch(batch)
        spool.add_batch(batch)

    try:
        async with stage(
            setup.scenario, setup.platform.url, contents, networks, sink, setup.epoch, setup.platform.tls
        ) as context:
            context.batch_sink, context.dumps = batch_sink, dumps
            flushing = asyncio.create_task(_flush(spool))
            try:
                async with browsers(setup, context, outcome.browsers) as guests:
                    yield Engine(setup, context, contents, spool, outcome, guests)
            finally:
                flushing.cancel()
    finally:
        spool.close()
        if dumps is not None:
            dumps.close()


async def _flush(spool: Spool) -> None:
    """What is on disk outlives this process."""
    while True:
        await asyncio.sleep(BEAT)
        spool.flush()
