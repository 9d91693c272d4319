"""Samples by the time they came: what a row with `after` or `over` is judged on. Bounded and mergeable.

Only what a row asks for is kept, so a profile without such rows costs one look-up a sample. With them goes who took the readings
(`reports.units`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from probe.measure.histogram import Histogram
from probe.model.samples import Sample, SampleBatch, has_tag
from reports.units import Units, UnitWant

MAX_SLICES = 10_000
"""Kept apart per row; what comes later counts to the last one. Of 10 s slices they are more than a day."""


class Want(NamedTuple):
    """Samples of `metric` with `tag` ("" or "tag=value") from `after` on, in slices of `over` (both seconds of the run); `over` 0
    is one slice."""

    metric: str
    tag: str = ""
    after: float = 0.0
    over: float = 0.0

    def place(self, time: float) -> int:
        """The number of the slice that has this time, -1 before `after`."""
        if time < self.after:
            return -1
        return min(int((time - self.after) / self.over), MAX_SLICES - 1) if self.over else 0

    def complete(self, place: int, elapsed: float) -> bool:
        """Is that slice over, `elapsed` seconds into the run?"""
        return self.over > 0 and self.after + (place + 1) * self.over <= elapsed


class Slices:
    """`add` what is measured, read `histograms(want)`, and `units`."""

    def __init__(self, wants: Iterable[Want] = (), units: Iterable[UnitWant] = ()) -> None:
        self.units = Units(units)
        self._kept: dict[Want, dict[int, Histogram]] = {Want(*want): {} for want in wants}
        self._wanted: dict[str, list[Want]] = {}
        for want in self._kept:
            self._wanted.setdefault(want.metric, []).append(want)

    def add(self, sample: Sample) -> None:
        """Count one sample, where it is wanted. Raises ValueError for what no histogram counts."""
        self.units.add(sample)
        for want in self._wanted.get(sample.metric, ()):
            if (found := self._slice(want, sample.tags, sample.time)) is not None:
                found.add(sample.value)

    def add_batch(self, batch: SampleBatch) -> None:
        """`add` for each value: all have the batch's time, the end of some fractions of a second."""
        self.units.add_batch(batch)
        for want in self._wanted.get(batch.metric, ()):
            if len(batch.values) and (found := self._slice(want, batch.tags, batch.time)) is not None:
                found.add_many(batch.values)

    def _slice(self, want: Want, tags: Mapping[str, str], time: float) -> Histogram | None:
        place = want.place(time)
        if place < 0 or not has_tag(tags, want.tag):
            return None
        return self._kept[want].setdefault(place, Histogram())

    def histograms(self, want: Want) -> dict[int, Histogram] | None:
        """By number the slices that have samples, in order; None if they were not kept. Don't change them."""
        kept = self._kept.get(want)
        return None if kept is None else dict(sorted(kept.items()))

    def merge(self, other: Slices) -> None:
        """Take in another process's slices, which stay as they are."""
        self.units.merge(other.units)
        self._take_in(other)

    def _take_in(self, other: Slices) -> None:
        for want, slices in other._kept.items():
            if want not in self._kept:
                self._wanted.setdefault(want.metric, []).append(want)
            mine = self._kept.setdefault(want, {})
            for place, histogram in slices.items():
                mine.setdefault(place, Histogram()).merge(histogram)

    def append(self, other: Slices) -> None:
        """Take in another run's slices, which stay as they are: they come after these, and what is one slice stays one."""
        self.units.append(other.units)
        renumbered = Slices()
        for want, slices in other._kept.items():
            first = max(self._kept.get(want, {}), default=-1) + 1 if want.over else 0
            renumbered._kept[want] = {first + place: histogram for place, histogram in slices.items()}
        self._take_in(renumbered)

    def to_dict(self) -> dict[str, Any]:
        """For a pipe or a file; `from_dict` makes the same again."""
        kept = [
            [*want, [[place, histogram.to_dict()] for place, histogram in sorted(slices.items())]]
            for want, slices in self._kept.items()
        ]
        return {"wants": kept, "units": self.units.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Slices:
        """What `to_dict` wrote; of nothing, an empty one. Raises ValueError for damaged data."""
        found = cls()
        found.units = Units.from_dict(data.get("units", ()))
        try:
            for metric, tag, after, over, slices in data.get("wants", ()):
                want = Want(str(metric), str(tag), float(after), float(over))
                found._kept[want] = {int(place): Histogram.from_dict(one) for place, one in slices}
                found._wanted.setdefault(want.metric, []).append(want)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"not stored slices: {error!r}") from error
        return found
