"""What a scenario comes to: how many joins, migrations and connections, and about how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from probe.model.scenario import Scenario


@dataclass(frozen=True, slots=True)
class _Pace:
    """Seconds that a platform takes for what only it decides. `migration` is from the moment that the last visitor is in, or gone,
    until the move is known to hold."""

    join: float
    migration: float
    leave: float


_LOOPBACK = _Pace(join=0.1, migration=1.05, leave=0.0)
"""Measured: a night on two cores, 315 joins of 59 ms and 612 migrations that were over 1.0 s after what made them."""
_SLOWER = _Pace(join=1.0, migration=1.5, leave=0.5)
"""A busy server, or one that is far away."""
BROWSER_SECONDS = 2.0
"""Until all browsers of a meeting have their page and a picture."""
_UNPLANNED = 30.0
"""What each step may take beyond its own deadlines: leaving a dead server, a machine that swaps."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Counts if nothing fails. P2P connections count pairs, and only those of core members, which every platform makes;
    `seconds` is what it takes on loopback, without the preparation of media; `expected_seconds` learns from the run."""

    joins: int
    migrations: int
    participant_meetings: int
    p2p_connections: int
    peak_participants: int
    seconds: float


def planned_counts(scenario: Scenario) -> Plan:
    """The plan of a scenario."""
    rooms = scenario.meetings * scenario.rounds
    stays = scenario.participants + (scenario.visitors * scenario.cycles)
    pairs = scenario.participants * (scenario.participants - 1) // 2
    meshes = {"sfu": 0, "p2p": 1, "hybrid": 1 + scenario.cycles if scenario.migrates else 1}[scenario.topology]
    if scenario.topology == "hybrid" and scenario.participants > scenario.p2p_limit:
        meshes = 0
    return Plan(
        joins=rooms * stays,
        migrations=rooms * (2 * scenario.cycles if scenario.migrates else _moved_by_browsers(scenario)),
        participant_meetings=rooms * stays,
        p2p_connections=rooms * pairs * meshes,
        peak_participants=scenario.meetings * (scenario.participants + scenario.visitors),
        seconds=scenario.rounds * _round_seconds(scenario, _LOOPBACK),
    )


def expected_seconds(scenario: Scenario, took: Sequence[float]) -> float:
    """What the whole run comes to when the rounds that are over `took` so many seconds each: the others take as long. Before the
    first is over nothing is known of the platform, and it counts as one on loopback."""
    if not took:
        return planned_counts(scenario).seconds
    return sum(took) / len(took) * scenario.rounds


def slower_seconds(scenario: Scenario) -> float:
    """What to leave for the meetings where the next ones must not begin before these are over, on a platform that is slower than
    loopback."""
    return scenario.rounds * _round_seconds(scenario, _SLOWER)


def _moved_by_browsers(scenario: Scenario) -> int:
    """Whether the browsers' coming moves each room of two or more to the SFU."""
    return int(scenario.topology == "hybrid" and 1 < scenario.participants <= scenario.p2p_limit < scenario.staying)


def _round_seconds(scenario: Scenario, pace: _Pace) -> float:
    start = scenario.meeting_spacing * (scenario.meetings - 1)
    entering = scenario.join_spacing * (scenario.participants - 1) + pace.join
    visit = scenario.join_spacing * (scenario.visitors - 1) + pace.join + scenario.visit + pace.leave
    moves = 2 * pace.migration if scenario.migrates else 0.0
    cycle = scenario.settle + (visit + moves if scenario.visitors else 0.0)
    browsers = BROWSER_SECONDS if scenario.browsers else 0.0
    return start + entering + browsers + scenario.cycles * cycle + scenario.after + pace.leave


def longest_round(scenario: Scenario) -> float:
    """Seconds that a round can take when everything fails at its deadline; one that takes longer hangs."""
    start = scenario.meeting_spacing * (scenario.meetings - 1)
    entering = scenario.join_spacing * (scenario.participants - 1) + 2 * scenario.join_deadline
    visit = scenario.join_spacing * scenario.visitors + scenario.join_deadline + scenario.visit
    moves = 2 * scenario.migration_deadline
    cycle = scenario.settle + visit + moves + _UNPLANNED
    browsers = 2 * scenario.join_deadline if scenario.browsers else 0.0
    return start + entering + browsers + scenario.cycles * cycle + scenario.after + 2 * _UNPLANNED
