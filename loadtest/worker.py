"""A Locust worker's part of a campaign, or the local runner's: one engine, the seats of its users, and reports to the master."""

from __future__ import annotations

import logging
import os
import time
import uuid
from itertools import count
from typing import Any

import gevent
from gevent.lock import BoundedSemaphore
from locust.exception import RPCError, StopUser
from locust.runners import WorkerRunner

from loadtest.harvest import Delta, Standing
from loadtest.link import Link
from loadtest.protocol import Operation, Prepare
from loadtest.schedule import Pace
from loadtest.seating import Mix, Place, Seat, Seating
from loadtest.settings import Settings, settings_of
from loadtest.supervisor import Supervisor
from probe.model.errors import ConfigError, MeasurementError

REQUEST_TYPE = "WebRTC"
MESSAGE = "meetprobe"
_SEAT_EVERY = 0.5
_LOCAL = "local"

logger = logging.getLogger(__name__)


class Outbox:
    """What the master has not been told yet. Each delta leaves once; the standing is told as a whole each time."""

    def __init__(self, campaign: str) -> None:
        self._campaign = campaign
        self._engine = ""
        self._delta = Delta()
        self._total = Standing().to_dict()
        self._losses: list[dict[str, Any]] = []
        self._given_up = False
        self._news = False

    def harvested(self, engine: str, delta: dict[str, Any], total: dict[str, Any]) -> None:
        self._delta.merge(Delta.from_dict(delta))
        self._engine, self._total, self._news = engine, total, True

    def lost(self, message: str, crashed: bool) -> None:
        """An engine is gone, and whoever was in with it."""
        inside = int(self._total["present"])
        self._total = {**self._total, "present": 0}
        taken = f"; {inside} participants were in" if inside else ""
        self._losses.append({"message": message + taken, "crashed": crashed})
        self._news = True

    def gave_up(self, message: str) -> None:
        """No load comes from here any more, for that reason."""
        self._given_up = True
        self.lost(message, crashed=False)

    def skipped(self, slots: int) -> None:
        """Joins that were due and never asked for, as the one before took longer than a whole slot, or the engine was gone."""
        why = "a join was due and not asked for: the one before took too long, or the engine was gone"
        self._delta.errors["schedule", "", why] += slots
        self._news = True

    def take(self, *, final: bool = False) -> dict[str, Any] | None:
        """What is new, for one message; None if nothing is. `final`: the last of this worker, sent in any case."""
        if not (self._news or final):
            return None
        payload = {
            "campaign": self._campaign,
            "engine": self._engine,
            "delta": self._delta.to_dict(),
            "total": self._total,
            "losses": self._losses,
            "final": final,
            "given_up": self._given_up,
        }
        self._delta, self._losses, self._news = Delta(), [], False
        return payload


