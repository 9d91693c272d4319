"""Figures over time: the mean of each stretch of the run, however long it lasts in at most MAX_POINTS points. Mergeable.

Points are WIDTH seconds wide at first; whenever a run outgrows MAX_POINTS of them, neighbours are added up in pairs. So all
widths are WIDTH times a power of two, and the series of two processes share their edges, or do after the finer one is folded.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from probe.model.samples import Sample, SampleBatch

MAX_POINTS = 300
WIDTH = 1.0
"""Seconds: bitrates and jitter come once a second, round trips by RTCP more seldom."""

SPLIT: Mapping[str, str] = {
    "round_trip_time_seconds": "topology",
    "one_way_delay_seconds": "kind",
    "window_loss_ratio": "topology",
    "jitter_seconds": "kind",
    "send_bitrate_bps": "kind",
    "receive_bitrate_bps": "kind",
    "window_frame_rate": "topology",
    "window_audio_score": "topology",
    "video_mos": "topology",
    "video_quality_score": "topology",
    "video_score_estimated": "topology",
}
"""The metrics that are followed, and the tag whose values have a line each."""
_LONGEST = 1e9
"""Seconds. A sample's time beyond is no time of a run, and folding up to it would lose all the others."""


class _Line:
    """Sums and counts of one line's points."""

    __slots__ = ("counts", "sums")

    def __init__(self, sums: list[float] | None = None, counts: list[int] | None = None) -> None:
        self.sums = sums or []
        self.counts = counts or []

    def add(self, place: int, total: float, count: int) -> None:
        missing = place + 1 - len(self.sums)
        if missing > 0:
            self.sums += [0.0] * missing
            self.counts += [0] * missing
        self.sums[place] += total
        self.counts[place] += count

    def fold(self) -> None:
        """Neighbours become one."""
        self.sums = [a + b for a, b in zip_longest(self.sums[::2], self.sums[1::2], fillvalue=0.0)]
        self.counts = [a + b for a, b in zip_longest(self.counts[::2], self.counts[1::2], fillvalue=0)]

    def copy(self) -> _Line:
        return _Line(list(self.sums), list(self.counts))


class Series:
    """Samples in, columns out. Metrics that are not in SPLIT are passed over, in the time of one look-up."""

    def __init__(self) -> None:
        self._width = WIDTH
        self._lines: dict[tuple[str, str], _Line] = {}  # by metric and its tag's value, "" without one

    def add(self, sample: Sample) -> None:
        """Count one sample. Raises ValueError for a time that is none of a run."""
        tag = SPLIT.get(sample.metric)
        if tag is not None:
            self._add(sample.metric, tag, sample.tags, sample.time, (float(sample.value), 1))

    def add_batch(self, batch: SampleBatch) -> None:
        """`add` for each value: they share their time, so that it costs one sum. Raises as `add`."""
        tag = SPLIT.get(batch.metric)
        if tag is not None and len(batch.values):
            self._add(batch.metric, tag, batch.tags, batch.time, (batch.values.sum().item(), len(batch.values)))

    def _add(self, metric: str, tag: str, tags: Mapping[str, str], time: float, found: tuple[float, int]) -> None:
        if not abs(time) < _LONGEST:
            raise ValueError(f"{time!r} is no time of a run")
        while (place := int(time / self._width)) >= MAX_POINTS:
            self._fold()
        key = (metric, tags.get(tag, ""))
        if (line := self._lines.get(key)) is None:
            line = self._lines[key] = _Line()
        line.add(max(place, 0), *found)

    def _fold(self) -> None:
        self._width *= 2
        for line in self._lines.values():
            line.fold()

    def merge(self, other: Series) -> None:
        """Take in another process's series, which stays as it is."""
        while self._width < other._width:
            self._fold()
        for key, line in other._lines.items():
            added, width = line.copy(), other._width
            while width < self._width:
                added.fold()
                width *= 2
            mine = self._lines.setdefault(key, _Line())
            for place, (total, count) in enumerate(zip(added.sums, added.counts, strict=True)):
                mine.add(place, total, count)

    def columns(self) -> dict[str, list[float | None]]:
        """ "time": the middle of each point, seconds of the run; then by metric the means, None where nothing was measured, and
        as "metric{tag=value}" those of each tag value. All columns are equally long. Empty without samples."""
        lines = {f"{metric}{{{SPLIT[metric]}={value}}}": line for (metric, value), line in self._lines.items() if value}
        for (metric, _), line in self._lines.items():
            whole = lines.setdefault(metric, _Line())
            for place, (total, count) in enumerate(zip(line.sums, line.counts, strict=True)):
                whole.add(place, total, count)
        length = max((len(line.sums) for line in lines.values()), default=0)
        if not length:
            return {}
        times: list[float | None] = [(place + 0.5) * self._width for place in range(length)]
        return {"time": times} | {name: _means(lines[name], length) for name in sorted(lines)}

    def to_dict(self) -> dict[str, Any]:
        """For a pipe: `from_dict` makes the same again."""
        lines = [[*key, line.sums, line.counts] for key, line in self._lines.items()]
        return {"width": self._width, "lines": lines}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Series:
        """What `to_dict` wrote. Raises ValueError for damaged data."""
        found = cls()
        try:
            found._width = float(data["width"])
            for metric, value, sums, counts in data["lines"]:
                line = _Line([float(one) for one in sums], [int(one) for one in counts])
                if metric not in SPLIT or len(line.sums) != len(line.counts) or len(line.sums) > MAX_POINTS:
                    raise ValueError(f"{metric}: {len(line.sums)} sums, {len(line.counts)} counts")
                found._lines[metric, str(value)] = line
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a stored series: {error!r}") from error
        if not WIDTH <= found._width <= _LONGEST or (found._width / WIDTH).hex().split("p")[0] != "0x1.0000000000000":
            raise ValueError(f"not a stored series: points of {found._width!r} seconds")
        return found


def _means(line: _Line, length: int) -> list[float | None]:
    known = [total / count if count else None for total, count in zip(line.sums, line.counts, strict=True)]
    return known + [None] * (length - len(known))
