"""What a Locust user is: a participant who goes from meeting to meeting, or a meeting with all its members.

Both keep an open schedule (`loadtest.schedule`), and wait in it: a user never spins, whatever fails.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from locust import User, task
from locust.exception import StopUser

from loadtest.protocol import Join, Joined, Leave, Left, Meet, Met
from loadtest.schedule import RETRY_AFTER, Schedule, may_retry
from loadtest.seating import Seat
from probe.model.errors import ProbeError
from probe.model.plan import longest_round, slower_seconds
from probe.model.scenario import Scenario

if TYPE_CHECKING:
    from loadtest.link import Link
    from loadtest.worker import Job

_BEYOND_DEADLINE = 15.0
"""Seconds past its own deadline after which an engine that has not answered is not waited for."""
_LEAVE_DEADLINE = 10.0
_SLACK = 3.0
"""Seconds between what a meeting is planned to take and the next one: joins and moves on a busy server take longer."""


class CampaignUser(User):
    """Holds a seat from its first meeting to its end, and the ticket of the stay or meeting that is under way."""

    abstract = True
    whole = False

    def __init__(self, environment: object) -> None:
        super().__init__(environment)
        self._spawned = time.monotonic()
        self._seat: Seat | None = None
        self._schedule: Schedule | None = None
        self._first_meeting = 0
        self._engine: Link | None = None
        self._ticket: int | None = None

    @property
    def job(self) -> Job:
        job: Job | None = self.environment.meetprobe_worker.job
        if job is None:
            raise StopUser
        return job

    def period(self) -> float:
        """Seconds from one meeting's beginning to the next one's."""
        raise NotImplementedError

    def sit_down(self, engine: Link) -> Schedule:
        """Seat and schedule. What Locust's ramp was ahead of the first engine, every start is put off by, so that the ramp keeps
        its shape."""
        if self._schedule is None:
            due = self.job.pace.start(self._spawned + self.job.supervisor.warm_up)
            asked = time.monotonic()
            seat = self.job.seat(whole=self.whole)
            waited = time.monotonic() - asked
            self._seat = seat
            room = self.job.seating.room(seat)
            self._schedule = Schedule(max(due + waited, room.opened), self.period())
            self._first_meeting = room.meeting(self._schedule.start, self._schedule.period)
            self._engine = engine
        return self._schedule

    def wait_for_turn(self, engine: Link, *, late: bool) -> float:
        """Until the next meeting is due. Returns when it was, which may lie in the past if `late` beginnings are allowed. After an
        engine was lost nobody begins late: its absence is ours, not the server's."""
        schedule = self.sit_down(engine)
        before = schedule.skipped
        now = time.monotonic()
        due = schedule.next(now) if late and engine is self._engine else schedule.next_ahead(now)
        self._engine = engine
        if schedule.skipped > before:
            self.job.outbox.skipped(schedule.skipped - before)
        pause(engine, due)
        return due

    def on_stop(self) -> None:
        """Leaves without waiting for it: what the server makes of that, the engine measures."""
        if self._ticket is not None and self._engine is not None:
            self._engine.tell(Leave(ticket=self._ticket))
            self._ticket = None
        job: Job | None = self.environment.meetprobe_worker.job
        if self._seat is not None and job is not None:
            job.seating.release(self._seat)
            self._seat = None


def pause(engine: Link, until: float) -> None:
    """Wait until that time, or until the engine is gone."""
    engine.gone.wait(timeout=max(until - time.monotonic(), 0.0))


class ParticipantUser(CampaignUser):
    """Joins a meeting, stays, leaves, and joins the next one in the same company."""

    def period(self) -> float:
        return self.job.settings.stay + self.job.settings.pause

    @task
    def attend(self) -> None:
        engine = self.job.engine()
        due = self.wait_for_turn(engine, late=True)
        leave_at = due + self.job.settings.stay
        if engine.error is None and self._enter(engine, due, leave_at):
            pause(engine, leave_at)
        self._leave(engine)

    def _enter(self, engine: Link, due: float, leave_at: float) -> bool:
        """Join, with as many retries as were asked for and fit into the stay."""
        attempt = 1
        while True:
            if self._join(engine, due, attempt):
                return True
            if engine.error is not None or not may_retry(
                attempt, self.job.settings.retries, time.monotonic(), leave_at
            ):
                return False
            self._leave(engine)
            pause(engine, time.monotonic() + RETRY_AFTER)
            attempt += 1

    def _join(self, engine: Link, due: float, attempt: int) -> bool:
        job, seat, schedule = self.job, self._seat, self._schedule
        if seat is None or schedule is None:
            raise StopUser
        room = job.seating.room(seat)
        self._ticket = next(job.tickets)
        join = Join(
            ticket=self._ticket,
            room=job.room_name(seat, self._first_meeting + schedule.slot),
            name=f"p{seat.position}",
            position=seat.position,
            topology=room.topology,
            intended=due,
            attempt=attempt,
        )
        try:
            within = job.settings.scenario.join_deadline + _BEYOND_DEADLINE
            return not engine.ask(join, Joined, within).error
        except ProbeError as error:
            job.failed("join", room.topology, time.monotonic() - due, str(error))
            return False

    def _leave(self, engine: Link) -> None:
        """Waits for it, so that the next join finds nobody of the same name; one who never came in leaves as well."""
        ticket, self._ticket = self._ticket, None
        if ticket is None or engine.error is not None:
            return
        try:
            engine.ask(Leave(ticket=ticket), Left, _LEAVE_DEADLINE)
        except ProbeError as error:
            self.job.failed("leave", "", _LEAVE_DEADLINE, str(error))


class MeetingUser(CampaignUser):
    """Holds one whole meeting of the scenario after the other: members, visitors, and the moves that they bring about."""

    whole = True

    def _one_meeting(self) -> Scenario:
        return self.job.settings.scenario.model_copy(update={"meetings": 1, "rounds": 1})

    def period(self) -> float:
        return slower_seconds(self._one_meeting()) + _SLACK + self.job.settings.pause

    @task
    def hold(self) -> None:
        engine = self.job.engine()
        due = self.wait_for_turn(engine, late=False)
        if engine.error is not None or self._seat is None:
            return
        ticket = self._ticket = next(self.job.tickets)
        topology = self.job.seating.room(self._seat).topology
        meet = Meet(ticket=ticket, room=self.job.room_name(self._seat, ticket), topology=topology, intended=due)
        try:
            engine.ask(meet, Met, longest_round(self._one_meeting()) + _BEYOND_DEADLINE)
            self._ticket = None
        except ProbeError as error:
            self.job.failed("join", topology, time.monotonic() - due, str(error))
            engine.tell(Leave(ticket=ticket))


def users_of(kind: str) -> list[type[CampaignUser]]:
    """The classes that `--user` stands for."""
    kinds: dict[str, list[type[CampaignUser]]] = {"participant": [ParticipantUser], "meeting": [MeetingUser]}
    return kinds.get(kind, [ParticipantUser, MeetingUser])
