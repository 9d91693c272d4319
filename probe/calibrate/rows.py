"""One reading held against its truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """`truth`, `measured`, `error` and `tolerance` are in `unit`; `tolerance` 0: exact. `profile` names the call and the
    direction of the media, as seen from the impaired access."""

    profile: str
    reading: str
    truth: float
    measured: float
    tolerance: float
    unit: str = ""

    @property
    def error(self) -> float:
        return self.measured - self.truth

    @property
    def ok(self) -> bool:
        return abs(self.error) <= self.tolerance + 1e-9

    def within(self, factor: float) -> bool:
        """Is the error at most that many times the tolerance?"""
        return abs(self.error) <= factor * self.tolerance + 1e-9

    def to_dict(self) -> dict[str, Any]:
        """The row of the document."""
        return asdict(self) | {"error": self.error, "ok": self.ok}


@dataclass(slots=True)
class RowWriter:
    """Collects the rows of one profile."""

    profile: str
    rows: list[Row]

    def exact(self, reading: str, truth: float, measured: float, unit: str = "packets") -> None:
        """No difference is allowed."""
        self.rows.append(Row(self.profile, reading, truth, measured, 0.0, unit))

    def near(
        self, reading: str, truth: float, measured: float, unit: str, *, within: float = 0.0, share: float = 0.0
    ) -> None:
        """A difference of `within` plus that `share` of the truth is allowed."""
        self.rows.append(Row(self.profile, reading, truth, measured, within + share * abs(truth), unit))


def all_ok(rows: Iterable[Row]) -> bool:
    """Is every reading within its tolerance?"""
    return all(row.ok for row in rows)
