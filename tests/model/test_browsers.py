"""Browsers in a scenario: what fits, and what it comes to."""

from __future__ import annotations

from typing import Any

import pytest

from probe.model.errors import ConfigError
from probe.model.plan import longest_round, planned_counts
from probe.model.scenario import Scenario
from probe.model.scenario_files import parse_scenario


def scenario(**fields: Any) -> Scenario:
    return parse_scenario({"name": "x", **fields}, source="test")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"browsers": -1}, "browsers"),
        ({"browsers": 21}, "browsers"),
        ({"browsers": 1, "media": {"video": None}}, "they wait for a picture"),
        ({"participants": 2, "browsers": 1, "visitors": 1}, "a hybrid meeting of 3 that grows to 4 never crosses p2p_limit 2"),
    ],
)  # fmt: skip
def test_what_does_not_fit(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        scenario(**fields)


def test_one_participant_and_a_browser_meet() -> None:
    assert scenario(participants=1, browsers=1).staying == 2


@pytest.mark.parametrize(
    ("fields", "migrates", "migrations"),
    [
        ({"participants": 2, "browsers": 1}, False, 1),  # their coming moves the room
        ({"participants": 1, "browsers": 2}, False, 0),  # nobody was there who could be carried
        ({"participants": 2, "browsers": 1, "p2p_limit": 3}, False, 0),
        ({"participants": 2, "browsers": 1, "p2p_limit": 3, "visitors": 1}, True, 2),
        ({"participants": 2, "browsers": 1, "topology": "sfu"}, False, 0),
    ],
)
def test_browsers_count_towards_the_limit(fields: dict[str, Any], migrates: bool, migrations: int) -> None:
    found = scenario(**fields)
    assert found.migrates is migrates
    assert planned_counts(found).migrations == migrations


def test_they_take_their_time() -> None:
    with_one, without = scenario(browsers=1), scenario()
    assert planned_counts(with_one).seconds > planned_counts(without).seconds
    assert longest_round(with_one) == longest_round(without) + 2 * without.join_deadline
