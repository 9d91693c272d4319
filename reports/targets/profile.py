"""A target profile: the promises of one platform, row by row, checked when it is loaded."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from probe.model.errors import ConfigError
from probe.model.validation import Strict, nearest
from reports.slices import Want
from reports.targets.expression import Aggregate, Selector, parse_aggregate, parse_comparison, parse_selector
from reports.targets.outside import ExternalRow, Reporting, outside_quantity
from reports.targets.quantity import FACTORS, Written, parse_quantity
from reports.targets.timing import check_time
from reports.units import UnitWant


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


Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
MetricText = Annotated[str, AfterValidator(_metric_text)]
AggregateText = Annotated[str, AfterValidator(_aggregate_text)]
ComparisonText = Annotated[str, AfterValidator(parse_comparison)]


class Kpi(Strict):
    """One row: a measured figure, and what it must be at each horizon.

    `not_judged` is why a single run does not judge the row, unless the scenario says that it can. A row without a `metric`
    is never judged: `not_measured` is why, and it names its `unit`. `split` is a tag whose values the evidence shows apart,
    `beside` are further metrics that it shows, `scale` says on which model's scale a score is and where that ends. With
    `reduction_from` (in the metric's unit) the judged figure is the share by which the aggregate lies below it, with
    `multiple_of` how many times it is that; null: the baseline has yet to be given. `tolerance` is what the reading can't
    tell from the target. `after`, `over`, `at_least` and `abort_on_fail` are in docs/targets.md.
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
    multiple_of: Written | None = None
    tolerance: Written = 0
    after: Written = 0
    over: Written = 0
    at_least: Written = 1.0
    abort_on_fail: bool = False
    abort_after: Written = 0
    not_judged: str = ""
    not_measured: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.metric is None:
            self._check_unmeasured()
        else:
            self._check_measured(parse_selector(self.metric))
        check_time(self)
        for horizon in self.targets:
            self.target(horizon)
        return self

    def _check_unmeasured(self) -> None:
        if not self.not_measured:
            raise ValueError(f"{self.id}: a row without a metric needs not_measured, the reason why it isn't measured")
        if self.unit is None:
            raise ValueError(f"{self.id}: a row without a metric needs a unit; valid: {', '.join(FACTORS)}")

    def _check_measured(self, selector: Selector) -> None:
        if self.unit is not None:
            raise ValueError(
                f"{self.id}: the unit is that of {selector.metric.name}; unit is for rows without a metric"
            )
        if self.not_measured:
            raise ValueError(f"{self.id}: not_measured is for rows without a metric; this one has {self.metric}")
        if self.aggregate == "ratio" and not selector.metric.rate:
            raise ValueError(f"{self.id}: {selector.metric.name} counts no successes, so it has no ratio; use mean")
        if self.split and self.split not in selector.metric.tags:
            raise ValueError(f"{self.id}: {selector.metric.name} has no tag {self.split!r} to split by")
        if self.is_reduction and self.is_multiple:
            raise ValueError(f"{self.id}: reduction_from and multiple_of exclude each other")
        for key in ("reduction_from", "multiple_of"):
            if getattr(self, key) is not None and not self.baseline > 0:
                raise ValueError(f"{self.id}: {key} must be above 0")

    @property
    def selector(self) -> Selector | None:
        return parse_selector(self.metric) if self.metric else None

    @property
    def want(self) -> Want | None:
        """What must be kept by its time so that the row can be judged; None for most rows."""
        selector = self.selector
        if selector is None or not (self.after_seconds or self.over_seconds):
            return None
        return Want(selector.metric.name, selector.tag, self.after_seconds, self.over_seconds)

    def unit_want(self, target: float | None) -> UnitWant | None:
        """Whose readings must be told apart so that the row can be judged at that target; None where that makes no difference."""
        if self.selector is None or self.over_seconds:
            return None
        limit = None if target is None else self._measured(self.limit(target))
        return _unit_want(self.selector, self.how(), limit, self.after_seconds)

    def _measured(self, judged: float) -> float:
        """What the aggregated figure is where the judged one is this."""
        if self.is_reduction:
            return self.baseline * (1 - judged)
        return self.baseline * judged if self.is_multiple else judged

    @property
    def after_seconds(self) -> float:
        return parse_quantity(self.after, "seconds")

    @property
    def over_seconds(self) -> float:
        return parse_quantity(self.over, "seconds")

    @property
    def abort_seconds(self) -> float:
        return parse_quantity(self.abort_after, "seconds")

    @property
    def least_share(self) -> float:
        """`at_least` as a ratio."""
        return parse_quantity(self.at_least, "ratio")

    @property
    def unjudged(self) -> str:
        """Why a single run leaves the row out; empty where it doesn't."""
        return self.not_measured or self.not_judged

    @property
    def is_reduction(self) -> bool:
        return "reduction_from" in self.model_fields_set

    @property
    def is_multiple(self) -> bool:
        return "multiple_of" in self.model_fields_set

    @property
    def measured_unit(self) -> str:
        """Unit of the aggregated figure."""
        selector = self.selector
        return parse_aggregate(self.aggregate).unit(selector.metric) if selector else self.unit or "ratio"

    @property
    def judged_unit(self) -> str:
        """Unit of value and target."""
        if self.is_multiple:
            return "times"
        return "ratio" if self.is_reduction else self.measured_unit

    @property
    def baseline(self) -> float:
        """`reduction_from` or `multiple_of` in SI; 0 when it isn't given."""
        given = self.reduction_from if self.is_reduction else self.multiple_of
        return 0.0 if given is None else parse_quantity(given, self.measured_unit)

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

    def limit(self, target: float) -> float:
        """The target, nearer by the tolerance."""
        allowed = parse_quantity(self.tolerance, self.judged_unit)
        return target - allowed if self.direction == "higher" else target + allowed


def _unit_want(selector: Selector, how: Aggregate, limit: float | None, after: float = 0.0) -> UnitWant | None:
    """Of a percentile it is kept how many readings are within the limit."""
    if how.kind in ("mean", "ratio"):
        return UnitWant(selector.metric.name, selector.tag, after)
    return (
        UnitWant(selector.metric.name, selector.tag, after, limit) if how.kind == "p(q)" and limit is not None else None
    )


class Alert(Strict):
    """A condition that someone must hear of: of a `metric`, or of an `external` row where its value is supplied. One on neither
    says in `not_measured` why."""

    severity: Literal["critical", "warning", "information", "risk"]
    title: Annotated[str, Field(min_length=1)]
    metric: MetricText | None = None
    external: str = ""
    aggregate: AggregateText = "mean"
    comparison: ComparisonText | None = None
    value: Written | None = None
    respond: str = ""
    not_measured: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.metric is not None and self.external:
            raise ValueError(f"{self.title}: an alert is on a metric or on an external row, not on both")
        if self.metric is None and not self.external:
            if not self.not_measured:
                raise ValueError(f"{self.title}: an alert without a metric needs not_measured, the reason")
        elif self.comparison is None or self.value is None or self.threshold is None:
            raise ValueError(f"{self.title}: an alert on a metric needs comparison and value")
        if self.metric is not None and self.aggregate == "ratio" and not parse_selector(self.metric).metric.rate:
            raise ValueError(f"{self.title}: {self.metric} counts no successes, so it has no ratio; use mean")
        return self

    @property
    def unit(self) -> str:
        """Unit of the threshold; that of an external row is the row's own."""
        return parse_aggregate(self.aggregate).unit(parse_selector(self.metric).metric) if self.metric else "ratio"

    @property
    def threshold(self) -> float | None:
        """`value` in SI, of an external row as it stands; None for an alert on neither."""
        if self.value is None or not (self.metric or self.external):
            return None
        return parse_quantity(self.value, self.unit) if self.metric else outside_quantity(self.value)

    @property
    def unit_want(self) -> UnitWant | None:
        """As that of a row."""
        if self.metric is None:
            return None
        return _unit_want(parse_selector(self.metric), parse_aggregate(self.aggregate), self.threshold)


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
    reports: tuple[Reporting, ...] = ()
    external: tuple[ExternalRow, ...] = ()

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
        self._check_external()
        return self

    def _check_external(self) -> None:
        names = [*(kpi.id for kpi in self.kpis), *(row.key for row in self.external)]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ValueError(f"external: {twice[0]!r} appears twice, or is a row of kpis")
        for row in self.external:
            for horizon in row.targets:
                if horizon not in self.horizons:
                    raise ValueError(
                        f"external {row.key}: unknown horizon {horizon!r}{nearest(horizon, self.horizons)}"
                    )
        known = {row.key for row in self.external}
        for alert in self.alerts:
            if alert.external and alert.external not in known:
                raise ValueError(
                    f"alert {alert.title!r}: unknown external row {alert.external!r}{nearest(alert.external, known)}"
                )

    @property
    def wants(self) -> tuple[Want, ...]:
        """What the rows need kept by its time: to be told to what takes the samples, before the run."""
        return tuple(dict.fromkeys(want for kpi in self.kpis if (want := kpi.want) is not None))

    @property
    def unit_wants(self) -> tuple[UnitWant, ...]:
        """As `wants`: by whom the readings of these are kept."""
        of_rows = (kpi.unit_want(kpi.target(horizon)) for kpi in self.kpis for horizon in self.horizons)
        of_alerts = (alert.unit_want for alert in self.alerts)
        return tuple(dict.fromkeys(want for want in (*of_rows, *of_alerts) if want is not None))

    def check_horizon(self, horizon: str) -> str:
        """`horizon` if the profile has it. Raises ValueError naming the nearest."""
        if horizon not in self.horizons:
            raise ValueError(f"unknown horizon {horizon!r}{nearest(horizon, self.horizons)}")
        return horizon
