"""Sentences that a reader of a campaign's figures has to know. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from probe.measure.observed import statement


@dataclass(frozen=True, slots=True)
class Facts:
    """What the sentences are made of. `limit` is the search's own; `first_drop` UTC seconds since 1970; `counts` of "retries"
    and "ignored" reports; `networks` by (name, source); `unlisted` are sentences, or empty."""

    limit: str
    started_at: datetime
    first_drop: float | None
    joins: int
    counts: Mapping[str, int]
    observed: Mapping[str, int]
    networks: Mapping[tuple[str, str], int]
    workers: int
    unlisted: tuple[str, ...] = ()


def notes_of(facts: Facts) -> tuple[str, ...]:
    """What was found, when it broke, what was tried again, what was sampled, and by how many workers."""
    return tuple(note for note in _notes(facts) if note)


def _notes(facts: Facts) -> Iterator[str]:
    yield facts.limit
    if facts.first_drop is not None:
        at = datetime.fromtimestamp(facts.first_drop, UTC)
        after = (at - facts.started_at).total_seconds()
        yield f"the first call was lost {after:.1f} s after the start, at {at:%H:%M:%S} UTC"
    retries, ignored = facts.counts.get("retries", 0), facts.counts.get("ignored", 0)
    if retries:
        yield f"{retries} of {_plural(facts.joins, 'join')} were retries"
    yield from statement(facts.observed)
    for (name, source), count in facts.networks.items():
        yield f"emulated network {name} for {count} participants" + (f" ({source})" if source else "")
    if facts.workers > 1:
        yield f"driven by {facts.workers} workers"
    yield from facts.unlisted
    if ignored:
        yield f"{_plural(ignored, 'report')} of another campaign, or after the end, not counted"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
