"""The master's part of a campaign: starts and ends it with Locust's test, hears the workers, writes the report, sets the exit code.

Locust runs listeners of its events in whatever greenlet fires them and puts their exceptions into its log: here they end the
process with exit code 1.
"""

from __future__ import annotations

import logging
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar, cast

import gevent
import locust.log
from locust.env import Environment
from locust.exception import StopTest
from locust.runners import STATE_MISSING, MasterRunner, WorkerNode
from rich.console import Console

from loadtest.campaign import Campaign
from loadtest.judgement import exit_code, judgement_of
from loadtest.keeping import keep, write
from loadtest.limits import check as check_limits
from loadtest.plans import Load, Wanted, duration, wanted
from loadtest.settings import Settings, settings_of
from probe.cli_errors import complain
from probe.model.errors import ConfigError
from reports.document import Document
from reports.jsonout import prepare_folder
from reports.terminal import print_report

MESSAGE = "meetprobe"
"""The key of our part in a worker's report to Locust's master, and the type of the message that carries it alone."""
_EVERY = 1.0
_OVERDUE = 3.0
"""Seconds after the end of the plan: Locust's master asks its shape for nothing while it spawns."""
_LAST_REPORTS = 30.0
"""Seconds that workers have for their last report: longer than an engine's own deadlines for leaving together."""
_STOP_DEADLINE = 100.0
"""Seconds for all of it: Locust gives its workers 60."""
_WRONG_USAGE, _NOTHING_MEASURED = 2, 4

logger = logging.getLogger(__name__)
Listener = TypeVar("Listener", bound=Callable[..., None])


def _guarded(listener: Listener) -> Listener:
    """What goes wrong in it is a bug of ours, and remembered as one."""

    @wraps(listener)
    def guarded(self: Master, *arguments: Any, **keywords: Any) -> None:
        try:
            listener(self, *arguments, **keywords)
        except Exception as error:  # noqa: BLE001 - Locust would log it, and exit as if nothing had been
            self.bug(error)

    return cast(Listener, guarded)