class Job:
    """One campaign on this worker. `environment` is Locust's, whose hooks know no types."""

    def __init__(self, environment: Any, settings: Settings, index: int) -> None:
        place = Place.among(index, settings.workers)
        self.settings = settings
        self.campaign = settings.campaign or uuid.uuid4().hex[:8]
        self.seating = Seating(place, Mix(settings.mix), settings.participants, settings.meetings)
        self.outbox = Outbox(self.campaign)
        self.pace = Pace(place.count / settings.rate, place.rank / settings.rate)
        self.tickets = count()
        self._environment = environment
        self._index = index
        self._waiting = False
        self._finished = False
        self._finishing = BoundedSemaphore()
        prepare = Prepare(
            scenario=settings.scenario,
            platform=settings.platform,
            worker=index,
            stamp=self.campaign,
            units=settings.units,
        )
        self.supervisor = Supervisor(f"engine w{index}", prepare, self)

    # for users

    def engine(self) -> Link:
        """An engine that is ready. Ends the user when there is none and won't be."""
        try:
            return self.supervisor.engine()
        except MeasurementError as error:
            raise StopUser from error

    def seat(self, *, whole: bool = False) -> Seat:
        """A free seat, waited for as long as the campaign takes if --meetings leaves none; the first wait is told."""
        while (seat := self.seating.take(time.monotonic(), whole=whole)) is None:
            if not self._waiting:
                self._waiting = True
                limit = self.settings.meetings
                logger.warning("w%d: users wait for a free seat, as --meetings %d are full", self._index, limit)
            gevent.sleep(_SEAT_EVERY)
            self.engine()  # without one there is no use in waiting
        return seat

    def room_name(self, seat: Seat, meeting: int) -> str:
        """Unique in the campaign, whose name the engine puts in front."""
        return f"w{self._index}-r{self.seating.room(seat).number}-g{meeting}"

    def failed(self, name: str, topology: str, seconds: float, error: str) -> None:
        """An operation that the engine took with it, or never answered for."""
        self.operation(Operation(name=name, topology=topology, seconds=max(seconds, 0.0), error=error))  # type: ignore[arg-type]

    # what the supervisor tells (loadtest.supervisor.Ear)

    def operation(self, operation: Operation) -> None:
        self._environment.events.request.fire(
            request_type=REQUEST_TYPE,
            name=f"{operation.name} {operation.topology}".strip(),
            response_time=1000 * operation.seconds,
            response_length=0,
            exception=OperationFailed(operation.error) if operation.error else None,
            context={},
        )
        if operation.error:
            logger.debug("%s: %s: %s", operation.who, operation.name, operation.error)

    def harvested(self, engine: str, delta: dict[str, Any], total: dict[str, Any]) -> None:
        self.outbox.harvested(engine, delta, total)
        if not isinstance(self._environment.runner, WorkerRunner):
            self.hand_over()

    def lost(self, message: str, crashed: bool) -> None:
        self.outbox.lost(message, crashed)

    def gave_up(self, message: str) -> None:
        """No load comes from here any more. A worker's users end and its master is told; a local campaign is over."""
        logger.error("%s; no more users on this worker", message)
        self.outbox.gave_up(message)
        self.hand_over()
        runner = self._environment.runner
        if runner is not None and not isinstance(runner, WorkerRunner):
            headless = getattr(self._environment.parsed_options, "headless", False)
            gevent.spawn(runner.quit if headless else runner.stop)

    # to the master

    def hand_over(self, *, final: bool = False) -> None:
        """Send what is new, at once."""
        payload = self.outbox.take(final=final)
        runner = self._environment.runner
        if payload is None or runner is None:
            return
        if not isinstance(runner, WorkerRunner):
            self._environment.meetprobe.take(_LOCAL, payload)
            return
        try:
            runner.send_message(MESSAGE, payload)
        except RPCError as error:
            logger.error("the master can't be reached, its report lacks what was measured last: %s", error)

    def finish(self) -> None:
        """Everybody leaves, the engine ends, and the master gets the rest: once, and whoever asks again waits for it. Ctrl-C in a
        terminal stops a worker on its own account and, through its master, once more."""
        with self._finishing:
            if not self._finished:
                self._finished = True
                self.supervisor.finish()
                self.hand_over(final=True)


class OperationFailed(Exception):
    """What Locust's table of failures shows; it has no traceback of ours to show."""

    def __repr__(self) -> str:
        return str(self)


class Worker:
    """Between Locust's events and the job that they begin and end."""

    def __init__(self, environment: Any) -> None:
        self.job: Job | None = None
        self._environment = environment
        events = environment.events
        events.test_start.add_listener(self._start)
        events.test_stop.add_listener(self._stop)
        events.quitting.add_listener(self._quit)
        events.report_to_master.add_listener(self._report)

    def _start(self, **_: object) -> None:
        runner = self._environment.runner
        index = max(getattr(runner, "worker_index", 0), 0)
        try:
            token = os.environ.get("MEETPROBE_TOKEN", "").strip()
            settings = settings_of(self._environment.parsed_options, self._environment.host, token)
        except ConfigError as error:
            logger.error("%s", error)
            self._refuse(index, str(error))
            return
        self.job = Job(self._environment, settings, index)

    def _refuse(self, index: int, message: str) -> None:
        """A worker that reads the settings otherwise than its master did: another version, or a file that it lacks."""
        campaign = str(getattr(self._environment.parsed_options, "meetprobe_campaign", ""))
        outbox = Outbox(campaign)
        outbox.gave_up(f"w{index}: {message}")
        if isinstance(self._environment.runner, WorkerRunner):
            self._environment.runner.send_message(MESSAGE, outbox.take(final=True))

    def _stop(self, **_: object) -> None:
        if self.job is not None:
            self.job.finish()
        self.job = None

    def _quit(self, **_: object) -> None:
        """Ctrl-C and SIGTERM: Locust stops its users only after it has told the master goodbye."""
        if self._environment.runner is not None:
            self._environment.runner.stop()

    def _report(self, data: dict[str, Any], **_: object) -> None:
        payload = self.job.outbox.take() if self.job is not None else None
        if payload is not None:
            data[MESSAGE] = payload
