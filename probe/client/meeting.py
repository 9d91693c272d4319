"""One meeting: who comes when, who visits, when the room is expected to move, and what became of it.

`run` holds it as its scenario says. It can be held from outside just as well: `admit`, `join`, `leave`, `forget`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress

from probe.client.context import Context
from probe.client.entry import Entry
from probe.client.operations import Operation, entering, moving, unheard
from probe.client.participant import Participant
from probe.client.room_moves import RoomMoves
from probe.client.seams import Media
from probe.client.vmaf_samples import VmafSamples
from probe.measure.migration import Migration, MigrationRecord, samples
from probe.measure.savings import SavingsLedger
from probe.model.errors import ConfigError, ProbeError
from probe.model.scenario import Scenario
from probe.signalling import base

Guests = Callable[[str], AbstractAsyncContextManager[None]]
"""Participants of another kind, in the room of that name, for as long as the context lasts: when the core is in, or from before."""


class Meeting:
    """Facts go to the context; `entries` and `migrations` stay here until they are taken. `present` hears +1 and -1 of who comes
    and goes, `tell` of every operation that has ended. Those of `before` are there from before the first join to after the last
    leave."""

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
        tell: Callable[[Operation], None] = unheard,
        guests: Guests = lambda room: nullcontext(),
        before: Guests = lambda room: nullcontext(),
    ) -> None:
        self.room = room
        self.entries: list[Entry] = []
        self.migrations: list[Migration] = []
        self.moves = RoomMoves(context, room, scenario.migration_deadline, self.entries, self._keep, self._tidy)
        self._state = "starting"
        self._context = context
        self._scenario = scenario
        self._new_signalling = new_signalling
        self._new_media = new_media
        self._ledger = ledger
        self._vmaf = vmaf
        self._present = present
        self._tell = tell
        self._guests = guests
        self._before = before
        self._moved = asyncio.Event()
        self._visits = 0
        self._opening: asyncio.Event | None = None
        self._pinned = False
        self._wanted = scenario.topology

    @property
    def state(self) -> str:
        """A word or two on where it is; "over" in the end."""
        target = self.moves.target
        return f"moving to {target}" if target is not None else self._state

    async def run(self, start: float) -> None:
        """The whole meeting, its first join intended at monotonic `start`. Failures are kept, not raised."""
        try:
            async with self._before(self.room):
                # What is watched has to be there first: until then nobody wants to come.
                await self._hold(max(start, self._context.clock.now()) if self._scenario.watch else start)
        finally:
            self._state = "over"

    async def _hold(self, start: float) -> None:
        scenario = self._scenario
        try:
            await self._gather_core(start)
            if not self._members:
                return  # nobody got in: there is nothing to wait for
            async with self._guests(self.room):
                self._state = "in call"
                for _ in range(scenario.cycles):
                    await asyncio.sleep(scenario.settle)
                    if scenario.visitors:
                        await self._visit()
                await asyncio.sleep(scenario.after)
                self.moves.close()  # what the guests' leaving makes the room do is no migration of the scenario's
        finally:
            self._state = "leaving"
            await self.close()

    async def _gather_core(self, start: float) -> None:
        joins = []
        for position in range(self._scenario.participants):
            entry = self.admit(f"{self.room}-p{position + 1}", position)
            joins.append(asyncio.create_task(self.join(entry, start + position * self._scenario.join_spacing)))
            if position == 0 and self._scenario.topology != "hybrid":
                await joins[0]
                start = max(start, self._context.clock.now() - self._scenario.join_spacing)
        await asyncio.gather(*joins)

    async def _visit(self) -> None:
        """Visitors come, the room moves, they stay and leave, the room moves back."""
        scenario, hybrid = self._scenario, self._scenario.migrates
        self._visits += 1
        self._moved.clear()
        now = self._context.clock.now()
        visitors = [
            self.admit(f"{self.room}-v{self._visits}.{n + 1}", scenario.participants + n)
            for n in range(scenario.visitors)
        ]
        await asyncio.gather(
            *(self.join(entry, now + n * scenario.join_spacing) for n, entry in enumerate(visitors)),
        )
        # Who did not get in moves nobody: that failure is counted already, as a join.
        if hybrid and len(self._members) + scenario.browsers > scenario.p2p_limit:
            await self._wait_for_move("p2p", "sfu")
        await asyncio.sleep(scenario.visit)
        self._moved.clear()
        on_sfu = any(member.topology == "sfu" for member in self._members)
        await asyncio.gather(*(self.leave(entry) for entry in visitors))
        if hybrid and on_sfu and len(self._members) > 1:
            await self._wait_for_move("sfu", "p2p")

    @property
    def _members(self) -> list[Participant]:
        """Who is in the meeting now."""
        return [entry.participant for entry in self.entries if entry.inside]

    # joining and leaving

    def admit(self, name: str, position: int) -> Entry:
        """A participant that may `join`, as the meeting's member number `position` (from 0)."""
        context = self._context
        participant = Participant(
            context,
            self._new_signalling(),
            self._new_media(),
            self.moves,
            self._ledger,
            self._vmaf,
            context.networks(position),
            self._scenario.migration_deadline,
        )
        entry = Entry(name, self.room, participant)
        self.entries.append(entry)
        return entry

    async def join(self, entry: Entry, intended: float) -> None:
        """Enter at monotonic `intended`, from which it is timed. What goes wrong is kept in the entry and counted, not raised.
        Cancelled, it counts for nothing; the entry still has to `leave`."""
        clock, who = self._context.clock, entry.participant
        await asyncio.sleep(max(0.0, intended - clock.now()))
        try:
            await self._enter(entry, intended)
        except ProbeError as error:
            entry.error = error
            self._context.complain(error, who=entry.name)
        self._emit_join(entry)
        for operation in entering(entry, self._wanted, max(0.0, clock.now() - intended)):
            self._tell(operation)
        if entry.joined:
            self._present(+1)
        else:
            await who.leave()  # who did not get in is not half in: nobody waits for it

    async def _enter(self, entry: Entry, intended: float) -> None:
        """Where the topology is not left to the platform, the first one in pins the room before anybody else needs a path.
        Who comes meanwhile waits for that, and its time runs."""
        if self._wanted == "hybrid" or (self._pinned and self._members):
            await self._step_in(entry, intended)
        elif self._opening is None:
            self._opening, self._pinned = asyncio.Event(), False
            try:
                await self._step_in(entry, intended)
                await self._pin(entry)
            finally:
                self._opening.set()
                self._opening = None
        else:
            with suppress(TimeoutError):  # stepping in fails by the same deadline, and says in which phase
                async with asyncio.timeout(intended + self._scenario.join_deadline - self._context.clock.now()):
                    await self._opening.wait()
            await self._step_in(entry, intended)
            if not self._pinned:  # the first one did not get in
                await self._pin(entry)

    async def _step_in(self, entry: Entry, intended: float) -> None:
        who = entry.participant
        try:
            await who.join(self.room, entry.name, intended, self._scenario.join_deadline)
            entry.joined = True
        finally:
            entry.topology = who.topology or ""

    async def _pin(self, entry: Entry) -> None:
        topology = self._wanted
        if topology != "hybrid":
            self._pinned = True
            try:
                await entry.participant.force_topology(topology)
                entry.topology = topology  # nobody else is there yet, so nothing was carried in any other way
            except (
                ConfigError
            ) as error:  # not to be had here: that is said once, and the room is what the platform makes it
                self._wanted = "hybrid"
                self._context.complain(error, who=self.room)
            except ProbeError as error:
                self._context.complain(error, who=entry.name)

    def _emit_join(self, entry: Entry) -> None:
        who = entry.participant
        tags = {"topology": entry.topology} if entry.topology else {}
        self._context.emit("join_success_ratio", entry.joined, tags, who=entry.name, meeting=self.room)
        if not entry.joined or not who.timed or who.join_clock is None or who.join_clock.total is None:
            return
        self._context.emit("join_duration_seconds", who.join_clock.total, tags, who=entry.name, meeting=self.room)
        for phase, seconds in who.join_clock.durations().items():
            self._context.emit("join_phase_seconds", seconds, tags | {"phase": phase}, who=entry.name)

    async def leave(self, entry: Entry) -> None:
        """It leaves, however far it got. Ends within seconds. Idempotent."""
        clock, who = self._context.clock, entry.participant
        begun, topology = clock.now(), who.topology or ""
        self.moves.leaving(who)
        await who.leave()
        self.moves.left(who, clock.now())
        if entry.joined and not entry.counted:
            entry.counted = True
            self._present(-1)
            self._context.emit("connection_stability_ratio", not who.drops, who=entry.name, meeting=self.room)
            if not who.lost:
                self._tell(Operation("leave", topology, max(0.0, clock.now() - begun), who=entry.name))

    def forget(self, entry: Entry) -> None:
        """Nothing of one that has left is kept, once the migrations are over that it was told of."""
        entry.forgotten = True
        if not entry.joined:
            self._context.garbage.came_in_vain()
        if self._context.emulation is not None:
            self._context.emulation.leave(entry.participant.participant)
        self._tidy()

    def _tidy(self) -> None:
        self.entries[:] = [e for e in self.entries if not e.forgotten or self.moves.concern(e.participant)]

    async def close(self) -> None:
        """Everybody leaves, for good. Idempotent."""
        self.moves.close()
        await asyncio.gather(*(self.leave(entry) for entry in self.entries))
        self._tidy()

    # migrations

    def _keep(self, migration: Migration) -> None:
        self.migrations.append(migration)
        for sample in samples(migration, self._context.clock.now() - self._context.epoch):
            self._context.sink(sample)
        self._tell(moving(migration))
        self._moved.set()

    async def _wait_for_move(self, source: base.Topology, target: base.Topology) -> None:
        """The room is expected to move. A platform that does not even begin has failed."""
        begun, limit = self._context.clock.now() - self._context.epoch, self.moves.limit
        try:
            async with asyncio.timeout(limit):
                await self._moved.wait()
        except TimeoutError:
            self.moves.call_off()
            if not self._moved.is_set():
                record = MigrationRecord(self.room, source, target, begun, self._scenario.migration_deadline)
                record.roll_back(
                    begun + limit, f"the room did not begin to move from {source} to {target} within {limit:g} s"
                )
                self._keep(record.build())
