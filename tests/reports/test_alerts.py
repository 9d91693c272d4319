from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from probe.measure.summary import Summary
from probe.model.not_in_a_run import NOT_IN_A_RUN
from probe.model.samples import Sample
from probe.model.validation import validate
from reports.alerts import evaluate
from reports.document import build_document
from reports.slices import Slices
from reports.targets.external import Supplied
from reports.targets.files import load_profile
from reports.targets.profile import Profile
from reports.terminal import print_report
from reports.units import UnitWant
from reports.verdict import Grounds
from tests.reports.build import BUSY, attempts, good_run, kpi, result

CONNECTIONS = {
    "severity": "critical",
    "title": "Connections",
    "metric": "connection_success_ratio",
    "aggregate": "ratio",
    "comparison": "<",
    "value": "90 %",
}


def fired(alert: dict[str, Any], summary: Summary, *supplied: Supplied, **grounds: Any) -> dict[str, Any]:
    data = {"profile": "p", "title": "P", "default_horizon": "now", "alerts": [alert], "external": ["CSAT"]}
    profile = validate(Profile, {**data, "kpis": [kpi().model_dump(exclude_unset=True)]}, source="test")
    return evaluate(profile, Grounds(summary, 60.0, **grounds), supplied)[0]


@pytest.mark.parametrize(
    ("good", "total", "state"),
    [(100, 100, "quiet"), (50, 100, "firing"), (8, 10, "suspected"), (89, 100, "suspected"), (9, 10, "quiet")],
)
def test_an_alert_fires_when_its_condition_is_certain(good: int, total: int, state: str) -> None:
    summary = Summary()
    attempts(summary, "connection_success_ratio", good, total)
    found = fired(CONNECTIONS, summary)
    assert (found["state"], found["firing"]) == (state, state == "firing")
    assert found["condition"] == "ratio of connection_success_ratio < 90 %"
    assert (found["value"], found["threshold"], found["count"]) == (good / total, 0.9, total)
    assert f"of {total} readings" in found["reason"]


def test_one_bad_meeting_does_not_make_it_certain() -> None:
    summary, slices = Summary(), Slices(units=[UnitWant("connection_success_ratio")])
    for number in range(10):
        for who in range(10):
            detail = {"meeting": str(number), "who": str(who)}
            sample = Sample("connection_success_ratio", float(number > 1), 1.0, {}, detail)
            summary.add(sample)
            slices.add(sample)
    assert fired(CONNECTIONS, summary)["state"] == "firing"
    assert fired(CONNECTIONS, summary, slices=slices)["state"] == "suspected"


def test_an_alert_without_a_figure_says_why() -> None:
    summary = good_run()
    limited = {**CONNECTIONS, "metric": "rate_limited_ratio"}
    assert fired(limited, summary)["reason"] == "no samples of rate_limited_ratio"
    assert fired({**CONNECTIONS, "metric": "platform_uptime_ratio"}, summary)["reason"] == (
        f"no samples of platform_uptime_ratio: {NOT_IN_A_RUN['platform_uptime_ratio']}"
    )
    busy = fired(CONNECTIONS, summary, distrust=["loop lag"])
    assert (busy["state"], busy["reason"]) == ("unknown", "the generator was not trustworthy: loop lag")
    outside = fired({"severity": "warning", "title": "Revenue", "not_measured": "external"}, summary)
    assert (outside["state"], outside["condition"], outside["reason"]) == ("unknown", "", "external")


def test_an_external_alert_needs_its_value() -> None:
    alert = {"severity": "warning", "title": "Users", "external": "csat", "comparison": "<", "value": 4}
    unknown = fired(alert, good_run())
    assert (unknown["state"], unknown["reason"]) == ("unknown", "needs the value of csat from outside (--external)")
    found = fired(alert, good_run(), Supplied("csat", 3.8, "of 5"))
    assert (found["state"], found["value"], found["condition"], found["unit"]) == ("firing", 3.8, "csat < 4", "of 5")
    assert fired(alert, good_run(), Supplied("csat", 4.0))["state"] == "quiet"


def test_the_document_has_the_alerts_and_the_terminal_those_that_hold() -> None:
    profile = load_profile("video-platform")

    def printed(document: dict[str, Any]) -> str:
        console = Console(width=140, record=True, file=None, force_terminal=False, quiet=False)
        with console.capture() as captured:
            print_report(document, console)
        return captured.get()

    quiet = build_document(result(), profile, "6m")
    assert len(quiet["alerts"]) == len(profile.alerts)
    assert not any(one["firing"] for one in quiet["alerts"])
    assert "Alerts" not in printed(quiet)
    bad = good_run()
    attempts(bad, "connection_success_ratio", 0, 50, topology="p2p")
    shown = printed(build_document(result(bad), profile, "6m"))
    assert "critical: Connection success below 90 %" in shown
    assert "Alerts" in shown
    unknown = build_document(result(bad, health=BUSY), profile, "6m")
    assert not any(one["firing"] for one in unknown["alerts"])
