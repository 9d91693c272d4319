"""The rooms of one engine: who is in which of them by which ticket. A room is there as long as anybody is."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from loadtest.engine.gathering import Gathering, names_of
from loadtest.engine.names import anonymous
from loadtest.protocol import Join, Joined, Left, Meet, Met
from loadtest.protocol import Operation as Told
from probe.client.context import Context
from probe.client.entry import Entry
from probe.client.meeting import Meeting
from probe.client.operations import Operation, brief
from probe.engine.protocol import Message
from probe.model.scenario import Topology

CALLED_OFF = "called off"
CLOSED = "the engine is closed"
CLOSE_DEADLINE = 7.0
"""Seconds in which everybody has left, whatever the server does."""
MOST_LEFT = 1000
"""Of those who left: their meetings are known so long, as a look at pictures is told of seconds after the end of the stay."""


class MeetingMaker(Protocol):
    """Makes the meeting of a room, whose operations are told to `tell`."""

    def __call__(self, room: str, topology: Topology, tell: Callable[[Operation], None]) -> Meeting: ...


@dataclass(slots=True, eq=False)
class _Stay:
    """What a ticket stands for. `entry`: one participant's stay; None: a whole meeting. `coming`: its join, or its run."""

    ticket: int
    meeting: Meeting
    entry: Entry | None
    coming: asyncio.Task[None] = field(init=False)


