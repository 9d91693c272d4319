"""The report document, `meetprobe/report/1`: everything about a run as one JSON-ready dict. The renderers read only this.

Its JSON Schema is `reports/schema/report-1.json`.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any

from probe.measure.summary import Summary
from probe.model.errors import ProbeError
from probe.model.result import RunError, RunResult
from probe.model.url import without_secrets
from reports.alerts import evaluate
from reports.distributions import distributions
from reports.horizons import all_horizons
from reports.kpi import KpiResult, Status, exit_code
from reports.slices import Slices
from reports.spread import deviations
from reports.targets.external import Supplied, external_results, fill
from reports.targets.profile import Profile
from reports.verdict import Grounds, judge

SCHEMA = "meetprobe/report/1"
BUG = "bug"
"""The phase of an error that is meetprobe's own."""

Document = dict[str, Any]


def schema() -> Document:
    """The JSON Schema (draft 2020-12) of the document."""
    text = (resources.files("reports") / "schema" / "report-1.json").read_text(encoding="utf-8")
    found: Document = json.loads(text)
    return found


def build_document(
    result: RunResult,
    profile: Profile,
    horizon: str,
    judges: Iterable[str] | None = None,
    *,
    strict: bool = False,
    supplied: Sequence[Supplied] = (),
) -> Document:
    """The judged report of a run; `supplied` are values from outside. Raises ValueError when the result's summary is damaged."""
    summary = Summary.from_dict(result.summary)
    trustworthy = bool(result.health.get("trustworthy", False))
    reasons = [str(reason) for reason in result.health.get("reasons", ())]
    distrust = [] if trustworthy else reasons or ["it gave no reason"]
    grounds = Grounds(summary, result.duration_seconds, distrust, Slices.from_dict(result.slices))
    chosen = None if judges is None else set(judges)
    kpis = [*fill(judge(profile, horizon, chosen, grounds), supplied), *external_results(profile, horizon, supplied)]
    bug = any(error.phase == BUG for error in result.errors)
    code = exit_code(kpis, trustworthy=trustworthy, measured=grounds.measured, strict=strict, bug=bug)
    document = _document(
        result,
        summary,
        kpis,
        (code, grounds.measured),
        {"targets": profile.profile, "horizon": horizon},
        [row.title for row in profile.external if row.key not in {one.key for one in supplied}],
    )
    for row, horizons in zip(document["kpis"], all_horizons(profile, chosen, grounds), strict=False):
        row["horizons"] = horizons  # the external rows, which come last, have none
    document["alerts"] = _finite(evaluate(profile, grounds, supplied))
    return document


def failed_document(
    error: Exception, *, code: int, scenario: str, target: str, version: str, started_at: str, run_id: str
) -> Document:
    """The report of a run that did not take place: no figures, and the error that prevented it."""
    result = RunResult(
        id=run_id,
        started_at=started_at,
        duration_seconds=0.0,
        scenario=scenario,
        target=target,
        version=version,
        health={"trustworthy": False, "reasons": ["the run did not take place"]},
        summary={},
        errors=(_told(error),),
    )
    return _document(result, Summary(), [], (code, False), {"targets": None, "horizon": None}, ())


def _told(error: Exception) -> RunError:
    if not isinstance(error, ProbeError):
        return RunError(BUG, "meetprobe", f"{type(error).__name__}: {error}")
    message = f"{error.message} ({error.hint})" if error.hint else error.message
    return RunError(error.phase or "configuration", error.who, message)


def _document(
    result: RunResult,
    summary: Summary,
    kpis: list[KpiResult],
    outcome: tuple[int, bool],
    choice: Mapping[str, str | None],
    external: Iterable[str],
) -> Document:
    counts = Counter(kpi.status for kpi in kpis)
    run = {
        "id": result.id,
        "started_at": result.started_at,
        "duration_seconds": result.duration_seconds,
        "scenario": result.scenario,
        "target": without_secrets(result.target),
        "version": result.version,
        "interrupted": result.interrupted,
        **choice,
    }
    return {
        "schema": SCHEMA,
        "run": _finite(run),
        "verdict": {
            "exit_code": outcome[0],
            "measured": outcome[1],
            **{str(status): counts[status] for status in Status},
        },
        "health": _finite(dict(result.health)),
        "metrics": _finite(summary.figures()),
        "deviations": deviations(summary),
        "distributions": _finite(distributions(summary)),
        "series": _finite(dict(result.series)),
        "events": [_finite(dict(event)) for event in result.events],
        "kpis": [_finite(kpi.to_dict()) for kpi in kpis],
        "migrations": [_finite(dict(migration)) for migration in result.migrations],
        "participants": [_finite(dict(participant)) for participant in result.participants],
        **_where_any("worst_frames", result.worst_frames),
        **_where_any("browsers", result.browsers),
        "errors": [error.to_dict() for error in result.errors],
        "notes": list(result.notes),
        "external": list(external),
    }


def _where_any(name: str, found: Sequence[Mapping[str, Any]]) -> Document:
    """A part that the document has not where it would be empty: no pictures were decoded, no browser took part."""
    return {name: [_finite(dict(one)) for one in found]} if found else {}


def _finite(value: Any) -> Any:
    """`value` as JSON has it: nan and infinities become null, tuples lists, keys strings."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_finite(one) for one in value]
    return value
