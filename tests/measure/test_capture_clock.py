"""Somebody else's clock against ours: simulated clocks with an offset and a drift, ways that take longer there than back."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.capture_clock import DRIFT, LARGEST_ERROR, REACH, SENDING, WINDOW, CaptureClock

OURS = 3_976_000_000.0
"""NTP seconds by our clock when a test begins."""
RATE = 90_000
BASE = 2**32 - 5 * RATE
"""RTP timestamp at that moment: it wraps within the first seconds."""


def stamp(seconds: float) -> int:
    return (BASE + round(seconds * RATE)) % 2**32


def clock_of(ahead: float = 0.0, trip: float = 0.0, way: float = 0.0) -> CaptureClock:
    """One capture, one report that took `way`, one round trip; we are `ahead` of the sender."""
    clock = CaptureClock(RATE)
    clock.on_round_trip(trip, OURS)
    clock.on_sender_report(OURS - ahead, stamp(0), OURS + way)
    clock.on_capture(stamp(0), OURS - ahead, 0.0)
    return clock


def test_a_clock_apart_is_set_by_half_the_round_trip() -> None:
    clock = clock_of(ahead=7.0, trip=0.1, way=0.05)
    found = clock.at(stamp(0.2), OURS + 0.05)
    assert found is not None
    assert found.time == pytest.approx(OURS + 0.2, abs=1e-5)
    assert found.error == pytest.approx(0.05 + SENDING, abs=1e-5)
    assert found.source == clock.source == "estimated"


@pytest.mark.parametrize("way", [0.0, 0.02, 0.1])
def test_a_clock_that_can_t_be_told_from_ours_is_taken_for_it(way: float) -> None:
    """Whatever share of the round trip the report took: the time is exact, and the error says what could have been."""
    found = clock_of(trip=0.1, way=way).at(stamp(0), OURS + way)
    assert found is not None
    assert (found.time, found.source) == (OURS, "synchronised")
    assert found.error == pytest.approx(abs(way - 0.05) + 0.05 + SENDING, abs=1e-5)


def test_the_capturer_s_own_offset_counts() -> None:
    """Capture NTP Clock = Sender NTP Clock + Capture Clock Offset."""
    clock = CaptureClock(RATE)
    clock.on_round_trip(0.0, OURS)
    clock.on_sender_report(OURS - 7.0, stamp(0), OURS)
    clock.on_capture(stamp(1), OURS + 1 - 7.0 + 30.0, 30.0)
    found = clock.at(stamp(1), OURS)
    assert found is not None
    assert found.time == pytest.approx(OURS + 1, abs=1e-5)
    assert found.error == pytest.approx(SENDING, abs=1e-5)


def test_what_capture_and_report_disagree_about_is_error() -> None:
    clock = CaptureClock(RATE)
    clock.on_round_trip(0.02, OURS)
    clock.on_sender_report(OURS, stamp(0), OURS + 0.01)
    clock.on_capture(stamp(0), OURS - 0.3, None)
    found = clock.at(stamp(0), OURS + 0.01)
    assert found is not None
    assert found.time == pytest.approx(OURS - 0.3, abs=1e-5)
    assert found.error == pytest.approx(0.3 + 0.01 + SENDING, abs=1e-4)


@pytest.mark.parametrize("offset", [None, 0.0])
def test_a_capturer_s_clock_that_nobody_ties_to_the_sender_s_says_nothing(offset: float | None) -> None:
    """As when a server passes on what the camera wrote, and reports by its own clock."""
    clock = CaptureClock(RATE)
    clock.on_round_trip(0.02, OURS)
    clock.on_sender_report(OURS, stamp(0), OURS + 0.01)
    clock.on_capture(stamp(0), OURS - 3600, offset)
    assert clock.at(stamp(0), OURS) is None
    assert clock.source == "apart"


def test_why_there_is_no_time() -> None:
    clock = CaptureClock(RATE)
    assert (clock.at(stamp(0), OURS), clock.source) == (None, "none")
    clock.on_sender_report(OURS, stamp(0), OURS)
    clock.on_round_trip(0.02, OURS)
    assert (clock.at(stamp(0), OURS), clock.source) == (None, "none")
    clock = CaptureClock(RATE)
    clock.on_capture(stamp(0), OURS, None)
    assert (clock.at(stamp(0), OURS), clock.source) == (None, "unset")
    clock.on_sender_report(OURS, stamp(0), OURS)
    assert (clock.at(stamp(0), OURS), clock.source) == (None, "unset")
    clock.on_round_trip(0.02, OURS)
    assert clock.at(stamp(0), OURS) is not None
    assert clock.source == "synchronised"


def test_a_sender_without_a_clock_reports_0() -> None:
    clock = CaptureClock(RATE)
    clock.on_capture(stamp(0), OURS, None)
    clock.on_round_trip(0.0, OURS)
    clock.on_sender_report(0.0, stamp(0), OURS)
    assert (clock.at(stamp(0), OURS), clock.source) == (None, "unset")


def test_captures_between_those_that_are_told() -> None:
    clock = CaptureClock(RATE)
    assert clock.told(stamp(0)) is None
    clock.on_capture(stamp(4), OURS + 4, None)
    for seconds in (4 - REACH, 3.5, 4, 4.5, 6, 4 + REACH):  # across the wrap
        assert clock.told(stamp(seconds)) == pytest.approx(OURS + seconds, abs=1e-5)
    assert clock.told(stamp(4.01 + REACH)) is None
    assert clock.told(stamp(3.99 - REACH)) is None


def test_a_step_of_the_sender_s_clock_is_followed_at_once() -> None:
    clock = clock_of()
    for second, ahead in enumerate([0.0, 0.0, 40.0, 40.0]):
        clock.on_sender_report(OURS + second - ahead, stamp(second), OURS + second)
    clock.on_capture(stamp(3), OURS + 3 - 40, 0.0)
    found = clock.at(stamp(3), OURS + 3)
    assert found is not None
    assert found.time == pytest.approx(OURS + 3, abs=1e-4)


def test_an_old_round_trip_is_better_than_none_and_a_new_way_is_learnt() -> None:
    clock = clock_of(ahead=100.0, trip=0.02, way=0.01)
    for second in range(1, 2 * round(WINDOW)):
        clock.on_sender_report(OURS + second - 100, stamp(second), OURS + second + 0.05)
    now = OURS + 2 * WINDOW
    clock.on_capture(stamp(2 * WINDOW), now - 100, 0.0)
    found = clock.at(stamp(2 * WINDOW), now)
    assert found is not None
    assert found.error == pytest.approx(0.01 + SENDING, abs=0.003)  # half of 20 ms
    clock.on_round_trip(0.1, now)
    found = clock.at(stamp(2 * WINDOW), now)
    assert found is not None
    assert found.time == pytest.approx(now, abs=0.003)
    assert found.error == pytest.approx(0.05 + SENDING, abs=0.003)


@dataclass(frozen=True)
class Way:
    """Seconds there (from the sender to us) and back at least, and how much longer a packet may take."""

    there: float
    back: float
    queue: float


ways = st.builds(Way, st.floats(0, 0.2), st.floats(0, 0.2), st.floats(0, 0.3))


@given(way=ways, ahead=st.floats(-1e6, 1e6), drift=st.floats(-50e-6, 50e-6), seed=st.integers(0, 1000))
def test_the_error_is_as_large_as_it_says(way: Way, ahead: float, drift: float, seed: int) -> None:
    """A minute of reports each second and round trips each five. Each packet has a queue of its own, every fifth report has none."""
    rng, clock = random.Random(seed), CaptureClock(RATE)

    def theirs(ours: float) -> float:
        return ours - ahead + drift * (ours - OURS)

    times = 0
    for second in range(60):
        now = OURS + second
        if second % 5 == 0:
            trip = way.there + way.back + rng.uniform(0, way.queue) + rng.uniform(0, way.queue)
            clock.on_round_trip(trip, now + trip)
        arrival = now + way.there + (rng.uniform(0, way.queue) if second % 5 else 0.0)
        clock.on_sender_report(theirs(now), stamp(second), arrival)
        clock.on_capture(stamp(second), theirs(now), rng.choice((0.0, None)))
        for later in (0.0, 0.4, 0.9):
            found = clock.at(stamp(second + later), arrival + later)
            if found is None:
                assert clock.source == "apart"
                continue
            times += 1
            assert abs(found.time - (now + later)) <= found.error
            assert found.error <= LARGEST_ERROR
    assert times > 100


def test_of_two_reports_the_older_counts_less_for_the_drift_since() -> None:
    """1 ms quicker, but 20 s older: meanwhile the clocks may have run apart by 2 ms."""
    clock = CaptureClock()
    clock.on_round_trip(0.02, 1e9)
    for arrival, ahead in ((1e9, 1000.010), (1e9 + 20, 1000.011)):
        timestamp = round(arrival - 1e9) * 90_000
        clock.on_capture(timestamp, arrival - ahead, 0.0)
        clock.on_sender_report(arrival - ahead, timestamp, arrival)
        found = clock.at(timestamp, arrival)
        assert found is not None
        assert found.time == pytest.approx(arrival - 0.01, abs=1e-5)
        assert found.error == pytest.approx(0.01 + SENDING, abs=1e-5)
    later = clock.at(timestamp, arrival + 10)
    assert later is not None
    assert later.error == pytest.approx(0.01 + SENDING + 10 * DRIFT, abs=1e-5)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**32 - 1),
            st.floats(0, 2**32),
            st.one_of(st.none(), st.floats(-(2**31), 2**31)),
            st.floats(0, 2**32),
            st.floats(0, 60),
        ),
        max_size=20,
    )
)
def test_whatever_a_stream_says_no_time_is_told_that_is_less_sure_than_a_second(
    said: list[tuple[int, float, float | None, float, float]],
) -> None:
    clock = CaptureClock()
    for second, (timestamp, captured, offset, ntp, trip) in enumerate(said):
        clock.on_capture(timestamp, captured, offset)
        clock.on_sender_report(ntp, timestamp, OURS + second)
        clock.on_round_trip(trip, OURS + second)
        found = clock.at(timestamp, OURS + second)
        assert found is None or 0.0 <= found.error <= LARGEST_ERROR
