"""What a scenario comes to: how many joins, migrations and connections, and about how long."""

from __future__ import annotations

from dataclasses import dataclass

from probe.model.scenario import Scenario

JOIN_SECONDS = 1.0
"""From a join to its first picture, on loopback and a busy small machine; slower platforms take longer."""
MIGRATION_SECONDS = 1.5
LEAVE_SECONDS = 0.5
BROWSER_SECONDS = 2.0
"""Until all browsers of a meeting have their page and a picture."""
_UNPLANNED = 30.0
"""What each step may take beyond its own deadlines: leaving a dead server, a machine that swaps."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Counts if nothing fails. P2P connections count pairs, and only those of core members, which every platform makes;
    `seconds` is without the preparation of media."""

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
        seconds=scenario.rounds * _round_seconds(scenario),
    )


def _moved_by_browsers(scenario: Scenario) -> int:
    """Whether the browsers' coming moves each room of two or more to the SFU."""
    return int(scenario.topology == "hybrid" and 1 < scenario.participants <= scenario.p2p_limit < scenario.staying)


def _round_seconds(scenario: Scenario) -> float:
    start = scenario.meeting_spacing * (scenario.meetings - 1)
    entering = scenario.join_spacing * (scenario.participants - 1) + JOIN_SECONDS
    visit = scenario.join_spacing * scenario.visitors + JOIN_SECONDS + scenario.visit + LEAVE_SECONDS
    moves = 2 * MIGRATION_SECONDS if scenario.migrates else 0.0
    cycle = scenario.settle + (visit + moves if scenario.visitors else 0.0)
    browsers = BROWSER_SECONDS if scenario.browsers else 0.0
    return start + entering + browsers + scenario.cycles * cycle + scenario.after + LEAVE_SECONDS


def longest_round(scenario: Scenario) -> float:
    """Seconds that a round can take when everything fails at its deadline; one that takes longer hangs."""
    start = scenario.meeting_spacing * (scenario.meetings - 1)
    entering = scenario.join_spacing * (scenario.participants - 1) + 2 * scenario.join_deadline
    visit = scenario.join_spacing * scenario.visitors + scenario.join_deadline + scenario.visit
    moves = 2 * scenario.migration_deadline
    cycle = scenario.settle + visit + moves + _UNPLANNED
    browsers = 2 * scenario.join_deadline if scenario.browsers else 0.0
    return start + entering + browsers + scenario.cycles * cycle + scenario.after + 2 * _UNPLANNED
