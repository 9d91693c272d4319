"""Readings by whom they were taken: how many, and their sum. They say how far the readings of a mean may count as independent.

A participant reads its round trip every second, and what it reads resembles what it read before; two in one meeting share
a path. So a mean of 600 readings of ten calls is known no better than ten calls tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from probe.model.samples import Sample, SampleBatch, unit_of

MAX_UNITS = 10_000
"""Participants per row that are kept apart. Where there are more none is told: the rest would count as nobody."""


class UnitWant(NamedTuple):
    """Samples of `metric` with `tag` ("" or "tag=value") from `after` (seconds of the run) on."""

    metric: str
    tag: str = ""
    after: float = 0.0

    def takes(self, tags: Mapping[str, str], time: float) -> bool:
        """Does it want this sample?"""
        name, _, value = self.tag.partition("=")
        return time >= self.after and (not name or tags.get(name) == value)


@dataclass(slots=True)
class Share:
    """Of one unit."""

    count: int = 0
    sum: float = 0.0

    def add(self, count: int, total: float) -> None:
        self.count += count
        self.sum += total


class Units:
    """`add` what is measured, read `shares(want)`."""

    def __init__(self, wants: Iterable[UnitWant] = ()) -> None:
        self._kept: dict[UnitWant, dict[str, Share]] = {UnitWant(*want): {} for want in wants}
        self._wanted: dict[str, list[UnitWant]] = {}
        self._appended = 0
        self._index()

    def _index(self) -> None:
        self._wanted = {}
        for want in self._kept:
            self._wanted.setdefault(want.metric, []).append(want)

    def add(self, sample: Sample) -> None:
        """Count one sample, where it is wanted; one that doesn't say whose it is counts as nobody's."""
        for want in self._wanted.get(sample.metric, ()):
            if want.takes(sample.tags, sample.time):
                unit = unit_of(sample.detail.get("meeting"), sample.detail.get("who"))
                self._share(want, unit).add(1, sample.value)

    def add_batch(self, batch: SampleBatch) -> None:
        """`add` for each value."""
        for want in self._wanted.get(batch.metric, ()):
            if want.takes(batch.tags, batch.time):
                first = 0
                for unit, count in batch.units or (("", len(batch.values)),):
                    self._share(want, unit).add(count, float(batch.values[first : first + count].sum()))
                    first += count

    def _share(self, want: UnitWant, unit: str) -> Share:
        kept = self._kept[want]
        return kept.setdefault(unit if unit in kept or len(kept) < MAX_UNITS else "", Share())

    def shares(self, want: UnitWant) -> dict[str, Share]:
        """By `unit_of` each, behind the number of the run where runs were appended; empty where they were not kept, or some
        readings are nobody's. Don't change them."""
        kept = self._kept.get(want, {})
        return {} if "" in kept else kept

    def merge(self, other: Units) -> None:
        """Take in another process's, which stay as they are."""
        for want, shares in other._kept.items():
            self._kept.setdefault(want, {})
            for unit, share in shares.items():
                self._share(want, unit).add(share.count, share.sum)
        self._index()

    def append(self, other: Units) -> None:
        """Take in another run's, which stay as they are: nobody of them has been here before. A run that did not keep what others
        did leaves nothing to tell."""
        renamed = Units()
        for want, shares in other._kept.items():
            renamed._kept[want] = {f"{self._appended}\n{unit}" if unit else "": share for unit, share in shares.items()}
        self._appended += 1
        self.merge(renamed)

    def to_dict(self) -> list[Any]:
        """For a pipe or a file; `from_dict` makes the same again."""
        return [
            [*want, [[unit, share.count, share.sum] for unit, share in sorted(shares.items())]]
            for want, shares in self._kept.items()
        ]

    @classmethod
    def from_dict(cls, data: Iterable[Any]) -> Units:
        """What `to_dict` wrote. Raises ValueError for damaged data."""
        found = cls()
        try:
            for metric, tag, after, shares in data:
                want = UnitWant(str(metric), str(tag), float(after))
                found._kept[want] = {str(unit): Share(int(count), float(total)) for unit, count, total in shares}
        except (TypeError, ValueError) as error:
            raise ValueError(f"not stored units: {error!r}") from error
        found._index()
        return found
