"""Peers in turn, A B C A B C: what else the machine does falls on all alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.bench.row import NotInstalled, PeerFailed, Row


@dataclass(frozen=True)
class Peer:
    """`measure` takes participants and seconds; a peer that can't carry so many takes fewer, and its row says how many."""

    name: str
    measure: Callable[[int, float], Row]


@dataclass
class Outcome:
    """What a peer came to: rows by round, what to install where it is missing, and why rounds failed."""

    name: str
    rows: dict[int, Row] = field(default_factory=dict)
    missing: str = ""
    failures: list[str] = field(default_factory=list)


def run_rounds(
    peers: Sequence[Peer], rounds: int, participants: int, seconds: float, tell: Callable[[str], None]
) -> list[Outcome]:
    """An outcome for each peer. A missing one is asked once; one that fails is tried again in the next round."""
    outcomes = [Outcome(peer.name) for peer in peers]
    for number in range(rounds):
        for peer, outcome in zip(peers, outcomes, strict=True):
            if not outcome.missing:
                _take_turn(peer, outcome, number, participants, seconds)
                tell(f"round {number + 1} of {rounds}: {peer.name}: {_said(outcome, number)}")
    return outcomes


def _take_turn(peer: Peer, outcome: Outcome, number: int, participants: int, seconds: float) -> None:
    try:
        outcome.rows[number] = peer.measure(participants, seconds)
    except NotInstalled as missing:
        outcome.missing = str(missing)
    except PeerFailed as failure:
        outcome.failures.append(str(failure))


def _said(outcome: Outcome, number: int) -> str:
    if outcome.missing:
        return f"missing: {outcome.missing}"
    if (row := outcome.rows.get(number)) is None:
        return f"failed: {outcome.failures[-1]}"
    return f"{row.cpu_us_per_packet:.1f} µs per packet" + (f" ({row.note})" if row.note else "")
