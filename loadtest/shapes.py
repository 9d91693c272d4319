"""How Locust is told how many users there should be: one shape, which follows the campaign's plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from locust import LoadTestShape
from locust.runners import STATE_INIT, MasterRunner

if TYPE_CHECKING:
    from loadtest.master import Master


class CampaignShape(LoadTestShape):
    """Users, spawn rate and run time are Locust's own options, read anew each second: what the web form changes while a
    campaign runs holds from then on. With a shape Locust leaves the run time to it, so it ends the campaign too."""

    use_common_options = True

    def tick(self) -> tuple[int, float] | None:
        """Users there should be, and how many a second may come or go; None when the campaign is over."""
        runner = self.runner
        assert runner is not None, "Locust gives every shape its runner"
        if isinstance(runner, MasterRunner) and runner.state == STATE_INIT:
            runner.shape_last_tick = None  # a start that found no worker is tried again until there is one
        master = cast("Master", runner.environment.meetprobe)  # type: ignore[attr-defined]
        return master.wanted(self.get_run_time())  # type: ignore[no-untyped-call]
