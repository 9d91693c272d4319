"""A process of its own, for Locust patches the one that it is in: Locust's real web UI with a campaign that nobody drives.

`python -m tests.loadtest.ui_site OPTIONS`, as `locust OPTIONS`, prints {"web": port} and serves until its stdin ends. The campaign
begins with Locust's test, AGE seconds old, and goes on from there.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import gevent
from gevent.fileobject import FileObject
from locust import User, constant, events, task
from locust.argument_parser import get_parser
from locust.env import Environment

from loadtest import prometheus, web
from loadtest.arguments import add_arguments
from loadtest.limits import check
from loadtest.plans import Load
from loadtest.settings import settings_of
from tests.loadtest.made_up import BEGAN, EVERY, MadeUpWorker, new_campaign, reports

AGE = 240.0
LONGEST = 120.0
DAY = 86_400.0


class Idle(User):
    wait_time = constant(1)

    @task
    def nothing(self) -> None:
        """Locust wants a task."""


class Master:
    """As `loadtest.master.Master`, with reports that were made up."""

    def __init__(self, environment: Environment) -> None:
        self.campaign: Any = None
        hooks: Any = environment.events  # Locust's own are not typed
        hooks.test_start.add_listener(self._start)
        hooks.test_stop.add_listener(self._stop)

    def check(self, users: int, rate: float, run_time: float | None, host: str | None, options: object) -> None:
        check(settings_of(options, host), Load(users, rate, run_time))

    def _start(self, **_: Any) -> None:
        workers = (MadeUpWorker("alpha_1", 1, trouble=200.0), MadeUpWorker("beta_2", 2))
        self.campaign = new_campaign()
        told = reports(workers, DAY, BEGAN, self.campaign.id)
        for name, payload, now in told:
            self.campaign.take(name, payload, now)
            if now - BEGAN > AGE:
                break
        gevent.spawn(self._go_on, self.campaign, told)

    def _go_on(self, campaign: Any, told: Any) -> None:
        for name, payload, now in told:
            gevent.sleep(EVERY / 2)
            if campaign.state != "running":
                return
            campaign.take(name, payload, now)

    def _stop(self, **_: Any) -> None:
        if self.campaign is not None:
            self.campaign.finish(BEGAN + self.campaign.elapsed)


def main() -> None:
    """Serve until stdin ends, but no longer than LONGEST."""
    hooks: Any = events
    hooks.init_command_line_parser.add_listener(add_arguments)
    options = get_parser().parse_args()
    environment = Environment(user_classes=[Idle], host=options.host, parsed_options=options)
    runner = environment.create_local_runner()
    ui: Any = environment.create_web_ui("127.0.0.1", 0, delayed_start=True)
    master = Master(environment)
    web.install(environment, master)  # type: ignore[arg-type]
    prometheus.serve(master, options)  # type: ignore[arg-type]
    ui.start()
    while ui.server is None or not ui.server.started:
        gevent.sleep(0.01)
    print(json.dumps({"web": ui.server.server_port}), flush=True)
    with gevent.Timeout(LONGEST, False):  # type: ignore[arg-type] # False: it ends the wait without raising
        FileObject(sys.stdin.fileno(), "rb", close=False).read()
    runner.quit()


if __name__ == "__main__":
    main()
