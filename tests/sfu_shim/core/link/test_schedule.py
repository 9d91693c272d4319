from __future__ import annotations

import pytest

from probe.model.errors import ConfigError
from sfu_shim.core.link.impairment import Impairment, RandomLoss
from sfu_shim.core.link.schedule import MAX_STEPS, Schedule, ScheduleReader, Step

BASE = Impairment(delay=0.02)
LOSSY = Impairment(delay=0.02, loss=RandomLoss(0.03))


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(-1, BASE), (0, BASE), (4.999, BASE), (5, LOSSY), (10, LOSSY), (15, BASE), (1e6, BASE)],
)
def test_what_holds_when(seconds: float, expected: Impairment) -> None:
    reader = ScheduleReader(Schedule(BASE, (Step(5, LOSSY), Step(10, None, 0.4), Step(15, BASE))))
    assert reader.at(seconds) == expected


def test_blackouts() -> None:
    schedule = Schedule(BASE, (Step(5, LOSSY), Step(10, None, 0.4), Step(15, BASE, 1)))
    assert schedule.blackouts == ((10, 10.4), (15, 16))


def test_steps_are_in_order_bounded_and_change_something() -> None:
    with pytest.raises(ConfigError, match="order of time"):
        Schedule(BASE, (Step(5, LOSSY), Step(4, BASE)))
    with pytest.raises(ConfigError, match="changes nothing"):
        Step(5)
    with pytest.raises(ConfigError, match="more than the 1000 allowed"):
        Schedule(BASE, tuple(Step(i, BASE) for i in range(MAX_STEPS + 1)))
    with pytest.raises(ConfigError, match=r"blackout: -1 is not within 0 … 86400 \(seconds\)"):
        Step(5, None, -1)
