"""One meeting of a scenario: who comes when, who visits, when the room is expected to move, and what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from probe.client.context import Context
from probe.client.moving import SUPERSEDED
from probe.client.participant import Participant
from probe.client.seams import Media, Somebody
from probe.client.vmaf_samples import VmafSamples
from probe.measure.migration import Migration, MigrationRecord, samples
from probe.measure.savings import SavingsLedger
from probe.model.errors import ProbeError
from probe.model.progress import ParticipantNow
from probe.model.scenario import Scenario
from probe.signalling import base

_TAIL = 1.0
"""Seconds after a migration that still belong to it: a gap may begin with the old path's end."""
_GRACE = 2.0


@dataclass(slots=True)
class Entry:
    """One participant's stay, for the report."""

    name: str
    meeting: str
    participant: Participant
    error: ProbeError | None = None
    joined: bool = False
    counted: bool = False
    topology: str = ""

    def now(self) -> ParticipantNow:
        """For the live display."""
        state = "failed" if self.error is not None else self.participant.state
        return ParticipantNow(self.meeting, self.name, state, **self.participant.figures())

    def to_dict(self) -> dict[str, Any]:
        """The row of the report's `participants`; times in seconds."""
        who, clock = self.participant, self.participant.join_clock
        timed = self.joined and who.expects_media and clock is not None
        return {
            "id": who.participant or self.name,
            "name": self.name,
            "meeting": self.meeting,
            "joined": self.joined,
            "topology": self.topology,
            "join_duration_seconds": clock.total if timed and clock is not None else None,
            "join_phases": clock.durations() if timed and clock is not None else {},
            "stay_seconds": who.left_at - who.joined_at if who.left_at and who.joined_at else None,
            "drops": [reason for _, reason in who.drops],
            "error": str(self.error) if self.error else None,
        }


@dataclass(slots=True)
class _Moving:
    """A migration under way: who was told of it, who is through, and for the waiting meeting the end of it."""

    record: MigrationRecord
    started: float
    told: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    failure: str = ""
    end: float = 0.0


