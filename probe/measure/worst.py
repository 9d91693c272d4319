"""Which pictures of a run are shown as its worst: few, of different streams and moments. Pure.

A row is one of the report's `worst_frames`; its pictures themselves are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Row = Mapping[str, Any]

MOST = 6
MOST_OF_STREAM = 2
MOST_UNDAMAGED = 2
"""Of those that are bit for bit what the encoder made: all streams of a content have the same, and no network did that."""
APART = 1.0
"""Seconds between two of one stream: the pictures of one bad moment look alike."""


def worst_of(rows: Iterable[Row]) -> list[Row]:
    """Those with the lowest SSIM, worst first; of equal ones the first given."""
    chosen: list[Row] = []
    for row in sorted(rows, key=lambda row: float(row["ssim"])):
        if len(chosen) < MOST and _adds(row, chosen):
            chosen.append(row)
    return chosen


def _adds(row: Row, chosen: list[Row]) -> bool:
    """Does it show what no worse one shows?"""
    own = [one for one in chosen if _stream(one) == _stream(row)]
    if len(own) >= MOST_OF_STREAM or any(abs(one["time_seconds"] - row["time_seconds"]) < APART for one in own):
        return False
    if not row["undamaged"]:
        return True
    undamaged = [one["frame"] for one in chosen if one["undamaged"]]
    return len(undamaged) < MOST_UNDAMAGED and row["frame"] not in undamaged


def _stream(row: Row) -> tuple[object, ...]:
    return row["participant"], row["remote"], row["topology"]
