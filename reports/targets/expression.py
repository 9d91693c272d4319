"""The small language of a target: `metric{tag=value}`, an aggregate, a comparison."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from probe.model.metrics import Metric, metric
from probe.model.validation import nearest

_SELECTOR = re.compile(r"^\s*(\w+)\s*(?:\{\s*(\w+)\s*=\s*([^{}=,]+?)\s*\})?\s*$")
_PERCENTILE = re.compile(r"^p\s*\(?\s*(\d{1,2}(?:\.\d+)?)\s*\)?$")

AGGREGATES = ("mean", "p50", "p95", "p99", "p(q)", "max", "min", "ratio", "count", "rate", "sum", "value")
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}


@dataclass(frozen=True, slots=True)
class Selector:
    """Which samples of a metric count: all of them, or those with one tag value."""

    metric: Metric
    tag: str = ""

    def __str__(self) -> str:
        return f"{self.metric.name}{{{self.tag}}}" if self.tag else self.metric.name


def parse_selector(text: str) -> Selector:
    """`name` or `name{tag=value}`. Raises ValueError for what isn't, ConfigError for an unknown metric."""
    match = _SELECTOR.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a metric: write name or name{{tag=value}}, with one tag")
    found = metric(match[1])
    if match[2] and match[2] not in found.tags:
        known = nearest(match[2], found.tags) if found.tags else "; it has none"
        raise ValueError(f"{found.name} has no tag {match[2]!r}{known}")
    return Selector(found, f"{match[2]}={match[3]}" if match[2] else "")


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`kind` is one of AGGREGATES, with every percentile as "p(q)" and its `quantile` (0-1)."""

    kind: str
    quantile: float = 0.0

    def __str__(self) -> str:
        return f"p{100 * self.quantile:g}" if self.kind == "p(q)" else self.kind

    def unit(self, of: Metric) -> str:
        """The unit of the aggregated figure: that of the metric, except for counts."""
        return {"count": "count", "rate": "per_second"}.get(self.kind, of.unit)


def parse_aggregate(text: str) -> Aggregate:
    """`mean`, `p95`, `p(95)`, … Raises ValueError naming the valid ones."""
    match = _PERCENTILE.match(text)
    if match is not None:
        if not 0 < float(match[1]) < 100:
            raise ValueError(f"aggregate {text!r}: a percentile lies between 0 and 100")
        return Aggregate("p(q)", round(float(match[1]) / 100, 12))
    if text not in AGGREGATES or text == "p(q)":
        raise ValueError(f"unknown aggregate {text!r}{nearest(text, AGGREGATES)}")
    return Aggregate(text)


def parse_comparison(text: str) -> str:
    """`text` if it is a comparison. Raises ValueError."""
    if text not in COMPARISONS:
        raise ValueError(f"unknown comparison {text!r}; valid: {', '.join(COMPARISONS)}")
    return text
