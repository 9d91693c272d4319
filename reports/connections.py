"""Which ways the connections took, and how long each took to come up: a row for each pair of candidate types."""

from __future__ import annotations

from dataclasses import dataclass

from reports.document import Document

TITLE = "Connections"
HEADER = ("candidates, ours/theirs", "connections", "mean", "p95")


@dataclass(frozen=True, slots=True)
class PairRow:
    """`pair` as in "relay-tcp/host": with the way to our TURN server. Seconds from the descriptions to ICE and DTLS up."""

    pair: str
    count: int
    mean: float
    high: float


def pair_rows(document: Document) -> list[PairRow]:
    """The most frequent first; empty where nothing was connected."""
    by = document["metrics"].get("connect_duration_seconds", {}).get("by", {})
    found = [(key.removeprefix("pair="), figures) for key, figures in by.items() if key.startswith("pair=")]
    rows = [PairRow(pair, figures["count"], figures["mean"], figures["p95"]) for pair, figures in found]
    return sorted(rows, key=lambda row: (-row.count, row.pair))
