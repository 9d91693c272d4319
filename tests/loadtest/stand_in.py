"""A locustfile whose workers make their reports up (STAND_IN says which): the master that hears them is real, and so is Locust."""

from __future__ import annotations

import os
import time
from typing import Any

import gevent
from locust import User, events, task
from locust.runners import MasterRunner, WorkerRunner

from loadtest.arguments import add_arguments
from loadtest.harvest import Delta
from loadtest.master import MESSAGE, Master
from loadtest.plugin import heed_signals
from loadtest.shapes import CampaignShape
from probe.model.samples import Sample
from reports.units import Units
from tests.loadtest.build import good_delta, report, standing

__all__ = ["CampaignShape"]

EVERY = 0.5
LAST = 7
"""Readings that come with the last report only, long after Locust's users are gone."""
LATE = 1.5
BEHAVIOUR = os.environ["STAND_IN"]


class Idle(User):
    @task
    def wait(self) -> None:
        if BEHAVIOUR == "broken user":
            raise ZeroDivisionError("a user of ours")
        gevent.sleep(60.0)


class StandIn:
    """`meetprobe_worker`: tells of good meetings, as BEHAVIOUR has it."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self._running = False
        self._order = 0
        environment.events.test_start.add_listener(self._start)
        environment.events.test_stop.add_listener(self._stop)

    def _start(self, **_: Any) -> None:
        self._running = True
        gevent.spawn(self._report)

    def _report(self) -> None:
        while self._running:
            gevent.sleep(EVERY)
            if self._running:
                self._tell(final=False)

    def _stop(self, **_: Any) -> None:
        self._running = False
        if self._environment.runner.client_id:
            gevent.sleep(LATE)
        self._tell(final=True)

    def _tell(self, *, final: bool) -> None:
        runner, told = self._environment.runner, good_delta()
        users = runner.user_count
        broken = BEHAVIOUR == "slow" or (BEHAVIOUR == "limit" and users > 10)
        for _ in range(20):
            told.summary.add(Sample("join_duration_seconds", 60.0 if broken else 0.25, 1.0, {"topology": "p2p"}))
        for _ in range(LAST if final else 0):
            told.summary.add(Sample("nack_count", 1.0, 1.0, {"topology": "p2p", "kind": "video"}))
        told.presence = [(time.monotonic(), users - self._order)] if users != self._order else []
        self._order = users
        told.units = Units.from_dict(
            self._halves(told, want) for want in self._environment.parsed_options.meetprobe_units
        )
        total = standing(users, lag=0.2 if BEHAVIOUR == "busy" else 0.001)
        payload = report(told, total, campaign=self._environment.parsed_options.meetprobe_campaign, final=final)
        if BEHAVIOUR == "damaged":
            payload["delta"] = {}
        if isinstance(runner, WorkerRunner):
            runner.send_message(MESSAGE, payload)
        else:
            self._environment.meetprobe.take("local", payload)

    def _halves(self, told: Delta, want: list[Any]) -> list[Any]:
        """Two meetings of this worker agree on what the master wants to know."""
        found, runner = told.summary.histogram(want[0], want[1]), self._environment.runner
        if found is None or found.mean is None:
            return [*want, []]
        count = found.count // 2
        shares = (("a", count), ("b", found.count - count))
        return [*want, [[f"{runner.client_id} {room}\np1", number, number * found.mean] for room, number in shares]]


def initialise(environment: Any, runner: Any, **_: Any) -> None:
    if not isinstance(runner, WorkerRunner):
        environment.meetprobe = Master(environment)
        heed_signals(environment, runner)
    if not isinstance(runner, MasterRunner):
        environment.meetprobe_worker = StandIn(environment)


events.init_command_line_parser.add_listener(add_arguments)
events.init.add_listener(initialise)
