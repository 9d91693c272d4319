"""Join phases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.join import PHASES, JoinClock


def test_a_plain_join() -> None:
    clock = JoinClock(100.0)
    for i, phase in enumerate(PHASES):
        clock.mark(phase, 100.0 + (i + 1) * 0.25)
    assert clock.durations() == dict.fromkeys(PHASES, 0.25)
    assert clock.total == 0.25 * len(PHASES)
    assert clock.after("ice_gathering") == 0.75
    assert JoinClock(100.0).after("ice_gathering") is None
    assert clock.failed_phase is None


def test_time_counts_from_the_intended_start() -> None:
    clock = JoinClock(100.0)
    clock.mark("signalling_connect", 103.0)
    assert clock.durations() == {"signalling_connect": 3.0}


def test_overlapping_phases_count_once() -> None:
    clock = JoinClock(0.0)
    for phase, time in (
        ("signalling_connect", 1.0),
        ("ice_gathering", 3.0),
        ("offer_answer", 2.0),
        ("ice_connected", 4.0),
    ):
        clock.mark(phase, time)
    assert clock.durations() == {
        "signalling_connect": 1.0, "ice_gathering": 2.0, "offer_answer": 0.0, "ice_connected": 1.0,
    }  # fmt: skip


def test_only_the_first_mark_counts() -> None:
    clock = JoinClock(0.0)
    clock.mark("first_rtp", 1.0)
    clock.mark("first_rtp", 2.0)
    assert clock.durations() == {"first_rtp": 1.0}


def test_a_mark_before_the_start_is_no_negative_time() -> None:
    clock = JoinClock(5.0, goal="room_join")
    clock.mark("room_join", 4.0)
    assert clock.durations() == {"room_join": 0.0}
    assert clock.total == 0.0


@pytest.mark.parametrize(
    ("reached", "failed"),
    [
        ([], "signalling_connect"),
        (["signalling_connect"], "room_join"),
        (["signalling_connect", "room_join", "offer_answer", "ice_connected"], "dtls_connected"),
        (["ice_connected", "signalling_connect"], "dtls_connected"),
        (PHASES[:-1], "first_decoded"),
        (["first_decoded"], None),
    ],
)
def test_the_phase_that_did_not_come(reached: list[str], failed: str | None) -> None:
    clock = JoinClock(0.0)
    for phase in reached:
        clock.mark(phase, 1.0)
    assert clock.failed_phase == failed
    assert (clock.total is None) == (failed is not None)


def test_another_goal() -> None:
    clock = JoinClock(0.0, goal="first_rtp")
    clock.mark("first_keyframe", 3.0)
    assert clock.failed_phase == "first_rtp"
    reached = JoinClock(0.0, goal="first_rtp")
    reached.mark("first_rtp", 4.0)
    assert reached.total == 4.0
    assert reached.failed_phase is None


def test_unknown_phases() -> None:
    with pytest.raises(ValueError, match="unknown join phase 'dance'"):
        JoinClock(0.0).mark("dance", 1.0)
    with pytest.raises(ValueError, match="unknown join phase"):
        JoinClock(0.0, goal="")


@given(st.dictionaries(st.sampled_from(PHASES), st.floats(0, 60), min_size=1))
def test_durations_add_up_to_the_latest_mark(marks: dict[str, float]) -> None:
    clock = JoinClock(0.0)
    for phase, time in marks.items():
        clock.mark(phase, time)
    durations = clock.durations()
    assert sum(durations.values()) == pytest.approx(max(marks.values()))
    assert list(durations) == [phase for phase in PHASES if phase in marks]
    assert all(seconds >= 0 for seconds in durations.values())


def test_what_arrives_before_it_can_be_used_counts_when_it_can() -> None:
    clock = JoinClock(100.0)
    for phase, time in (("signalling_connect", 100.1), ("first_rtp", 100.4), ("first_decoded", 100.4)):
        clock.mark(phase, time)
    clock.mark("dtls_connected", 100.5)
    assert clock.total == pytest.approx(0.5)
    assert sum(clock.durations().values()) == pytest.approx(0.5)


def test_what_comes_after_the_goal_is_no_part_of_it() -> None:
    clock = JoinClock(100.0, goal="dtls_connected")
    clock.mark("dtls_connected", 100.5)
    clock.mark("first_rtp", 100.9)
    assert clock.total == pytest.approx(0.5)
