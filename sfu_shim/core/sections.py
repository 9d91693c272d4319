"""Which m-section of a subscriber carries which track. Pure.

Sections are never removed from a description (RFC 8829 section 5.2.2), so those of leavers are set inactive and given
to the next track of their kind: a room whose members come and go does not grow its descriptions.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Slot(Generic[T]):
    """One sending m-section: its kind and its track, None while it is inactive."""

    kind: str
    track: T | None


@dataclass(frozen=True, slots=True)
class Plan(Generic[T]):
    """`free`: indexes of slots to set inactive. `reuse`: (index, track). `add`: (kind, track), in order."""

    free: tuple[int, ...]
    reuse: tuple[tuple[int, T], ...]
    add: tuple[tuple[str, T], ...]

    def __bool__(self) -> bool:
        return bool(self.free or self.reuse or self.add)


def plan(slots: Sequence[Slot[T]], desired: Mapping[T, str]) -> Plan[T]:
    """What to change so that every desired track (with its kind) has exactly one section."""
    free = tuple(i for i, slot in enumerate(slots) if slot.track is not None and slot.track not in desired)
    carried = {slot.track for slot in slots}
    empty = [i for i, slot in enumerate(slots) if slot.track is None or i in free]
    reuse, add = [], []
    for track, kind in desired.items():
        if track in carried:
            continue
        index = next((i for i in empty if slots[i].kind == kind), None)
        if index is None:
            add.append((kind, track))
        else:
            empty.remove(index)
            reuse.append((index, track))
    return Plan(free, tuple(reuse), tuple(add))
