"""A target profile: the promises of one platform, row by row, checked when it is loaded."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from probe.model.errors import ConfigError
from probe.model.validation import Strict, nearest
from reports.targets.expression import Aggregate, Selector, parse_aggregate, parse_comparison, parse_selector
from reports.targets.quantity import FACTORS, parse_quantity


def _metric_text(text: str) -> str:
    try:
        return str(parse_selector(text))
    except ConfigError as error:  # the registry's own words, but with the YAML path in front
        raise ValueError(f"{error.message}, {error.hint}") from error


def _aggregate_text(text: str) -> str:
    return str(parse_aggregate(text))


def _unit(text: str) -> str:
    if text not in FACTORS:
        raise ValueError(f"unknown unit {text!r}{nearest(text, FACTORS)}")
    return text


Written = float | str
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
MetricText = Annotated[str, AfterValidator(_metric_text)]
AggregateText = Annotated[str, AfterValidator(_aggregate_text)]
ComparisonText = Annotated[str, AfterValidator(parse_comparison)]


class Kpi(Strict):
    """One row: a measured figure, and what it must be at each horizon.

    `not_judged` is why a single run does not judge the row, unless the scenario says that it can. A row without a
    `metric` is never judged and names its `unit`. `split` is a tag whose values the evidence shows apart, `beside` are
    further metrics that it shows, `scale` says on which model's scale a score is and where that ends. With
    `reduction_from` (in the metric's unit) the judged figure is the share by which the aggregate lies below it; null:
    the row is a reduction whose baseline has yet to be given.
    """

    id: Identifier
    title: Annotated[str, Field(min_length=1)]
    metric: MetricText | None = None
    aggregate: AggregateText = "mean"
    comparison: ComparisonText
    targets: dict[str, Written]
    unit: Annotated[str, AfterValidator(_unit)] | None = None
    benchmark: str = ""
    note: str = ""
    scale: str = ""
    split: str = ""
    beside: tuple[MetricText, ...] = ()
    reduction_from: Written | None = None
    not_judged: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.metric is None:
            self._check_unmeasured()
        else:
            self._check_measured(parse_selector(self.metric))
        for horizon in self.targets:
            self.target(horizon)
        return self

    def _check_unmeasured(self) -> None:
        if not self.not_judged:
            raise ValueError(f"{self.id}: a row without a metric needs not_judged, the reason why it isn't measured")
        if self.unit is None:
            raise ValueError(f"{self.id}: a row without a metric needs a unit; valid: {', '.join(FACTORS)}")

    def _check_measured(self, selector: Selector) -> None:
        if self.unit is not None:
            raise ValueError(
                f"{self.id}: the unit is that of {selector.metric.name}; unit is for rows without a metric"
            )
        if self.aggregate == "ratio" and not selector.metric.rate:
            raise ValueError(f"{self.id}: {selector.metric.name} counts no successes, so it has no ratio; use mean")
        if self.split and self.split not in selector.metric.tags:
            raise ValueError(f"{self.id}: {selector.metric.name} has no tag {self.split!r} to split by")
        if self.reduction_from is not None and not self.baseline > 0:
            raise ValueError(f"{self.id}: reduction_from must be above 0")

    @property
    def selector(self) -> Selector | None:
        return parse_selector(self.metric) if self.metric else None

    @property
    def is_reduction(self) -> bool:
        return "reduction_from" in self.model_fields_set

    @property
    def measured_unit(self) -> str:
        """Unit of the aggregated figure."""
        selector = self.selector
        return parse_aggregate(self.aggregate).unit(selector.metric) if selector else self.unit or "ratio"

    @property
    def judged_unit(self) -> str:
        """Unit of value and target."""
        return "ratio" if self.is_reduction else self.measured_unit

    @property
    def baseline(self) -> float:
        """`reduction_from` in SI; 0 when it isn't given."""
        return 0.0 if self.reduction_from is None else parse_quantity(self.reduction_from, self.measured_unit)

    @property
    def direction(self) -> Literal["higher", "lower"]:
        return "higher" if self.comparison.startswith(">") else "lower"

    def how(self) -> Aggregate:
        return parse_aggregate(self.aggregate)

    def target(self, horizon: str) -> float | None:
        """The target at that horizon in SI, None where the row has none."""
        written = self.targets.get(horizon)
        if written is None:
            return None
        try:
            return parse_quantity(written, self.judged_unit)
        except ValueError as error:
            raise ValueError(f"{self.id}: target at {horizon}: {error}") from error


class Alert(Strict):
    """A condition that someone must hear of. One without a metric says in `not_measured` why."""

    severity: Literal["critical", "warning", "information", "risk"]
    title: Annotated[str, Field(min_length=1)]
    metric: MetricText | None = None
    aggregate: AggregateText = "mean"
    comparison: ComparisonText | None = None
    value: Written | None = None
    not_measured: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.metric is None:
            if not self.not_measured:
                raise ValueError(f"{self.title}: an alert without a metric needs not_measured, the reason")
        elif self.comparison is None or self.threshold is None:
            raise ValueError(f"{self.title}: an alert on a metric needs comparison and value")
        return self

    @property
    def unit(self) -> str:
        """Unit of the threshold."""
        return parse_aggregate(self.aggregate).unit(parse_selector(self.metric).metric) if self.metric else "ratio"

    @property
    def threshold(self) -> float | None:
        """`value` in SI; None for an alert without a metric."""
        return None if self.value is None or self.metric is None else parse_quantity(self.value, self.unit)


class Profile(Strict):
    """All promises of one platform."""

    profile: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=64)]
    title: str
    source: str = ""
    horizons: Annotated[tuple[str, ...], Field(max_length=20)] = ("now",)
    default_horizon: str
    kpis: Annotated[tuple[Kpi, ...], Field(max_length=500)]
    alerts: tuple[Alert, ...] = ()
    milestones: dict[str, str] = Field(default_factory=dict)
    external: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.horizons or not self.kpis:
            raise ValueError("a profile has at least one horizon and one row of kpis")
        self.check_horizon(self.default_horizon)
        twice = [name for name, count in Counter(kpi.id for kpi in self.kpis).items() if count > 1]
        if twice:
            raise ValueError(f"kpis: id {twice[0]!r} appears twice")
        for kpi in self.kpis:
            for horizon in kpi.targets:
                if horizon not in self.horizons:
                    raise ValueError(f"{kpi.id}: unknown horizon {horizon!r}{nearest(horizon, self.horizons)}")
        return self

    def check_horizon(self, horizon: str) -> str:
        """`horizon` if the profile has it. Raises ValueError naming the nearest."""
        if horizon not in self.horizons:
            raise ValueError(f"unknown horizon {horizon!r}{nearest(horizon, self.horizons)}")
        return horizon
