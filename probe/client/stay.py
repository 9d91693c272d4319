"""How long a participant was carried by which topology, and what that took: for the bill and the megabytes per hour."""

from __future__ import annotations

from collections import Counter

from probe.client.context import Context
from probe.measure.savings import SavingsLedger
from probe.signalling.base import Topology

_SHORTEST = 1.0
"""Seconds by a topology below which a rate per hour says nothing."""


class Stay:
    """One participant's stay in a meeting."""

    def __init__(self, context: Context) -> None:
        self.topology: Topology | None = None
        self._context = context
        self._since = 0.0
        self._seconds: dict[Topology, float] = {}
        self._bytes: Counter[Topology] = Counter()

    def carried_by(self, topology: Topology, at: float | None = None) -> None:
        """From now on, or since `at` (monotonic), a moment ago."""
        now = max(self._since, at) if at is not None else self._context.clock.now()
        if self.topology is not None:
            self._seconds[self.topology] = self._seconds.get(self.topology, 0.0) + now - self._since
        self.topology, self._since = topology, now

    def carried(self, topology: Topology, size: int) -> None:
        """A path of that topology has carried so many bytes, both ways."""
        self._bytes[topology] += size

    def settle(self, ledger: SavingsLedger, who: str) -> None:
        """The stay is over: time to the ledger, volume to the samples."""
        if self.topology is not None:
            self.carried_by(self.topology)
        for topology, seconds in self._seconds.items():
            ledger.add_time(topology, seconds)
            if self._bytes[topology] and seconds >= _SHORTEST:
                per_hour = self._bytes[topology] / 1e6 / seconds * 3600
                self._context.emit("megabytes_per_participant_hour", per_hour, {"topology": topology}, who=who)
