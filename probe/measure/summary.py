"""The summary of a run: per metric one histogram of all samples and one per tag value. Bounded and mergeable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from probe.measure.histogram import Histogram, check_measurable
from probe.model.metrics import metric
from probe.model.samples import TAG_NAMES, Sample, SampleBatch

MAX_TAG_VALUES = 64
"""Values kept apart per metric and tag name; later ones are counted together under OTHER."""
OTHER = "other"
_MOST_HELD = 1 << 14
"""Values that are held back, to be counted together: that is several times cheaper."""


class _Series:
    """The histograms of one metric: all samples, and by "tag=value"."""

    __slots__ = ("by", "overall")

    def __init__(self) -> None:
        self.overall = Histogram()
        self.by: dict[str, Histogram] = {}

    def tagged(self, tag: str, value: str) -> Histogram:
        """The histogram of tag=value, or of tag=other when the tag has all the values that it may have."""
        key = f"{tag}={value}"
        if key not in self.by and self._values(tag) >= MAX_TAG_VALUES:
            key = f"{tag}={OTHER}"
        return self.by.setdefault(key, Histogram())

    def _values(self, tag: str) -> int:
        head = f"{tag}="
        return sum(key.startswith(head) for key in self.by) - (f"{head}{OTHER}" in self.by)

    def merge(self, other: _Series) -> None:
        self.overall.merge(other.overall)
        for key, histogram in sorted(other.by.items()):
            tag, _, value = key.partition("=")
            self.tagged(tag, value).merge(histogram)


class _Held(NamedTuple):
    """Values of one series that are not counted yet."""

    metric: str
    tags: Mapping[str, str]
    singles: list[float]
    batches: list[NDArray[np.float64]]


class Summary:
    """Samples in, figures out.

    Merging is associative and commutative while no tag exceeds MAX_TAG_VALUES values (the tags of `probe.model.samples`
    have a handful); beyond that, which values end up under "other" depends on who came first.
    """

    def __init__(self) -> None:
        self._counted: dict[str, _Series] = {}
        self._held: dict[tuple[object, ...], _Held] = {}  # by metric and tags
        self._holding = 0

    def add(self, sample: Sample) -> None:
        """Count one sample. Raises ConfigError for an unknown metric, ValueError for an unknown tag or no number;
        then nothing was counted."""
        check_measurable(sample.value)
        self._hold(sample.metric, sample.tags).singles.append(sample.value)
        self._holding += 1
        if self._holding >= _MOST_HELD:
            self._count_held()

    def _hold(self, name: str, tags: Mapping[str, str]) -> _Held:
        key = (name, *tags.items())
        held = self._held.get(key)
        if held is None:
            metric(name)
            _check_tags(name, tags)
            held = self._held[key] = _Held(name, tags, [], [])
        return held

    def _count_held(self) -> None:
        """In the order in which the series came: that of the tags' values matters."""
        held, self._held, self._holding = self._held, {}, 0
        for series in held.values():
            self._count(series)

    @property
    def _series(self) -> dict[str, _Series]:
        if self._held:
            self._count_held()
        return self._counted

    def add_batch(self, batch: SampleBatch) -> None:
        """`add` for each value of the batch. Raises as that does; then nothing was counted."""
        _check_tags(batch.metric, batch.tags)
        if not len(batch.values):
            return
        check_measurable(batch.values.min().item())
        check_measurable(batch.values.max().item())
        self._hold(batch.metric, batch.tags).batches.append(batch.values)
        self._holding += len(batch.values)
        if self._holding >= _MOST_HELD:
            self._count_held()

    def _count(self, held: _Held) -> None:
        counted = Histogram()
        counted.add_many(np.concatenate([np.array(held.singles, np.float64), *held.batches]))
        series = self._open(held.metric)
        series.overall.merge(counted)
        for tag, value in held.tags.items():
            series.tagged(tag, value).merge(counted)

    def _open(self, name: str) -> _Series:
        if name not in self._counted:
            self._counted[metric(name).name] = _Series()
        return self._counted[name]

    def merge(self, other: Summary) -> None:
        """Take in another summary, which stays as it is."""
        self._count_held()
        for name, series in other._series.items():
            self._open(name).merge(series)

    def __contains__(self, name: object) -> bool:
        return name in self._series and self._series[str(name)].overall.count > 0

    def __iter__(self) -> Iterator[str]:
        """Names of the metrics that have samples, sorted."""
        return iter(sorted(name for name in self._series if name in self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Summary) and self.to_dict() == other.to_dict()

    def histogram(self, name: str, tag: str = "") -> Histogram | None:
        """All values of a metric, or those of one "tag=value"; None where there are no samples. Don't change it.

        Raises ConfigError for an unknown metric.
        """
        series = self._series.get(metric(name).name)
        if series is None:
            return None
        found = series.by.get(tag) if tag else series.overall
        return found if found is not None and found.count else None

    def tags(self, name: str) -> list[str]:
        """The "tag=value" under which the metric has samples, sorted. Raises ConfigError for an unknown metric."""
        series = self._series.get(metric(name).name)
        return [] if series is None else sorted(series.by)

    def figures(self) -> dict[str, dict[str, Any]]:
        """The `metrics` part of the report document: {metric: {unit, count, mean, min, p50, p95, p99, max, by}}."""
        return {name: self._entry(name, histograms=False) for name in self}

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """`figures()` with the histogram in each entry, from which `from_dict` restores this summary exactly."""
        return {name: self._entry(name, histograms=True) for name in self}

    def packed(self) -> dict[str, dict[str, Any]]:
        """The histograms alone, in the shape of `to_dict`: what travels each second need not be readable too."""
        return {
            name: {
                "histogram": self._series[name].overall.to_dict(),
                "by": {key: {"histogram": one.to_dict()} for key, one in sorted(self._series[name].by.items())},
            }
            for name in self
        }

    def _entry(self, name: str, *, histograms: bool) -> dict[str, Any]:
        series, unit = self._series[name], metric(name).unit
        entry = _figures(series.overall, unit, histograms)
        entry["by"] = {key: _figures(series.by[key], unit, histograms) for key in sorted(series.by)}
        return entry

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Summary:
        """What `to_dict` or `packed` wrote. Raises ConfigError for an unknown metric, ValueError for damaged data."""
        found = cls()
        for name, entry in data.items():
            series = found._open(name)
            try:
                series.overall = Histogram.from_dict(entry["histogram"])
                by = {str(key): Histogram.from_dict(part["histogram"]) for key, part in entry["by"].items()}
            except (KeyError, TypeError, AttributeError) as error:
                raise ValueError(f"{name}: not a stored summary: {error!r}") from error
            if any(key.partition("=")[0] not in TAG_NAMES for key in by):
                raise ValueError(f"{name}: not a stored summary: tags {sorted(by)}")
            series.by = by
        return found


def _check_tags(name: str, tags: Mapping[str, str]) -> None:
    unknown = [tag for tag in tags if tag not in TAG_NAMES]
    if unknown:
        raise ValueError(f"{name}: unknown tag {unknown[0]!r}; a sample may carry {', '.join(TAG_NAMES)}")


def _figures(histogram: Histogram, unit: str, with_histogram: bool) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "unit": unit,
        "count": histogram.count,
        "mean": histogram.mean,
        "min": histogram.minimum,
        "p50": histogram.quantile(0.50),
        "p95": histogram.quantile(0.95),
        "p99": histogram.quantile(0.99),
        "max": histogram.maximum,
    }
    if with_histogram:
        figures["histogram"] = histogram.to_dict()
    return figures
