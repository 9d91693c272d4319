"""A profile's alerts against a run: which conditions hold, and how sure that is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from probe.measure.intervals import CONFIDENCE
from probe.model.not_in_a_run import NOT_IN_A_RUN
from reports.figure import Figure, enough, rested
from reports.targets.expression import COMPARISONS, parse_aggregate, parse_selector
from reports.targets.external import Supplied
from reports.targets.profile import Alert, Profile
from reports.targets.quantity import show_quantity
from reports.verdict import Grounds

STATES = ("firing", "suspected", "quiet", "unknown")
"""Firing: the condition holds for the whole 90 % interval. Suspected: the figure meets it, but so few values prove nothing."""


def evaluate(profile: Profile, grounds: Grounds, supplied: Sequence[Supplied] = ()) -> list[dict[str, Any]]:
    """For each alert of the profile, in its order, JSON-ready: `severity`, `title`, `condition` in words ("" where there is none),
    `state`, `firing`, `value` and `threshold` (in `unit`; None where not known), `count`, and `reason`, which is one line."""
    by_key = {one.key: one for one in supplied}
    return [_evaluated(alert, grounds, by_key.get(alert.external)) for alert in profile.alerts]


def _evaluated(alert: Alert, grounds: Grounds, one: Supplied | None) -> dict[str, Any]:
    found, count, reason = _figure(alert, grounds, one)
    state = _state(alert, found, count)
    unit = one.unit if one is not None else alert.unit if alert.metric else ""
    return {
        "severity": alert.severity,
        "title": alert.title,
        "condition": condition(alert),
        "state": state,
        "firing": state == "firing",
        "value": found.value if found else None,
        "threshold": alert.threshold,
        "unit": unit,
        "count": count,
        "reason": reason or _words(found, count, unit),
    }


def condition(alert: Alert) -> str:
    """The condition as a line of the grammar: "ratio of connection_success_ratio < 90 %"."""
    if alert.threshold is None:
        return ""
    if alert.metric:
        shown = show_quantity(alert.threshold, alert.unit)
        return f"{alert.aggregate} of {alert.metric} {alert.comparison} {shown}"
    value = f"{alert.value:g}" if isinstance(alert.value, float) else alert.value
    return f"{alert.external} {alert.comparison} {value}"


def _figure(alert: Alert, grounds: Grounds, one: Supplied | None) -> tuple[Figure | None, int, str]:
    """The figure, how many values it has, and why there is none."""
    if alert.external:
        if one is None:
            return None, 0, f"needs the value of {alert.external} from outside (--external)"
        return Figure(one.value, None, sampled=False), 1, one.source
    if alert.metric is None:
        return None, 0, alert.not_measured
    if grounds.obstacle:
        return None, 0, grounds.obstacle
    selector = parse_selector(alert.metric)
    histogram = grounds.summary.histogram(selector.metric.name, selector.tag)
    if histogram is None:
        why = NOT_IN_A_RUN.get(selector.metric.name)
        return None, 0, f"no samples of {alert.metric}" + (f": {why}" if why else "")
    rests_on = grounds.rests_on(alert.unit_want, histogram.count)
    how = parse_aggregate(alert.aggregate)
    return rested(how, histogram, grounds.duration_seconds, CONFIDENCE, rests_on), histogram.count, ""


def _state(alert: Alert, found: Figure | None, count: int) -> str:
    threshold, comparison = alert.threshold, alert.comparison
    if found is None or threshold is None or comparison is None:
        return "unknown"
    holds = COMPARISONS[comparison]
    if not holds(found.value, threshold):
        return "quiet"
    sure = enough(parse_aggregate(alert.aggregate), found, count) and holds(found.worst(comparison), threshold)
    return "firing" if sure else "suspected"


def _words(found: Figure | None, count: int, unit: str) -> str:
    return f"{show_quantity(found.value, unit)} of {count} reading{'' if count == 1 else 's'}" if found else "not known"
