"""Copies waiting for their release, of any number of links."""

from __future__ import annotations

import heapq
import itertools
from typing import Generic, TypeVar

from sfu_shim.core.link.link import Copy

Route = TypeVar("Route")


class ReleaseQueue(Generic[Route]):
    """Gives copies back in order of release; those of the same instant in the order in which they were put in. Each comes
    with its `Route`, which is the driver's business. Bounded by the links' own bound on what they hold."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Copy, Route]] = []
        self._order = itertools.count()

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, copy: Copy, route: Route) -> None:
        heapq.heappush(self._heap, (copy.release, next(self._order), copy, route))

    def next_release(self) -> float | None:
        """When the next copy is due, seconds; None: none waits."""
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> tuple[Copy, Route] | None:
        """The next copy that is due at `now`, if any."""
        if not self._heap or self._heap[0][0] > now:
            return None
        _, _, copy, route = heapq.heappop(self._heap)
        return copy, route

    def release(self, now: float) -> list[tuple[Copy, Route]]:
        """All copies that are due at `now`, in order."""
        due = []
        while (found := self.pop_due(now)) is not None:
            due.append(found)
        return due

    def drain(self) -> list[tuple[Copy, Route]]:
        """All copies, in order, due or not. The queue is empty afterwards."""
        return self.release(float("inf"))
