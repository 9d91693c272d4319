from __future__ import annotations

import pytest

from tests.loadtest.test_link import run

ALONE = ["an_engine_that_is_never_ready_is_given_up", "who_does_not_close_is_killed"]
"""These change the supervisor's deadlines."""


def test_supervisor() -> None:
    run(
        "what_is_harvested_is_told_once",
        "a_lost_engine_is_started_again",
        "enough_is_enough",
        "wrong_input_is_not_tried_again",
        "stopping_before_it_is_ready_is_prompt",
    )


@pytest.mark.parametrize("case", ALONE)
def test_supervisor_s_deadlines(case: str) -> None:
    run(case)
