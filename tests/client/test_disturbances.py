"""What a schedule does, in words."""

from __future__ import annotations

from typing import Any

import pytest

from probe.client.disturbances import disturbances
from sfu_shim.core.link.profiles import parse_network


def test_a_step_that_is_the_same_both_ways_is_told_once() -> None:
    schedule: dict[str, Any] = {"schedule": [{"at": 5, "loss": 0.03}, {"at": 10, "blackout": 0.4}]}
    network = parse_network({"up": schedule, "down": {"schedule": schedule["schedule"][:1]}})
    assert disturbances(network) == [(5.0, "3 % loss"), (10.0, "blackout of 400 ms up")]


def test_a_network_that_stays_as_it_is() -> None:
    assert disturbances(parse_network("lte")) == []


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ({"delay": 0.05, "rate_bps": 500_000}, "500 kbit/s, 50 ms delay"),
        ({"duplicate": 0.02, "reorder": {"ratio": 0.01, "extra_delay": 0.02}}, "1 % overtaken, 2 % twice"),
        ({"delay": 0}, "unimpaired"),
    ],
)
def test_every_impairment_has_words(step: dict[str, Any], told: str) -> None:
    network = parse_network({"down": {"schedule": [{"at": 1, **step}]}})
    assert disturbances(network) == [(1.0, f"{told} down")]