class Master:
    """`environment.meetprobe` on the master or the local runner. `campaign` is the last one that was started, also when it is
    over; `settings` are its own. Raises SystemExit(2) for a campaign without web UI that may not be started."""

    def __init__(self, environment: Environment) -> None:
        self.campaign: Campaign | None = None
        self.settings: Settings | None = None
        self.environment = environment
        self._bugs = 0
        self._refused = False
        self._written = True
        self._over = False
        self._seen: set[str] = set()
        self._final: set[str] = set()
        self._idle: set[str] = set()
        self._nodes: dict[str, WorkerNode] = {}
        self._document: Document | None = None
        if self._unattended:
            self._check_or_exit()
        events = environment.events
        events.test_start.add_listener(self._started)
        events.test_stopping.add_listener(self._stopping)
        events.test_stop.add_listener(self._stopped)
        events.worker_report.add_listener(self._reported)
        events.quitting.add_listener(self._quitting)
        events.quit.add_listener(self._quit)
        if isinstance(environment.runner, MasterRunner):
            environment.runner.register_message(MESSAGE, self._told)
            self._let_workers_finish(environment.runner)

    # what others ask

    def check(self, users: int, rate: float, run_time: float | None, host: str | None, options: object = None) -> None:
        """May a campaign be started, or changed, so? Raises ConfigError. `options` are those of the start form; a run time that is
        not given there is none, while Locust would keep the last one."""
        self._checked(Load(users, rate, run_time), host, options)
        if options is not None and run_time is None:
            self._options.run_time = None

    def take(self, worker: str, payload: Mapping[str, Any]) -> None:
        """A worker's report, handed over directly by the local runner's."""
        self._take(worker, payload)

    def wanted(self, seconds: float) -> Wanted | None:
        """How many users there should be now, `seconds` after the start, and at what rate; None: the campaign is over."""
        load, campaign = self._load(), self._running
        if campaign is None:  # Locust asks before it starts
            self.settings, seconds = self._checked_or_stopped(load), 0.0
        assert self.settings is not None
        found = wanted(self.settings, load, seconds)
        if found is not None and campaign is not None and campaign.search is not None:
            found = (campaign.search.users, load.rate) if campaign.search.limit is None else None
        self._over = found is None
        return found

    def bug(self, error: BaseException) -> None:
        """Something of ours went wrong: it is told, and the exit code will be 1."""
        logger.error("a bug in meetprobe", exc_info=error)
        self._bugs += 1
        if self.campaign is not None:
            self.campaign.add_bug(f"{type(error).__name__}: {error}")

    @property
    def exit_code(self) -> int:
        """What the process is to say at its end: 0, 1 a bug, 2 refused or --out not written, 3 a target failed, 4 nothing believed."""
        if self._bugs or locust.log.unhandled_greenlet_exception:
            return 1
        if self._refused:
            return _WRONG_USAGE
        if self._document is None:
            return _NOTHING_MEASURED if self._unattended else 0
        return exit_code(self._document) or (0 if self._written else _WRONG_USAGE)

    # before the start

    @property
    def _options(self) -> Any:
        return self.environment.parsed_options

    @property
    def _unattended(self) -> bool:
        """Nobody has to press start, nor sees what a web page would say."""
        return bool(getattr(self._options, "headless", False) or getattr(self._options, "autostart", False))

    @property
    def _running(self) -> Campaign | None:
        return self.campaign if self.campaign is not None and self.campaign.state != "finished" else None

    def _load(self) -> Load:
        options = self._options
        return Load(int(options.num_users or 1), float(options.spawn_rate or 1), options.run_time or None)

    def _checked(self, load: Load, host: str | None, options: object = None) -> Settings:
        settings = settings_of(self._options if options is None else options, host)
        judgement_of(settings)
        check_limits(settings, load)
        if settings.out is not None:
            prepare_folder(settings.out)
        return settings

    def _check_or_exit(self) -> None:
        try:
            self._checked(self._load(), self.environment.host)
        except ConfigError as error:
            complain(error)
            sys.exit(_WRONG_USAGE)

    def _checked_or_stopped(self, load: Load) -> Settings:
        """Raises StopTest, on which Locust spawns nobody."""
        try:
            return self._checked(load, self.environment.host)
        except ConfigError as error:
            self._refused = True
            complain(error)
            raise StopTest(str(error)) from error

    # Locust's events

    def _started(self, **_: Any) -> None:
        """Before anybody is spawned here or on a worker."""
        load = self._load()
        self._wait_for_the_end()
        try:
            self._options.meetprobe_campaign = uuid.uuid4().hex[:12]
            self._begin(self._checked_or_stopped(load), load)
        except StopTest:
            raise
        except Exception as error:  # without a campaign there must be no load
            self.bug(error)
            raise StopTest("the campaign could not begin") from error

    def _begin(self, settings: Settings, load: Load) -> None:
        judgement, runner, events = judgement_of(settings), self.environment.runner, self.environment.events
        self._options.meetprobe_units = [list(want) for want in judgement.unit_wants]
        self.settings, self._over, self._document = settings, False, None
        self._seen = set(runner.clients) if isinstance(runner, MasterRunner) else set()
        self._final, self._idle = set(), set()
        self.campaign = Campaign(settings, judgement.profile, judgement.horizon, datetime.now(UTC), time.monotonic())
        if settings.shape == "find-limit":
            self.campaign.search_limit(load.users)
        events.test_stop.remove_listener(self._stopped)
        events.test_stop.add_listener(self._stopped)  # the last of all: the local worker's report comes first
        gevent.spawn(self._watch, self.campaign)

    @_guarded
    def _stopping(self, **_: Any) -> None:
        runner = self.environment.runner
        if (campaign := self._running) is not None:
            campaign.state = "stopping"
            self._nodes = dict(runner.clients) if isinstance(runner, MasterRunner) else {}

    @_guarded
    def _stopped(self, **_: Any) -> None:
        if (campaign := self._running) is None:
            return
        self._await_last_reports(campaign)
        runner = self.environment.runner
        for row in runner.exceptions.values() if runner is not None else ():
            campaign.add_bug(str(row["msg"]), int(row["count"]))
        campaign.finish(time.monotonic(), interrupted=self._before_its_end(campaign))
        self._document = campaign.document()
        self._written = write(campaign, self._document)
        keep(campaign, self._document)

    @_guarded
    def _reported(self, client_id: str, data: Mapping[str, Any], **_: Any) -> None:
        if payload := data.get(MESSAGE):
            self._take(client_id, payload)

    @_guarded
    def _told(self, msg: Any, **_: Any) -> None:
        self._take(msg.node_id, msg.data)

    @_guarded
    def _take(self, worker: str, payload: Mapping[str, Any]) -> None:
        if self.campaign is None:
            logger.warning("a report of %s, of a campaign that this master did not start, is ignored", worker)
            return
        self.campaign.take(worker, payload, time.monotonic())
        if payload["campaign"] == self.campaign.id:
            self._seen.add(worker)
            if payload.get("final"):
                self._final.add(worker)
            if payload.get("given_up"):
                self._idle.add(worker)

    def _quitting(self, **_: Any) -> None:
        """Ctrl-C and SIGTERM come here while the campaign still runs."""
        self.environment.process_exit_code = 1  # unless all of this works
        self._stop_in_order()
        self.environment.process_exit_code = self.exit_code

    @_guarded
    def _quit(self, **_: Any) -> None:
        """Behind all that Locust prints: the verdict is what is left on the screen."""
        if self._unattended and self._document is not None:
            print_report(self._document, Console())

    # while it runs

    def _watch(self, campaign: Campaign) -> None:
        while campaign.state == "running":
            self._look(campaign)
            gevent.sleep(_EVERY)

    @_guarded
    def _look(self, campaign: Campaign) -> None:
        runner, now = self.environment.runner, time.monotonic()
        if isinstance(runner, MasterRunner):
            self._miss(runner, campaign, now)
            if self._idle and self._idle >= set(runner.clients):
                logger.error("no worker has an engine any more, the campaign is over")
                self._end()
        campaign.tick(now)
        load = self._load()
        if campaign.search is None and campaign.elapsed > duration(campaign.settings, load) + _OVERDUE:
            self._over = True
            self._end()

    def _miss(self, runner: MasterRunner, campaign: Campaign, now: float) -> None:
        """Locust tells nobody when it misses a worker. One that has said goodbye is none."""
        for worker in self._seen - self._final:
            node = runner.clients.get(worker)
            if node is None:
                campaign.worker_gone(worker, "it quit before its last report", now)
            elif node.state == STATE_MISSING:
                campaign.worker_gone(worker, "nothing was heard of it any more", now)

    def _before_its_end(self, campaign: Campaign) -> bool:
        """Was there more to come? A campaign without a run time ends whenever it is stopped."""
        if self._over:
            return False
        if campaign.search is not None:
            return campaign.search.limit is None
        run_time = self._load().run_time
        return run_time is not None and campaign.elapsed < run_time - _EVERY

    def _end(self) -> None:
        runner = self.environment.runner
        if runner is not None:
            (runner.quit if getattr(self._options, "headless", False) else runner.stop)()

    def _stop_in_order(self) -> None:
        """Returns when the campaign is over, also when another greenlet is at it already."""
        if self._running is not None and self.environment.runner is not None:
            self.environment.runner.stop()
        self._wait_for_the_end()

    def _wait_for_the_end(self) -> None:
        """Of the campaign that is being stopped: Locust says so early, while engines are still being closed."""
        deadline = time.monotonic() + _STOP_DEADLINE
        while self._running is not None and time.monotonic() < deadline:
            gevent.sleep(0.1)

    def _await_last_reports(self, campaign: Campaign) -> None:
        """Until every worker that was there has sent its last report. Locust goes on as soon as their users are gone, while their
        engines are still being closed."""
        runner = self.environment.runner
        if not isinstance(runner, MasterRunner):
            return
        deadline = time.monotonic() + _LAST_REPORTS
        while (waiting := self._waiting_for(runner)) and time.monotonic() < deadline:
            gevent.sleep(0.1)
        for worker in waiting:
            campaign.worker_gone(worker, f"its last report did not come within {_LAST_REPORTS:g} s", time.monotonic())
        self._miss(runner, campaign, time.monotonic())

    def _let_workers_finish(self, runner: MasterRunner) -> None:
        """Locust's master quits without waiting for its workers, and what they measured last would be lost: it stops first."""
        quit_at_once = runner.quit

        def quit_in_order() -> None:
            self._stop_in_order()
            quit_at_once()

        runner.quit = quit_in_order  # type: ignore[method-assign]

    def _waiting_for(self, runner: MasterRunner) -> set[str]:
        """Of the workers that were there: a new node in one's place is the worker that has stopped and reported back."""
        there = {
            worker
            for worker, node in self._nodes.items()
            if runner.clients.get(worker) is node and node.state != STATE_MISSING
        }
        return (there & self._seen) - self._final
