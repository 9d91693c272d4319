"""Ties the campaign to Locust: `install()` in a locustfile, and all parts are there where they belong."""

from __future__ import annotations

import logging
import signal
from functools import cache
from typing import Any

import gevent
from locust import events
from locust.dispatch import UsersDispatcher
from locust.runners import MasterRunner, WorkerRunner

from loadtest import prometheus, web
from loadtest.arguments import add_arguments
from loadtest.master import Master
from loadtest.users import users_of
from loadtest.worker import Worker
from probe.streams import let_readers_leave

logger = logging.getLogger(__name__)


@cache
def install() -> None:
    """Once per process: a second locustfile that installs it as well changes nothing."""
    let_readers_leave()  # before Locust sets up its log
    hooks: Any = events  # which know no types
    hooks.init_command_line_parser.add_listener(add_arguments)
    hooks.init.add_listener(_initialise)


def _initialise(environment: Any, runner: Any, web_ui: Any = None, **_: Any) -> None:
    """Listener of `events.init`. The master's part comes first: it names the campaign that the worker's then reads."""
    if not isinstance(runner, WorkerRunner):
        _brief_workers(environment, runner)
        _choose_users(environment)
        master = environment.meetprobe = Master(environment)
        if web_ui is not None:
            web.install(environment, master)
        prometheus.serve(master, environment.parsed_options)
        heed_signals(environment, runner)
    if not isinstance(runner, MasterRunner):
        environment.meetprobe_worker = Worker(environment)


def heed_signals(environment: Any, runner: Any) -> None:
    """Without web UI Locust waits for its shape first and only then begins to listen for SIGTERM, and never for SIGHUP: both would end
    the campaign without a word. Here it ends as with Ctrl-C, with everybody gone and the report written. nohup still has its way."""
    if not environment.parsed_options.headless:
        return

    def quit_in_order(number: signal.Signals) -> None:
        logger.info("Got %s signal", number.name)
        runner.quit()

    if environment.shape_class is not None:
        gevent.signal_handler(signal.SIGTERM, quit_in_order, signal.SIGTERM)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
        gevent.signal_handler(signal.SIGHUP, quit_in_order, signal.SIGHUP)


def _brief_workers(environment: Any, runner: Any) -> None:
    """What only the master knows goes to the workers with the options, which Locust sends along with each order to spawn."""
    options = vars(environment.parsed_options)

    def brief(**_: Any) -> None:
        options["meetprobe_rate"] = float(options.get("spawn_rate") or 1)
        options["meetprobe_workers"] = _workers(runner) if isinstance(runner, MasterRunner) else [0]

    environment.events.test_start.add_listener(brief)


def _workers(runner: Any) -> list[int]:
    """Locust's indexes of the workers that the campaign begins with: each deals itself its share of the rooms."""
    clients = runner.clients.ready + runner.clients.spawning + runner.clients.running
    return sorted(runner.get_worker_index(client.id) for client in clients)


def _choose_users(environment: Any) -> None:
    """`--user`, or the form, says which of our classes get users. It is asked at each start, when Locust makes a dispatcher;
    classes of one's own are left alone, and so is who was named on the command line."""
    options, make = environment.parsed_options, environment.dispatcher_class

    def dispatcher(worker_nodes: Any, user_classes: list[Any]) -> UsersDispatcher:
        left_out = set() if options.user_classes else set(users_of("both")) - set(users_of(options.user))
        chosen = [one for one in user_classes if one not in left_out]
        made: UsersDispatcher = make(worker_nodes=worker_nodes, user_classes=chosen or user_classes)
        return made

    environment.dispatcher_class = dispatcher