class Rooms:
    """`say` sends answers. Nothing is raised: what goes wrong is answered, and counted by the context."""

    def __init__(
        self, context: Context, new_meeting: MeetingMaker, gathering: Gathering, say: Callable[[Message], None]
    ) -> None:
        self._context = context
        self._new_meeting = new_meeting
        self._gathering = gathering
        self._say = say
        self._rooms: dict[str, Meeting] = {}
        self._held: set[Meeting] = set()  # nobody joins these by their name
        self._stays: dict[int, _Stay] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._left: deque[tuple[str, str]] = deque()
        self._closed = False

    @property
    def entries(self) -> list[Entry]:
        """All who are in a meeting, or on the way in or out."""
        return [entry for meeting in self._all() for entry in meeting.entries]

    def _all(self) -> Iterator[Meeting]:
        yield from self._rooms.values()
        yield from self._held

    # one participant

    def join(self, command: Join) -> None:
        """Answered by `joined` when it is over."""
        self._gathering.retries += command.attempt > 1
        if refusal := self._refusal(command.ticket):
            self._say(Joined(ticket=command.ticket, error=refusal))
            return
        meeting = self._rooms.get(command.room)
        if meeting is None or not meeting.entries:
            meeting = self._rooms[command.room] = self._open(command.room, command.topology)
        entry = meeting.admit(command.name, command.position)
        stay = self._stays[command.ticket] = _Stay(command.ticket, meeting, entry)
        stay.coming = asyncio.ensure_future(meeting.join(entry, command.intended))
        stay.coming.add_done_callback(partial(self._joined, stay, entry))

    def _joined(self, stay: _Stay, entry: Entry, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            error = CALLED_OFF
        elif (crash := task.exception()) is not None:
            self._context.crashed(crash)
            error = f"bug: {crash!r}"
        else:
            error = _why(entry, stay.meeting)
        self._say(Joined(ticket=stay.ticket, topology=entry.participant.topology or "", error=error))
        if error and self._stays.pop(stay.ticket, None) is not None:  # else somebody makes it leave already
            self._send(self._see_off(stay))

    def leave(self, ticket: int) -> None:
        """Answered by `left` when it is out. A join under way is called off; so is a whole meeting."""
        stay = self._stays.pop(ticket, None)
        if stay is None:
            self._say(Left(ticket=ticket))
            return
        task = self._send(self._see_off(stay))
        task.add_done_callback(lambda _: self._say(Left(ticket=ticket)))

    async def _see_off(self, stay: _Stay) -> None:
        await _call_off(stay.coming)
        if stay.entry is not None:
            try:
                await stay.meeting.leave(stay.entry)
            finally:
                self._over(stay.meeting, stay.entry)

    def _over(self, meeting: Meeting, *entries: Entry) -> None:
        """They have left. What their stays and the room's moves were is taken, and nothing kept."""
        self._gathering.migrated(meeting)
        self._gathering.look_for_drops(entries, self._context.clock.now())
        for entry in entries:
            self._gathering.stayed(entry)
            self._forget_later(entry.participant.participant, meeting.room)
            meeting.forget(entry)

    def _forget_later(self, participant: str, room: str) -> None:
        """In which meeting that one was; unless the server has given its name to another since."""
        self._left.append((participant, room))
        if len(self._left) > MOST_LEFT:
            one, there = self._left.popleft()
            if self._context.meetings.get(one) == there:
                del self._context.meetings[one]

    # a whole meeting

    def meet(self, command: Meet) -> None:
        """Answered by `met` when it is over."""
        if refusal := self._refusal(command.ticket):
            self._say(Met(ticket=command.ticket, error=refusal))
            return
        meeting = self._open(command.room, command.topology)
        self._held.add(meeting)
        stay = self._stays[command.ticket] = _Stay(command.ticket, meeting, None)
        stay.coming = asyncio.ensure_future(meeting.run(command.intended))
        stay.coming.add_done_callback(partial(self._met, stay))

    def _met(self, stay: _Stay, task: asyncio.Task[None]) -> None:
        entries = list(stay.meeting.entries)
        error = ""
        if task.cancelled():
            error = CALLED_OFF
        elif (crash := task.exception()) is not None:
            self._context.crashed(crash)
            error = f"bug: {crash!r}"
        elif not any(entry.joined for entry in entries):
            error = next((why for entry in entries if (why := _why(entry, stay.meeting))), "")
        self._stays.pop(stay.ticket, None)
        self._over(stay.meeting, *entries)
        self._held.discard(stay.meeting)
        self._say(Met(ticket=stay.ticket, error=error))

    # all of them

    def look_after(self) -> None:
        """Call it a few times a second. Whose way to the server is lost is no longer in: its call is lost, and it leaves."""
        self._gathering.look_for_drops(self.entries, self._context.clock.now())
        self._gathering.fold_errors(self._context, self.entries)
        for meeting in self._all():
            self._gathering.migrated(meeting)
        for room in [room for room, meeting in self._rooms.items() if not meeting.entries]:
            del self._rooms[room]
        for stay in list(self._stays.values()):
            if stay.entry is None:
                for entry in stay.meeting.entries:
                    if entry.inside and entry.participant.lost:
                        self._send(stay.meeting.leave(entry))
            elif stay.entry.inside and stay.entry.participant.lost and stay.coming.done():
                del self._stays[stay.ticket]
                self._send(self._see_off(stay))

    async def close(self) -> None:
        """Everybody leaves, for good. Ends within CLOSE_DEADLINE seconds whatever happens. Idempotent."""
        self._closed = True
        for meeting in self._all():
            meeting.moves.close()  # that everybody leaves now makes the rooms move: that is nobody's migration
        stays, self._stays = self._stays, {}
        for stay in stays.values():
            self._send(self._see_off(stay))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_DEADLINE)
        for task in self._tasks:
            task.cancel()

    # what all of it needs

    def _open(self, room: str, topology: Topology) -> Meeting:
        meeting = self._new_meeting(room, topology, lambda operation: self._tell(meeting, operation))
        return meeting

    def _tell(self, meeting: Meeting, operation: Operation) -> None:
        error = _without_names(operation.error, meeting)
        self._say(
            Told(
                name=operation.name,
                topology=operation.topology,
                seconds=operation.seconds,
                error=error,
                who=operation.who,
            )
        )

    def _refusal(self, ticket: int) -> str:
        if self._closed:
            return CLOSED
        return f"ticket {ticket} is taken" if ticket in self._stays else ""

    def _send(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do it beside everything else; what it raises is a bug of ours."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (crash := task.exception()) is not None:
            self._context.crashed(crash)


def _why(entry: Entry, meeting: Meeting) -> str:
    """What its join failed of; empty if it did not."""
    return _without_names(brief(entry.error), meeting) if entry.error is not None else ""


def _without_names(text: str, meeting: Meeting) -> str:
    """Locust counts failures by their texts: the same one has to read the same in every room."""
    return anonymous(text, {name for entry in meeting.entries for name in names_of(entry)}) if text else ""


async def _call_off(task: asyncio.Task[None]) -> None:
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
