"""Readings by whom they were taken: how many, and their sum. They say how far the readings of a figure may count as independent.

A participant reads its round trip every second, and what it reads resembles what it read before; two in one meeting share
a path. So a mean of 600 readings of ten calls is known no better than ten calls tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from zlib import crc32

from probe.model.samples import Sample, SampleBatch, has_tag, unit_of

MAX_UNITS = 10_000
"""Per row that are kept apart, if nobody says otherwise. Where there are more, the participants of a meeting become one, then the
meetings of a group, then the groups of a run."""
GROUPS = 1000
"""Groups of meetings. By its name a meeting is in the same one in each process; how far so many differ is known to some 2 %."""
_GROUP = "meetings of group "


class UnitWant(NamedTuple):
    """Samples of `metric` with `tag` ("" or "tag=value") from `after` (seconds of the run) on. With a `limit` (in the metric's
    unit) it is not their values that are added up: each is 1 if it is at most the limit, else 0."""

    metric: str
    tag: str = ""
    after: float = 0.0
    limit: float | None = None

    def takes(self, tags: Mapping[str, str], time: float) -> bool:
        """Does it want this sample?"""
        return time >= self.after and has_tag(tags, self.tag)


@dataclass(slots=True)
class Share:
    """Of one unit."""

    count: int = 0
    sum: float = 0.0

    def add(self, count: int, total: float) -> None:
        self.count += count
        self.sum += total


def _meeting_of(unit: str) -> str:
    """The meeting as a whole: nobody in it has a name."""
    return unit.rpartition("\n")[0] + "\n"


def _group_of(unit: str) -> str:
    """Groups are drawn by chance, as far as what is measured goes, so they differ by as much less as they are larger: the spread
    of their means tells of the whole what that of the meetings would (K. M. Wolter, Introduction to Variance Estimation, 2007,
    chapter 2, random groups)."""
    if is_group(unit):
        return unit
    run, newline, meeting = unit.rpartition("\n")[0].rpartition("\n")
    return f"{run}{newline}{_GROUP}{crc32(meeting.encode()) % GROUPS}\n"


def _run_of(unit: str) -> str:
    return unit.partition("\n")[0] + "\n\n"


def is_group(unit: str) -> bool:
    """Is it many meetings in place of a participant?"""
    return unit.endswith("\n") and unit.rpartition("\n")[0].rpartition("\n")[2].startswith(_GROUP)


_FOLDS: tuple[Callable[[str], str], ...] = (str, _meeting_of, _group_of, _run_of)
"""The unit that a unit is in, the coarser the later."""


class _Kept:
    """The shares of one row. What no more units fit into is folded."""

    __slots__ = ("_folds", "_most", "shares")

    def __init__(self, most: int, shares: dict[str, Share] | None = None) -> None:
        self.shares = shares or {}
        self._most = most
        self._folds = 0

    def share(self, unit: str) -> Share:
        """Of the unit, or of the one that it is in now; beyond all bounds nobody's."""
        name = self._name(unit)
        while name not in self.shares and len(self.shares) >= self._most and name:
            name = self._fold(unit)
        return self.shares.setdefault(name, Share())

    def _name(self, unit: str) -> str:
        return _FOLDS[self._folds](unit) if unit else ""

    def _fold(self, unit: str) -> str:
        """The new name of that unit."""
        if self._folds + 1 == len(_FOLDS):
            return ""
        self._folds += 1
        finer, self.shares = self.shares, {}
        for one, share in finer.items():
            self.shares.setdefault(self._name(one), Share()).add(share.count, share.sum)
        return self._name(unit)


class Units:
    """`add` what is measured, read `shares(want)`: no more than `most` (GROUPS at least) a row."""

    def __init__(self, wants: Iterable[UnitWant] = (), most: int = MAX_UNITS) -> None:
        self._most = most
        self._kept: dict[UnitWant, _Kept] = {UnitWant(*want): _Kept(most) for want in wants}
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
                value = sample.value if want.limit is None else float(sample.value <= want.limit)
                self._kept[want].share(unit).add(1, value)

    def add_batch(self, batch: SampleBatch) -> None:
        """`add` for each value."""
        for want in self._wanted.get(batch.metric, ()):
            if want.takes(batch.tags, batch.time):
                values, first = batch.values if want.limit is None else batch.values <= want.limit, 0
                for unit, count in batch.units or (("", len(values)),):
                    self._kept[want].share(unit).add(count, float(values[first : first + count].sum()))
                    first += count

    def shares(self, want: UnitWant) -> dict[str, Share]:
        """By `unit_of` each, behind the number of the run where runs were appended; empty where they were not kept, or some
        readings are nobody's. Where there are many a meeting, or a group of them (`is_group`), has no participant's name. Don't
        change them."""
        kept = self._kept.get(want)
        return {} if kept is None or "" in kept.shares else kept.shares

    def merge(self, other: Units) -> None:
        """Take in another process's, which stay as they are."""
        for want, kept in other._kept.items():
            self._kept.setdefault(want, _Kept(self._most))
            for unit, share in kept.shares.items():
                self._kept[want].share(unit).add(share.count, share.sum)
        self._index()

    def append(self, other: Units) -> None:
        """Take in another run's, which stay as they are: nobody of them has been here before. A run that did not keep what others
        did leaves nothing to tell."""
        renamed = Units()
        for want, kept in other._kept.items():
            names = {f"{self._appended}\n{unit}" if unit else "": share for unit, share in kept.shares.items()}
            renamed._kept[want] = _Kept(self._most, names)
        self._appended += 1
        self.merge(renamed)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Units) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def to_dict(self) -> list[Any]:
        """For a pipe or a file; `from_dict` makes the same again."""
        return [
            [*want, [[unit, share.count, share.sum] for unit, share in sorted(kept.shares.items())]]
            for want, kept in self._kept.items()
        ]

    @classmethod
    def from_dict(cls, data: Iterable[Any]) -> Units:
        """What `to_dict` wrote. Raises ValueError for damaged data."""
        found = cls()
        try:
            for metric, tag, after, *limit, shares in data:
                (told,) = limit or (None,)  # who wrote before there were limits had none
                want = UnitWant(str(metric), str(tag), float(after), None if told is None else float(told))
                kept = {str(unit): Share(int(count), float(total)) for unit, count, total in shares}
                found._kept[want] = _Kept(found._most, kept)
        except (TypeError, ValueError) as error:
            raise ValueError(f"not stored units: {error!r}") from error
        found._index()
        return found
