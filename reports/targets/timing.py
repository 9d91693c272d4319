"""What must hold between the keys of a row that say when its samples count: after, over, at_least, abort_on_fail."""

from __future__ import annotations

from typing import Protocol

from reports.targets.quantity import Written, parse_quantity

SHORTEST_SLICE = 1.0
"""Seconds: many readings come once a second."""
_MENDS = {"higher": ("max", "count", "rate", "sum", "value"), "lower": ("min", "rate", "value")}
"""By direction, exact aggregates that a running figure can't decide: later samples may still repair them."""


class Timed(Protocol):
    """The keys of a row that this is about."""

    id: str
    metric: str | None
    aggregate: str
    after: Written
    over: Written
    at_least: Written
    abort_on_fail: bool
    abort_after: Written
    tolerance: Written

    @property
    def direction(self) -> str: ...
    @property
    def judged_unit(self) -> str: ...
    @property
    def is_reduction(self) -> bool: ...
    @property
    def is_multiple(self) -> bool: ...


def check_time(row: Timed) -> None:
    """Raises ValueError that names the row and the key."""
    for key in ("after", "over", "abort_after"):
        if not _quantity(row, key, "seconds") >= 0:
            raise ValueError(f"{row.id}: {key} can't be negative")
    if not _quantity(row, "tolerance", row.judged_unit) >= 0:
        raise ValueError(f"{row.id}: tolerance can't be negative")
    over, share = _quantity(row, "over", "seconds"), _quantity(row, "at_least", "ratio")
    if over and over < SHORTEST_SLICE:
        raise ValueError(f"{row.id}: over is at least {SHORTEST_SLICE:g} s")
    if not 0 < share <= 1:
        raise ValueError(f"{row.id}: at_least lies above 0 and up to 100 %")
    if share < 1 and not over:
        raise ValueError(f"{row.id}: at_least counts slices; say how long they are with over")
    if over and (row.is_reduction or row.is_multiple):
        raise ValueError(f"{row.id}: a row relative to a baseline has no slices")
    if row.metric is None and (over or row.after or row.abort_on_fail):
        raise ValueError(f"{row.id}: after, over and abort_on_fail need a metric")
    if row.abort_after and not row.abort_on_fail:
        raise ValueError(f"{row.id}: abort_after delays abort_on_fail, which isn't set")
    if row.abort_on_fail and not over and row.aggregate in _MENDS[row.direction]:
        raise ValueError(
            f"{row.id}: abort_on_fail can't look at {row.aggregate} {'above' if row.direction == 'higher' else 'below'} a "
            "target: what comes later may still reach it"
        )


def _quantity(row: Timed, key: str, unit: str) -> float:
    try:
        return parse_quantity(getattr(row, key), unit)
    except ValueError as error:
        raise ValueError(f"{row.id}: {key}: {error}") from error
