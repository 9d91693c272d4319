"""From values to places on a drawing: scales, and the round numbers that are written beside them."""

from __future__ import annotations

import math
from dataclasses import dataclass

_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """`low` is drawn at `start`, `high` at `end`. `wide`: by ratios (logarithmic), for which both are above 0."""

    low: float
    high: float
    start: float
    end: float
    wide: bool = False

    def __call__(self, value: float) -> float:
        """The place of `value`; what lies outside is drawn at the edge."""
        low, high = self._on(self.low), self._on(self.high)
        share = (self._on(max(value, self.low)) - low) / (high - low) if high > low else 0.5
        return self.start + (self.end - self.start) * min(max(share, 0.0), 1.0)

    def _on(self, value: float) -> float:
        return math.log(value) if self.wide else value

    def ticks(self, most: int = 5) -> list[float]:
        """Round values within the scale, at most so many; on a wide scale powers of ten, and what lies between where those
        are few."""
        if not self.wide:
            return round_values(self.low, self.high, most)
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        for steps in ((1, 2, 5), (1, 3), (1,)):
            found = [step * 10.0**power for power in range(first, last + 1) for step in steps]
            found = [value for value in found if self.low <= value <= self.high]
            if len(found) <= most:
                return found
        return found[:: math.ceil(len(found) / most)]


def round_values(low: float, high: float, most: int = 5) -> list[float]:
    """At most `most` (2 or more) round values from low to high, equally far apart."""
    if not high > low:
        return [low]
    size = 10.0 ** math.floor(math.log10((high - low) / most))
    for factor in _ROUND:
        step = size * factor
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            break
    return [round(place * step, 12) for place in range(first, last + 1)]


TIME_STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


def time_values(high: float, most: int = 6) -> list[float]:
    """Seconds from 0 to `high` in steps of a clock, at most `most` beside the 0."""
    step = next((step for step in TIME_STEPS if high / step <= most), TIME_STEPS[-1] * math.ceil(high / 86400 / most))
    return [float(place * step) for place in range(int(high / step) + 1)]


def clock(seconds: float) -> str:
    """Time of the run: 8 s, 1:30, 2:05:00."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def lasting(seconds: float) -> str:
    """A duration in words of two units at most: 24 s, 8 min 29 s, 4 h, 1 h 5 min."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    named = ((hours, "h"), (minutes, "min"), (rest, "s"))
    shown = [f"{amount} {unit}" for amount, unit in (named[:2] if hours else named) if amount]
    return " ".join(shown) or "0 s"
