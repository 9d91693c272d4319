"""Values from outside: a CSV file that fills the rows no probe can measure. Errors name line and column."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from probe.model.errors import ConfigError
from probe.model.validation import nearest
from reports.kpi import KpiResult, Status
from reports.targets.expression import COMPARISONS
from reports.targets.outside import ExternalRow, outside_quantity, slug
from reports.targets.profile import Kpi, Profile
from reports.targets.quantity import parse_quantity

COLUMNS = ("id", "name", "value", "unit", "date", "note")
MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Supplied:
    """One value for the row `key` of a profile; `unit` "" where neither the file nor the profile names one."""

    key: str
    value: float
    unit: str = ""
    date: str = ""
    note: str = ""

    @property
    def source(self) -> str:
        """ "supplied from outside, 2026-11-01: survey of 412 users"."""
        dated = f", {self.date}" if self.date else ""
        return f"supplied from outside{dated}" + (f": {self.note}" if self.note else "")


def read_external(path: Path, profile: Profile) -> tuple[Supplied, ...]:
    """The values in the file. Raises ConfigError."""
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"can't be read: {error.strerror}", who=str(path)) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"is not UTF-8 text (byte {error.start})", who=str(path)) from error
    if len(data) > MAX_BYTES:
        raise ConfigError(f"has {len(data)} bytes, more than {MAX_BYTES}", who=str(path))
    return parse_external(text, profile, source=str(path))


def parse_external(text: str, profile: Profile, *, source: str) -> tuple[Supplied, ...]:
    """The values in `text`: CSV with a heading, columns `id` or `name`, `value`, and if wanted `unit`, `date` (2026-11-01), `note`.

    A row of the profile's `external` or a KPI without a metric is meant by its id or its title. Raises ConfigError naming line
    and column of what is wrong.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: list[Supplied] = []
    try:
        heading = [cell.strip().lower() for cell in next(reader, [])]
        _check_heading(heading, source)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                place = _Place(source, reader.line_num, heading, cells)
                found.append(_supplied(place, profile, {one.key for one in found}))
    except csv.Error as error:
        raise ConfigError(f"line {reader.line_num}: not CSV: {error}", who=source) from error
    return tuple(found)


def _check_heading(heading: list[str], source: str) -> None:
    if len(heading) == 1 and ";" in heading[0]:
        hint = "save it as CSV with commas, with a decimal point in the numbers"
        raise ConfigError("line 1: semicolons stand between the columns", who=source, hint=hint)
    for number, name in enumerate(heading, start=1):
        if name not in COLUMNS or name in heading[: number - 1]:
            fault = f"unknown column {name!r}{nearest(name, COLUMNS)}" if name not in COLUMNS else f"{name!r} again"
            raise ConfigError(f"line 1, column {number}: {fault}", who=source)
    if "value" not in heading or not {"id", "name"} & set(heading):
        hint = "a first line like: name,value,unit,date,note"
        raise ConfigError("line 1: needs the columns value and id or name", who=source, hint=hint)


class _Place:
    """A line of the file, and the errors in it."""

    def __init__(self, source: str, line: int, heading: list[str], cells: list[str]) -> None:
        self._source, self._line, self._heading = source, line, heading
        if len(cells) > len(heading):
            raise ConfigError(f"line {line}: {len(cells)} cells under {len(heading)} headings", who=source)
        self._cells = dict(zip(heading, (cell.strip() for cell in cells), strict=False))

    def __getitem__(self, name: str) -> str:
        return self._cells.get(name, "")

    def error(self, column: str, fault: str) -> ConfigError:
        number = self._heading.index(column) + 1 if column in self._heading else 1
        return ConfigError(f"line {self._line}, column {number} ({column}): {fault}", who=self._source)


