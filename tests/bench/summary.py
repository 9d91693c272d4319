"""Medians over the rounds, and ratios within each round."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from tests.bench.rounds import Outcome
from tests.bench.row import REFERENCE


@dataclass(frozen=True)
class Summary:
    """One peer over all rounds: the median of each figure over the rounds that have it, None where none has; units as in Row.

    `ratio`: its CPU per packet over that of `reference`, the median of the ratios within rounds.
    `problem`: what to install, or why it failed; figures are missing then. `notes`: what the rounds remarked, in short.
    """

    name: str
    measured: str = ""
    participants: int | None = None
    rounds: int = 0
    cpu_us_per_packet: float | None = None
    ratio: float | None = None
    reference: str = REFERENCE
    cpu_core_per_participant: float | None = None
    packets_per_second: float | None = None
    join_cpu_seconds: float | None = None
    rss_bytes_per_participant: float | None = None
    notes: tuple[str, ...] = ()
    problem: str = ""


def summarise(outcomes: Sequence[Outcome]) -> list[Summary]:
    """In the order given."""
    by_name = {outcome.name: outcome for outcome in outcomes}
    return [_summary(outcome, by_name) for outcome in outcomes]


def _summary(outcome: Outcome, by_name: dict[str, Outcome]) -> Summary:
    rows = list(outcome.rows.values())
    if not rows:
        return Summary(outcome.name, problem=_problem(outcome))
    first = rows[0]
    return Summary(
        name=outcome.name,
        measured=first.measured,
        participants=first.participants,
        rounds=len(rows),
        cpu_us_per_packet=median_of(row.cpu_us_per_packet for row in rows),
        ratio=ratio_of(outcome, by_name.get(first.reference)),
        reference=first.reference,
        cpu_core_per_participant=median_of(row.cpu_core_per_participant for row in rows),
        packets_per_second=median_of(row.packets_per_second for row in rows),
        join_cpu_seconds=median_of(row.join_cpu_seconds for row in rows),
        rss_bytes_per_participant=median_of(row.rss_bytes_per_participant for row in rows),
        notes=_notes(outcome),
    )


def _notes(outcome: Outcome) -> tuple[str, ...]:
    """The last remark, with how many rounds had one where they differ; and the last failure. The rows have all of them."""
    notes = [row.note for row in outcome.rows.values()]
    said = [note for note in notes if note]
    found = said[-1:]
    if len(set(notes)) > 1:
        found = [f"{said[-1]} (remarks in {len(said)} of {len(notes)} rounds)"]
    if outcome.failures:
        found.append(f"failed {len(outcome.failures)} ×: {outcome.failures[-1]}")
    return tuple(found)


def _problem(outcome: Outcome) -> str:
    if outcome.missing:
        return f"missing: {outcome.missing}"
    return f"failed: {outcome.failures[-1]}" if outcome.failures else "not measured"


def median_of(values: Iterable[float | None]) -> float | None:
    """Of those that are known; None where none is."""
    known = [value for value in values if value is not None]
    return median(known) if known else None


def ratio_of(outcome: Outcome, reference: Outcome | None) -> float | None:
    """Over the rounds that have both: rounds differ by what else the machine did, the two within one hardly."""
    shared = outcome.rows.keys() & reference.rows.keys() if reference else set[int]()
    return median_of(
        outcome.rows[number].cpu_us_per_packet / reference.rows[number].cpu_us_per_packet
        for number in shared
        if reference and reference.rows[number].cpu_us_per_packet > 0
    )
