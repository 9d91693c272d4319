"""The parts of a profile that no probe touches: rows whose values come from elsewhere, and who gets which report when."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from probe.model.validation import Strict
from reports.targets.expression import parse_comparison
from reports.targets.quantity import Written, parse_quantity

_PERCENT = re.compile(r"^\s*([+-]?\d+(?:\.\d+)?)\s*%\s*$")


def slug(title: str) -> str:
    """ "LTV:CAC" is "ltv_cac": how a row is named where names are plain."""
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")


def outside_quantity(written: Written) -> float:
    """A number as people write it; 4.5 % is 0.045. Raises ValueError."""
    if isinstance(written, str) and (match := _PERCENT.match(written)):
        return parse_quantity(f"{match[1]} %", "ratio")
    return parse_quantity(written, "count")


class ExternalRow(Strict):
    """A row that no probe can measure. Written as its title alone, or with `id` (for CSV files; else made of the title), `unit` (any
    word; "ratio" is shown in percent) and, where the value is judged once supplied, `comparison` and `targets`."""

    title: Annotated[str, Field(min_length=1)]
    id: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9_]*)?$", max_length=64)] = ""
    unit: str = ""
    comparison: Annotated[str, AfterValidator(parse_comparison)] | None = None
    targets: dict[str, Written] = Field(default_factory=dict)
    note: str = ""

    @model_validator(mode="before")
    @classmethod
    def _from_title(cls, data: Any) -> Any:
        return {"title": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.key:
            raise ValueError(f"{self.title!r}: needs an id, since its title has no letters")
        if self.targets and self.comparison is None:
            raise ValueError(f"{self.title}: targets need a comparison")
        for horizon, written in self.targets.items():
            try:
                outside_quantity(written)
            except ValueError as error:
                raise ValueError(f"{self.title}: target at {horizon}: {error}") from error
        return self

    @property
    def key(self) -> str:
        """The row's name."""
        return self.id or slug(self.title)

    def target(self, horizon: str) -> float | None:
        """The target at that horizon, None where the row has none."""
        written = self.targets.get(horizon)
        return None if written is None else outside_quantity(written)


class Reporting(Strict):
    """A report that somebody expects: of what, to whom, how often."""

    title: Annotated[str, Field(min_length=1)]
    every: Literal["run", "hour", "day", "week", "2weeks", "month", "quarter"]
    audience: Annotated[str, Field(min_length=1)]
    shows: str = ""