class Meeting:
    """`new_participant(name)` makes a participant that has not joined. Facts go to the context, entries and migrations stay here."""

    def __init__(
        self,
        context: Context,
        scenario: Scenario,
        room: str,
        new_signalling: Callable[[], base.Signalling],
        new_media: Callable[[], Media],
        ledger: SavingsLedger,
        vmaf: VmafSamples,
        present: Callable[[int], None],
    ) -> None:
        self.room = room
        self.entries: list[Entry] = []
        self.migrations: list[Migration] = []
        self.state = "starting"
        self._context = context
        self._scenario = scenario
        self._new_signalling = new_signalling
        self._new_media = new_media
        self._ledger = ledger
        self._vmaf = vmaf
        self._present = present
        self._moving: dict[str, _Moving] = {}
        self._moved = asyncio.Event()
        self._visits = 0
        self._closing = False

    async def run(self, start: float) -> None:
        """The whole meeting, its first join intended at monotonic `start`. Failures are kept, not raised."""
        scenario = self._scenario
        try:
            await self._gather_core(start)
            if not self._members:
                return  # nobody got in: there is nothing to wait for
            self.state = "in call"
            for _ in range(scenario.cycles):
                await asyncio.sleep(scenario.settle)
                if scenario.visitors:
                    await self._visit()
            await asyncio.sleep(scenario.after)
        finally:
            self.state = "leaving"
            await self.close()
            self.state = "over"

    async def _gather_core(self, start: float) -> None:
        joins = []
        for position in range(self._scenario.participants):
            entry = self._new_entry(f"{self.room}-p{position + 1}", position)
            joins.append(asyncio.create_task(self._join(entry, start + position * self._scenario.join_spacing)))
            if position == 0 and self._scenario.topology != "hybrid":
                await joins[0]
                await self._pin(entry)
                start = max(start, self._context.clock.now() - self._scenario.join_spacing)
        await asyncio.gather(*joins)

    async def _pin(self, entry: Entry) -> None:
        """The first one in pins the room, before anybody else needs a path."""
        if entry.joined and self._scenario.topology != "hybrid":
            try:
                await entry.participant.force_topology(self._scenario.topology)
            except ProbeError as error:
                self._context.complain(error, who=entry.name)

    async def _visit(self) -> None:
        """Visitors come, the room moves, they stay and leave, the room moves back."""
        scenario, hybrid = self._scenario, self._scenario.migrates
        self._visits += 1
        self._moved.clear()
        now = self._context.clock.now()
        visitors = [
            self._new_entry(f"{self.room}-v{self._visits}.{n + 1}", scenario.participants + n)
            for n in range(scenario.visitors)
        ]
        await asyncio.gather(
            *(self._join(entry, now + n * scenario.join_spacing) for n, entry in enumerate(visitors)),
        )
        # Who did not get in moves nobody: that failure is counted already, as a join.
        if hybrid and len(self._members) > scenario.p2p_limit:
            await self._wait_for_move("p2p", "sfu")
        await asyncio.sleep(scenario.visit)
        self._moved.clear()
        on_sfu = any(member.topology == "sfu" for member in self._members)
        await asyncio.gather(*(self._leave(entry) for entry in visitors))
        if hybrid and on_sfu and len(self._members) > 1:
            await self._wait_for_move("sfu", "p2p")

    @property
    def _members(self) -> list[Participant]:
        """Who is in the meeting now."""
        return [entry.participant for entry in self.entries if entry.joined and entry.participant.left_at is None]

    def _new_entry(self, name: str, position: int) -> Entry:
        context = self._context
        participant = Participant(
            context,
            self._new_signalling(),
            self._new_media(),
            self,
            self._ledger,
            self._vmaf,
            context.networks(position),
        )
        entry = Entry(name, self.room, participant)
        self.entries.append(entry)
        return entry

    # joining and leaving

    async def _join(self, entry: Entry, intended: float) -> None:
        clock, who = self._context.clock, entry.participant
        await asyncio.sleep(max(0.0, intended - clock.now()))
        try:
            await who.join(self.room, entry.name, intended, self._scenario.join_deadline)
            entry.joined = True
        except ProbeError as error:
            entry.error = error
            self._context.complain(error, who=entry.name)
        entry.topology = who.topology or ""
        self._emit_join(entry)
        if entry.joined:
            self._present(+1)
        else:
            await who.leave()  # who did not get in is not half in: nobody waits for it

    def _emit_join(self, entry: Entry) -> None:
        who = entry.participant
        tags = {"topology": entry.topology} if entry.topology else {}
        self._context.emit("join_success_ratio", entry.joined, tags, who=entry.name, meeting=self.room)
        if not entry.joined or not who.expects_media or who.join_clock is None or who.join_clock.total is None:
            return
        self._context.emit("join_duration_seconds", who.join_clock.total, tags, who=entry.name, meeting=self.room)
        for phase, seconds in who.join_clock.durations().items():
            self._context.emit("join_phase_seconds", seconds, tags | {"phase": phase}, who=entry.name)

    async def _leave(self, entry: Entry) -> None:
        who = entry.participant
        await who.leave()
        if entry.joined and not entry.counted:
            entry.counted = True
            self._present(-1)
            self._context.emit("connection_stability_ratio", not who.drops, who=entry.name, meeting=self.room)

    async def close(self) -> None:
        """Everybody leaves. Idempotent. What the room does because we leave is no migration of the scenario's."""
        self._closing = True
        self._moving.clear()
        await asyncio.gather(*(self._leave(entry) for entry in self.entries))

    # migrations, as the participants tell of them

    def migration_started(self, who: Somebody, migration: base.MigrationStarted, now: float) -> None:
        """The first to be told starts the clock."""
        if self._closing:
            return
        moving = self._moving.get(migration.migration)
        if moving is None:
            start = now - self._context.epoch
            record = MigrationRecord(
                self.room, migration.source, migration.target, start, self._scenario.migration_deadline
            )
            moving = self._moving[migration.migration] = _Moving(record, now)
            self.state = f"moving to {migration.target}"
        moving.told.add(who.participant)

    def migration_ended(self, who: Somebody, migration: str, failure: str, now: float) -> None:
        """When the last one is through, the tail begins."""
        moving = self._moving.get(migration)
        if moving is None:
            return
        moving.ended.add(who.participant)
        moving.failure = moving.failure or failure
        moving.end = max(moving.end, now)
        self._check_over(migration, moving, now)

    def signalling_lost(self, who: Somebody, now: float) -> None:
        """It won't hear how the migrations end that it was told of: nobody waits for it."""
        for migration, moving in self._moving.items():
            self._check_over(migration, moving, now)

    def _check_over(self, migration: str, moving: _Moving, now: float) -> None:
        there = {
            e.participant.participant for e in self.entries if e.participant.left_at is None and not e.participant.lost
        }
        if (moving.told & there) <= moving.ended:
            self.state = "in call"
            self._context.wheel.at(now + _TAIL, lambda due: self._finish_move(migration, moving.failure))

    def _finish_move(self, migration: str, failure: str) -> None:
        moving = self._moving.pop(migration, None)
        if moving is None or failure.startswith(SUPERSEDED):
            return
        now = self._context.clock.now()
        end = moving.end or now
        for entry in self.entries:
            if entry.participant.participant in moving.told and entry.participant.left_at is None:
                for switch in entry.participant.switches(moving.started, end + _TAIL):
                    moving.record.add_stream(switch)
        dropped = [
            entry.name
            for entry in self.entries
            if entry.participant.participant in moving.told
            and any(time >= moving.started for time, _ in entry.participant.drops)
        ]
        failure = failure or (f"dropped: {', '.join(dropped)}" if dropped else "")
        if failure:
            moving.record.roll_back(end - self._context.epoch, failure)
        else:
            moving.record.commit(end - self._context.epoch)
        self._keep(moving.record.build())

    def _keep(self, migration: Migration) -> None:
        self.migrations.append(migration)
        for sample in samples(migration, self._context.clock.now() - self._context.epoch):
            self._context.sink(sample)
        self._moved.set()

    async def _wait_for_move(self, source: base.Topology, target: base.Topology) -> None:
        """The room is expected to move. A platform that does not even begin has failed."""
        begun = self._context.clock.now() - self._context.epoch
        limit = self._scenario.migration_deadline + _TAIL + _GRACE
        try:
            async with asyncio.timeout(limit):
                await self._moved.wait()
        except TimeoutError:
            for migration in list(self._moving):
                self._finish_move(migration, f"not finished within {limit:g} s")
            if not self._moved.is_set():
                record = MigrationRecord(self.room, source, target, begun, self._scenario.migration_deadline)
                record.roll_back(
                    begun + limit, f"the room did not begin to move from {source} to {target} within {limit:g} s"
                )
                self._keep(record.build())
