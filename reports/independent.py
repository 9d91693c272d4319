"""How sure a figure is whose readings resemble each other: as sure as the meetings that they come from agree.

The readings of one meeting share its paths, and count as one look at the platform, however many they are. So the spread between
the meetings decides, or that between the participants where there was one meeting, or that between runs where several were
pooled. The readings of one participant alone are taken as they are: a mean over them is one over its time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from probe.measure.intervals import Interval, student_t
from reports.units import Share, is_group

SKEW_WEIGHT = 3.0
"""Of the skewness term. Edgeworth's expansion says 1, but a small sample shows less skewness than there is; at 3 the error keeps
to 5 % from 20 exponential values on (tests/reports/test_error_rates.py)."""

FEWEST_RUNS = 6
"""As many as `reports.contrast` needs to know how much runs differ by themselves."""


@dataclass(frozen=True, slots=True)
class Independent:
    """`what`: "run", "meeting group", "meeting" or "participant"; at least two of them."""

    what: str
    shares: tuple[Share, ...]

    def interval(self, confidence: float) -> Interval:
        """Of the mean of all readings, by how far the units' own means lie from it.

        Each squared deviation is divided by what it loses to the mean that it is taken from (1 - 2 w + sum of w^2 for a unit of
        weight w: the correction HC2 of J. G. MacKinnon, H. White, J. Econometrics 29, 1985). Student's t has the degrees of
        freedom of as many units of equal weight, 1 / sum of w^2 (L. Kish, Survey Sampling, 1965), less one. The end on the side of
        the longer tail is moved out as that of any mean is (`reports.figure`).
        """
        mean, pulls, variance = self._scatter()
        if variance <= 0:
            return Interval(mean, mean, confidence)
        t, error = self._t(confidence, len(self.shares)), math.sqrt(variance)
        skewness = math.fsum(pull**3 for pull in pulls) / math.fsum(pull**2 for pull in pulls) ** 1.5
        shift = SKEW_WEIGHT * skewness * (1 + 2 * t * t) / 6 * error
        return Interval(mean - t * error + min(shift, 0.0), mean + t * error + max(shift, 0.0), confidence)

    def worth(self, confidence: float) -> float:
        """As many independent readings would know as much, where each is 1 or 0 (a success, or within a limit).

        By E. L. Korn, B. I. Graubard (Survey Methodology 24, 1998): the variance that independent readings have over the one that
        the units show, less what Student's t takes off for few units. But never fewer than the units themselves would be if all
        readings of a unit were alike, 1 / sum of w^2, and never more than there are.
        """
        ratio, _, variance = self._scatter()
        readings = self.readings
        if variance <= 0 or not 0 < ratio < 1:
            return float(readings)
        few = student_t(max(readings - 1, 1), confidence) / self._t(confidence, len(self.shares))
        return min(max(ratio * (1 - ratio) / variance * few**2, self._as_many_of_one_size()), float(readings))

    @property
    def readings(self) -> int:
        """Of all units."""
        return sum(share.count for share in self.shares)

    def _scatter(self) -> tuple[float, list[float], float]:
        """The mean of all readings, what each unit contributes to its error, and the variance of it."""
        readings = self.readings
        mean = math.fsum(share.sum for share in self.shares) / readings
        weights = [share.count / readings for share in self.shares]
        squares = math.fsum(weight**2 for weight in weights)
        pulls = [(share.sum - mean * share.count) / readings for share in self.shares]
        variance = math.fsum(pull**2 / (1 - 2 * weight + squares) for pull, weight in zip(pulls, weights, strict=True))
        return mean, pulls, variance

    def _as_many_of_one_size(self) -> float:
        """Units of equal weight that would know as much as these."""
        return self.readings**2 / sum(share.count**2 for share in self.shares)

    def _t(self, confidence: float, units: int) -> float:
        """For so many units, of weights as unequal as these."""
        equal = self._as_many_of_one_size() * units / len(self.shares)
        return student_t(max(math.floor(equal + 1e-9) - 1, 1), confidence)

    def narrowed(self, half: float, units: int, confidence: float) -> float:
        """What half an interval would come to with so many units that differ as these do."""
        now = len(self.shares)
        return half * self._t(confidence, units) / self._t(confidence, now) * math.sqrt(now / units)


def independent(shares: Mapping[str, Share], readings: int) -> Independent | None:
    """What may count as independent of so many readings; None where that isn't known of all, or all are one participant's."""
    found = next((one for one in _levels(shares) if len(one.shares) > 1), None)
    complete = found is not None and found.readings == readings
    return found if complete else None


def _levels(shares: Mapping[str, Share]) -> Iterator[Independent]:
    """From the widest: the meetings of one run resemble each other more than those of different nights do. Of few runs nobody
    knows how much."""
    runs = _together(shares, lambda unit: unit.partition("\n")[0] if unit.count("\n") > 1 else "")
    if len(runs.shares) >= FEWEST_RUNS:
        yield replace(runs, what="run")
    meetings = _together(shares, lambda unit: unit.rpartition("\n")[0])
    yield replace(meetings, what="meeting group") if any(map(is_group, shares)) else meetings
    yield Independent("participant", tuple(shares.values()))


def _together(shares: Mapping[str, Share], group: Callable[[str], str]) -> Independent:
    found: dict[str, Share] = {}
    for unit, share in shares.items():
        found.setdefault(group(unit), Share()).add(share.count, share.sum)
    return Independent("meeting", tuple(found.values()))
