"""The highest load that held."""

from __future__ import annotations

from collections.abc import Iterable

from loadtest.judgement import judgement_of
from loadtest.search import Limit, LimitSearch, Steps
from probe.measure.summary import Summary
from reports.units import Units
from tests.loadtest.build import calls, delta, settings
from tests.reports.build import add


def search(most: int = 60) -> LimitSearch:
    """Steps of 20 users, 10 s each; three participants a user. The engine is ready at once."""
    found = LimitSearch(judgement_of(settings()), Steps(20, 10.0, most), lambda users: 3 * users)
    tell(found, delta([0.5]).summary)
    assert not found.advance(0.0, [], 1)
    return found


def tell(found: LimitSearch, summary: Summary, units: Units | None = None) -> None:
    found.add("a", summary, units or Units())


def step(found: LimitSearch, begin: float, joins: Iterable[float], *, failed: int = 0) -> bool:
    """A step of ten seconds from `begin`, in whose second half somebody joins."""
    for second in (1, 5):
        assert not found.advance(begin + second, [], 1)
    tell(found, delta(joins, failed=failed).summary)
    assert not found.advance(begin + 9.9, [], 1)
    return found.advance(begin + 10.0, [], 1)


def test_the_load_rises_until_a_target_breaks() -> None:
    found = search()
    assert found.users == 20
    assert step(found, 0.0, [0.5] * 50)
    assert (found.users, found.held, found.limit) == (40, 60, None)
    assert not step(found, 10.0, [12.0] * 50)
    assert found.limit is not None
    assert (found.limit.held, found.limit.tried, found.limit.ended) == (60, 120, "broken")
    assert found.limit.sentence.startswith(
        "60 participants held all targets; at 120 join_time failed: p95 of 50 readings"
    )
    assert not found.advance(99.0, [], 1)


def test_the_first_half_of_a_step_is_not_judged() -> None:
    found = search()
    found.advance(1.0, [], 1)
    tell(found, delta([12.0] * 50).summary)
    assert step(found, 0.0, [0.5] * 50)


def test_the_first_step_may_be_too_much() -> None:
    found = search()
    assert not step(found, 0.0, [], failed=30)
    assert found.limit is not None
    assert found.limit.held is None
    assert found.limit.sentence.startswith("no load held all targets; at 60 join_success failed: 0 of 30")


def test_the_users_that_were_asked_for_may_all_hold() -> None:
    found = search(most=30)
    assert step(found, 0.0, [0.5] * 50)
    assert found.users == 30
    assert step(found, 10.0, [0.5] * 50)
    assert found.limit == Limit(90, 90, "ceiling")
    assert (
        found.limit.sentence == "90 participants, the most that were asked for, held all targets: the limit lies higher"
    )


def test_a_busy_generator_ends_it() -> None:
    found = search()
    assert step(found, 0.0, [0.5] * 50)
    assert not found.advance(11.0, ["worker 1 (hall): event-loop lag", "and more"], 1)
    assert found.limit is not None
    assert found.limit.sentence == (
        "60 participants held all targets; at 120 the generator itself gave out: worker 1 (hall): event-loop lag"
    )


def test_it_waits_for_every_worker_but_not_for_ever() -> None:
    found = search()
    found.advance(5.0, [], 2)
    tell(found, delta([0.5] * 50).summary)
    assert not found.advance(10.0, [], 2)
    assert not found.advance(29.9, [], 2)
    assert found.advance(30.0, [], 2)
    assert not found.advance(35.0, [], 2)
    assert not found.advance(60.0, [], 2)
    assert found.limit == Limit(60, 120, "broken", ("nothing was measured",))


def test_the_first_step_begins_when_there_is_something_to_measure() -> None:
    found = LimitSearch(judgement_of(settings()), Steps(20, 10.0, 60), lambda users: users)
    for second in range(30):
        assert not found.advance(float(second), [], 1)
    tell(found, Summary())
    assert not found.advance(30.0, [], 1)
    tell(found, delta([0.5]).summary)
    assert not found.advance(32.0, [], 1)
    assert step(found, 32.0, [0.5] * 50)


def test_an_engine_that_never_measures_is_not_waited_for_for_ever() -> None:
    found = LimitSearch(judgement_of(settings()), Steps(20, 10.0, 60), lambda users: users)
    for second in range(200):
        found.advance(float(second), [], 1)
    assert found.limit == Limit(None, 20, "broken", ("nothing was measured",))


def test_who_stays_is_judged_though_nobody_joins() -> None:
    found, slow = search(), Summary()
    found.advance(5.0, [], 1)
    add(slow, "round_trip_time_seconds", [0.5 + n / 1000 for n in range(50)], topology="p2p", kind="video")
    tell(found, slow)
    assert not found.advance(10.0, [], 1)
    assert found.limit is not None
    assert "p2p_latency failed" in found.limit.sentence


def test_a_step_is_judged_by_its_meetings() -> None:
    """Their round trips average 200 ms, above the target of 80; but two of the four are below it."""
    by_meetings, by_readings = search(), search()
    told = calls([0.02, 0.06, 0.34, 0.38], readings=50)
    for found, units in ((by_meetings, told.units), (by_readings, Units())):
        found.advance(5.0, [], 1)
        tell(found, told.summary, units)
        found.advance(10.0, [], 1)
    assert (by_meetings.held, by_meetings.limit) == (60, None)
    assert by_readings.limit is not None
    assert "p2p_latency failed: mean of 200 readings," in by_readings.limit.sentence


def test_the_meetings_of_one_step_say_nothing_of_the_next() -> None:
    found, slow = search(), calls([0.02, 0.06, 0.34, 0.38], readings=50)
    found.advance(5.0, [], 1)
    tell(found, slow.summary, slow.units)
    assert found.advance(10.0, [], 1)
    found.advance(15.0, [], 1)
    even = calls([0.5, 0.5, 0.5, 0.5], readings=50, first=9)
    tell(found, even.summary, even.units)
    assert not found.advance(20.0, [], 1)
    assert found.limit is not None
    assert "p2p_latency failed: mean of 200 readings of 4 meetings," in found.limit.sentence


def test_stopped() -> None:
    found = search()
    found.stop()
    found.stop()
    assert found.limit is not None
    assert found.limit.to_dict() == {
        "held": None, "tried": 60, "ended": "stopped", "reasons": [],
        "sentence": "no load held all targets; the search was stopped at 60",
    }  # fmt: skip
