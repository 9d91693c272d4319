from __future__ import annotations

import json

import pytest

from sfu_shim.core.link.tally import RECENT, Delays, Tally


def test_delays() -> None:
    delays = Delays()
    assert delays.to_dict() == {"mean_seconds": None, "min_seconds": None, "max_seconds": None}
    for seconds in (0.1, 0.3, 0.2):
        delays.add(seconds)
    assert delays.to_dict() == {
        "mean_seconds": pytest.approx(0.2), "min_seconds": 0.1, "max_seconds": 0.3,
    }  # fmt: skip


def test_counts_add_up() -> None:
    tally = Tally()
    for _ in range(5):
        tally.offer(100)
    tally.drop("loss")
    tally.drop("queue")
    tally.duplicated = 1
    tally.deliver(100, 1.0, 1.5)
    tally.deliver(100, 2.0, 2.1)
    assert (tally.lost, tally.in_flight, tally.delivered_bytes) == (2, 2, 200)
    assert tally.delay_between(0, 2) == pytest.approx(0.5)
    assert tally.delay_between(0, 3) == pytest.approx(0.3)
    assert tally.delay_between(5, 6) is None
    assert json.loads(json.dumps(tally.to_dict()))["dropped_packets"] == {"loss": 1, "queue": 1}


def test_recent_is_bounded() -> None:
    tally = Tally()
    for i in range(RECENT + 5):
        tally.deliver(1, i, i)
    assert len(tally.recent) == RECENT
