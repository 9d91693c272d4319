from __future__ import annotations

from tests.loadtest.test_link import run


def test_what_the_master_is_told() -> None:
    run("the_master_is_told_once")