def _supplied(place: _Place, profile: Profile, seen: set[str]) -> Supplied:
    column = "id" if place["id"] else "name" if place["name"] else "id" if "id" in place._heading else "name"
    row = _row(place, column, profile)
    key = row.id if isinstance(row, Kpi) else row.key
    if key in seen:
        raise place.error(column, f"{place[column]!r} was given a value before")
    if place["date"]:
        try:
            date.fromisoformat(place["date"])
        except ValueError as error:
            raise place.error("date", f"{place['date']!r} is not a date like 2026-11-01") from error
    value, unit = _quantity(place, row)
    return Supplied(key, value, unit, place["date"], place["note"])


def _row(place: _Place, column: str, profile: Profile) -> Kpi | ExternalRow:
    wanted = place[column]
    rows: dict[str, Kpi | ExternalRow] = {row.key: row for row in profile.external}
    rows |= {kpi.id: kpi for kpi in profile.kpis if kpi.metric is None}
    named: dict[str, Kpi | ExternalRow] = {row.title.lower(): row for row in rows.values()}
    found = rows.get(wanted) or named.get(wanted.lower())
    if found is None:
        measured = any(kpi.metric and wanted in (kpi.id, kpi.title) for kpi in profile.kpis)
        why = (
            "is measured, not supplied"
            if measured
            else f"is no external row of {profile.profile}{nearest(slug(wanted), rows)}"
        )
        raise place.error(column, f"{wanted!r} {why}")
    return found


def _quantity(place: _Place, row: Kpi | ExternalRow) -> tuple[float, str]:
    """Value and unit; a value may carry its suffix ("4.5 %"), or the unit column may."""
    unit = place["unit"]
    written = f"{place['value']} {unit}" if unit in ("%",) or (isinstance(row, Kpi) and unit) else place["value"]
    try:
        if isinstance(row, Kpi):
            value, unit = parse_quantity(written, row.judged_unit), row.judged_unit
        else:
            value, unit = outside_quantity(written), _unit(place, row, percent="%" in written)
    except ValueError as error:
        raise place.error("value", str(error)) from error
    if not math.isfinite(value):
        raise place.error("value", f"{place['value']!r} is no number")
    return value, unit


def _unit(place: _Place, row: ExternalRow, *, percent: bool) -> str:
    told = "ratio" if percent else place["unit"]
    if row.unit and told and told != row.unit:
        raise place.error(
            "unit" if place["unit"] else "value", f"{told!r} is not the unit of {row.title}, {row.unit!r}"
        )
    return told or row.unit


def fill(kpis: Iterable[KpiResult], supplied: Sequence[Supplied]) -> list[KpiResult]:
    """The judged rows, those without a metric with the values that were supplied for them."""
    by_key = {one.key: one for one in supplied}
    return [_filled(kpi, by_key[kpi.kpi]) if kpi.kpi in by_key else kpi for kpi in kpis]


def external_results(profile: Profile, horizon: str, supplied: Sequence[Supplied]) -> list[KpiResult]:
    """A row for each of the profile's external rows that has a value, in the profile's order."""
    by_key = {one.key: one for one in supplied}
    return [_result(row, horizon, by_key[row.key]) for row in profile.external if row.key in by_key]


def _result(row: ExternalRow, horizon: str, one: Supplied) -> KpiResult:
    blank = KpiResult(
        row.key, row.title, None, "value", row.comparison or ">=", row.target(horizon), horizon, one.unit, None, None, 0,
        Status.NOT_JUDGED, one.source,
    )  # fmt: skip
    return _filled(blank, one)


def _filled(kpi: KpiResult, one: Supplied) -> KpiResult:
    """Judged as it stands, if there is a target: what it was taken from is not known here."""
    status = Status.NOT_JUDGED
    if kpi.target is not None:
        status = Status.PASS if COMPARISONS[kpi.comparison](one.value, kpi.target) else Status.FAIL
    return KpiResult(
        kpi.kpi, kpi.title, None, "value", kpi.comparison, kpi.target, kpi.horizon, one.unit, one.value, None, 1, status,
        one.source, kpi.benchmark, kpi.scale,
    )  # fmt: skip
