"""Counts and delays of what went through a link, of one kind or one stream."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

CAUSES = ("loss", "blackout", "queue", "overflow", "unsent")
"""loss: the loss model. blackout. queue: the drop-tail queue was full. overflow: the emulator held too many packets.
unsent: planned, but the socket or the network refused it, or the relay was closed."""
RECENT = 2048


class Delays:
    """Added one-way delays in seconds: from the datagram's arrival at the link to its actual release."""

    __slots__ = ("count", "maximum", "minimum", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.minimum = math.inf
        self.maximum = 0.0

    def add(self, seconds: float) -> None:
        self.count += 1
        self.total += seconds
        self.minimum = min(self.minimum, seconds)
        self.maximum = max(self.maximum, seconds)

    @property
    def mean(self) -> float | None:
        return self.total / self.count if self.count else None

    def to_dict(self) -> dict[str, Any]:
        """In seconds; None before the first."""
        return {
            "mean_seconds": self.mean,
            "min_seconds": self.minimum if self.count else None,
            "max_seconds": self.maximum if self.count else None,
        }


class Tally:
    """`offered`: datagrams that came to the link. `dropped`: by cause. `duplicated`: copies that the link added.
    `held_back`: copies that it delayed to reorder them. `delivered`: copies that left, added ones included. `recent`:
    (actual release, added delay) of the last 2048 of them."""

    def __init__(self) -> None:
        self.offered = self.offered_bytes = 0
        self.duplicated = self.held_back = 0
        self.delivered = self.delivered_bytes = 0
        self.dropped = dict.fromkeys(CAUSES, 0)
        self.delays = Delays()
        self.recent: deque[tuple[float, float]] = deque(maxlen=RECENT)

    @property
    def lost(self) -> int:
        """Datagrams of which no copy got through, and copies refused (`unsent`)."""
        return sum(self.dropped.values())

    @property
    def in_flight(self) -> int:
        """Copies planned and not released yet."""
        return self.offered + self.duplicated - self.lost - self.delivered

    def offer(self, size: int) -> None:
        self.offered += 1
        self.offered_bytes += size

    def drop(self, cause: str) -> None:
        self.dropped[cause] += 1

    def deliver(self, size: int, arrival: float, released: float) -> None:
        self.delivered += 1
        self.delivered_bytes += size
        self.delays.add(released - arrival)
        self.recent.append((released, released - arrival))

    def delay_between(self, start: float, end: float) -> float | None:
        """Mean added delay of what was released within [start, end], seconds; None: nothing was."""
        found = [delay for released, delay in self.recent if start <= released <= end]
        return sum(found) / len(found) if found else None

    def to_dict(self) -> dict[str, Any]:
        return {
            "offered_packets": self.offered,
            "offered_bytes": self.offered_bytes,
            "dropped_packets": {cause: count for cause, count in self.dropped.items() if count},
            "duplicated_packets": self.duplicated,
            "held_back_packets": self.held_back,
            "delivered_packets": self.delivered,
            "delivered_bytes": self.delivered_bytes,
            "added_delay": self.delays.to_dict(),
        }
