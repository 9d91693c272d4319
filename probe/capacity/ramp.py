"""The search for the largest number that holds: doubling until it breaks, then halving what is between."""

from __future__ import annotations

PRECISION = 0.05
"""The search ends when what holds and what does not are this near, as a share."""


class Ramp:
    """Ask `next`, try that many participants, `tell` how it went, until `next` is None.

    Everything tried is a multiple of `unit` (a meeting's size) between it and `ceiling`. A number that only just did not hold
    is tried `retries` times more before it is believed: machines have hiccups. No clock: the caller may stop at any time.
    """

    def __init__(self, unit: int, first: int, ceiling: int, *, steps: int = 24, retries: int = 1) -> None:
        if unit < 1 or first < unit or ceiling < unit:
            raise ValueError(f"nothing to search between {unit} and {ceiling}, beginning at {first}")
        self.low: int | None = None
        self.high: int | None = None
        self.steps = steps
        self._unit = unit
        self._ceiling = ceiling // unit * unit
        self._retries = retries
        self._tries_left = retries
        self._next = min(self._whole(first), self._ceiling)

    def next(self) -> int | None:
        """How many to try; None when the search is over."""
        return self._next if self._next and self.steps > 0 else None

    def tell(self, participants: int, *, held: bool, clearly: bool = False) -> None:
        """It was tried. `clearly`: no use in trying again."""
        if participants != self._next:
            raise ValueError(f"{self._next} participants were to be tried, not {participants}")
        self.steps -= 1
        if not held and not clearly and self._tries_left > 0:
            self._tries_left -= 1
            return
        self._tries_left = self._retries
        if held:
            self.low = participants
        else:
            self.high = participants
        self._next = self._following()

    def _following(self) -> int:
        """0 when the search is over."""
        if self.high is None:
            assert self.low is not None
            return 0 if self.low >= self._ceiling else min(2 * self.low, self._ceiling)
        if self.low is None:
            return 0 if self.high <= self._unit else self._whole(self.high // 2)
        if self.high - self.low <= max(self._unit, PRECISION * self.low):
            return 0
        return self._whole((self.low + self.high) // 2)

    def _whole(self, participants: int) -> int:
        return max(self._unit, participants // self._unit * self._unit)

    @property
    def at_ceiling(self) -> bool:
        """Everything that may be tried holds."""
        return self.low is not None and self.low >= self._ceiling
