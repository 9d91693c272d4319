from __future__ import annotations

from typing import Any

import pytest

from probe.measure.intervals import attempts_needed
from probe.model.plan import Plan, expected_seconds, longest_round, planned_counts, slower_seconds
from probe.model.scenario_files import load_scenario, parse_scenario, scenario_names
from reports.targets.files import load_profile


def plan(**fields: Any) -> Plan:
    return planned_counts(parse_scenario({"name": "x", **fields}, source="test"))


def test_counts_of_a_hybrid_meeting() -> None:
    found = plan(meetings=3, participants=2, visitors=2, cycles=4, rounds=5)
    assert found.joins == found.participant_meetings == 3 * 5 * (2 + 2 * 4)
    assert found.migrations == 3 * 5 * 2 * 4
    assert found.p2p_connections == 3 * 5 * (1 + 4)
    assert found.peak_participants == 12


@pytest.mark.parametrize(
    ("fields", "migrations", "connections"),
    [
        ({"topology": "sfu", "participants": 5}, 0, 0),
        ({"topology": "p2p", "participants": 4}, 0, 6),
        ({"topology": "p2p", "participants": 2, "visitors": 1}, 0, 1),
        ({"topology": "hybrid", "participants": 2}, 0, 1),
        ({"topology": "hybrid", "participants": 3}, 0, 0),
        ({"topology": "hybrid", "participants": 1, "visitors": 2}, 2, 0),
    ],
)
def test_migrations_and_p2p_connections(fields: dict[str, Any], migrations: int, connections: int) -> None:
    found = plan(**fields)
    assert (found.migrations, found.p2p_connections) == (migrations, connections)


def test_time_grows_with_what_is_done() -> None:
    once = plan(visitors=1, settle=4, visit=5, after=2)
    assert plan(visitors=1, settle=4, visit=5, after=2, rounds=3).seconds == pytest.approx(3 * once.seconds)
    assert plan(visitors=1, settle=4, visit=6, after=2).seconds == pytest.approx(once.seconds + 1)


def test_the_default_scenario_ends_within_forty_seconds() -> None:
    """10 s are left for preparing media and for a slower machine."""
    assert planned_counts(load_scenario("hybrid")).seconds <= 30


def test_nightly_can_decide_every_ratio_target_within_fifteen_minutes() -> None:
    scenario, profile = load_scenario("nightly"), load_profile("video-platform")
    found = planned_counts(scenario)
    planned = {
        "join_success": found.joins,
        "p2p_connection_success": found.p2p_connections,
        "stability": found.participant_meetings,
        "migration_success": found.migrations,
    }
    ratios = {kpi.id: kpi.target("6m") for kpi in profile.kpis if kpi.aggregate == "ratio" and not kpi.not_judged}
    assert set(ratios) == set(planned)
    assert set(ratios) <= set(scenario.judges or ())
    for kpi, target in ratios.items():
        needed = attempts_needed(0, 0, target or 1.0)
        assert needed is not None
        assert planned[kpi] >= needed, kpi
    assert found.seconds <= 14 * 60


@pytest.mark.parametrize("name", scenario_names())
def test_a_round_that_goes_well_is_over_before_it_is_taken_for_hanging(name: str) -> None:
    scenario = load_scenario(name)
    assert longest_round(scenario) > planned_counts(scenario).seconds / scenario.rounds + 60.0


def test_the_longest_round_by_hand() -> None:
    """Start 2 x 1; in 2 x 0.5 and twice 15; three cycles of 8 and 0.5 and 15 and 8 and twice 10 and 30; after 5; 60."""
    fields = {"meetings": 3, "meeting_spacing": 1.0, "participants": 3, "join_spacing": 0.5, "visitors": 1, "cycles": 3}
    scenario = parse_scenario({"name": "x", "p2p_limit": 3, **fields}, source="test")
    assert longest_round(scenario) == 2 + 1 + 30 + 3 * (8 + 0.5 + 15 + 8 + 20 + 30) + 5 + 60


@pytest.mark.parametrize(("name", "took"), [("hybrid", 21.0), ("nightly", 534.0)])
def test_the_plan_says_what_runs_took(name: str, took: float) -> None:
    """Of real runs, on two cores."""
    assert planned_counts(load_scenario(name)).seconds == pytest.approx(took, rel=0.02)


def test_one_visit_by_hand() -> None:
    """Start 2 x 1; in 0.5 and 0.1; three cycles of 8, 0.5 between two visitors, 0.1, 8, two moves of 1.05; after 5."""
    fields = {"meetings": 3, "meeting_spacing": 1.0, "join_spacing": 0.5, "visitors": 2, "cycles": 3}
    assert plan(**fields).seconds == pytest.approx(2 + 0.6 + 3 * (8 + 0.5 + 0.1 + 8 + 2.1) + 5)


def test_what_is_expected_learns_from_the_rounds_that_are_over() -> None:
    scenario = parse_scenario({"name": "x", "rounds": 3}, source="test")
    assert expected_seconds(scenario, ()) == planned_counts(scenario).seconds
    assert expected_seconds(scenario, [20.0]) == 60.0
    assert expected_seconds(scenario, [20.0, 30.0]) == 75.0
    assert expected_seconds(scenario, [20.0, 30.0, 22.0]) == 72.0


def test_more_is_left_for_a_slower_platform() -> None:
    """Two joins of 0.9 s more, two moves of 0.45 s more, the visitor's and everybody's leaving of 0.5 s."""
    scenario = parse_scenario({"name": "x", "visitors": 1, "rounds": 2}, source="test")
    assert slower_seconds(scenario) == pytest.approx(planned_counts(scenario).seconds + 2 * (1.8 + 0.9 + 1.0))
