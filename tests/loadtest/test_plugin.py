from __future__ import annotations

from tests.loadtest.test_link import run


def test_plugin() -> None:
    run("workers_are_briefed", "users_are_chosen_at_the_start", "locust_s_side_knows_no_asyncio")


def test_options_come_through_locust_s_parser() -> None:
    run("options_come_through_locust_s_parser", MEETPROBE_MAX_DURATION="2h")
