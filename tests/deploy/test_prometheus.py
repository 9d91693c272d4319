"""The Prometheus configuration: what promtool says of it, and that it reads metrics which exist."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from reports.targets.files import load_profile
from tests.deploy.exposed import PROMETHEUS, catalogue, rules
from tests.deploy.promql import read
from tests.interop.needs import program

RULES = rules()
ALERTS = [rule for rule in RULES if "alert" in rule]
CASES = sorted((PROMETHEUS / "tests").glob("*.yml"))


def promtool(*arguments: str) -> str:
    """What promtool says; fails where it objects."""
    command = [program("promtool", "prometheus"), *arguments]
    done = subprocess.run(command, cwd=PROMETHEUS, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_takes_the_configuration() -> None:
    assert "1 rule files found" in promtool("check", "config", "prometheus.yml")


def test_promtool_takes_every_rule() -> None:
    assert f"{len(RULES)} rules found" in promtool("check", "rules", *map(str, (PROMETHEUS / "rules").glob("*.yml")))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_rules_do_what_their_cases_say(case: Path) -> None:
    assert "SUCCESS" in promtool("test", "rules", str(case))


def expectations() -> list[dict[str, Any]]:
    files = [yaml.safe_load(case.read_text(encoding="utf-8")) for case in CASES]
    return [told for file in files for test in file["tests"] for told in test.get("alert_rule_test", [])]


@pytest.mark.parametrize("alert", [rule["alert"] for rule in ALERTS])
def test_every_alert_is_seen_to_fire_and_not_to_fire(alert: str) -> None:
    outcomes = {bool(told["exp_alerts"]) for told in expectations() if told["alertname"] == alert}
    assert outcomes == {True, False}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_rules_read_only_what_is_exposed(rule: dict[str, Any]) -> None:
    known, reading = catalogue(), read(rule["expr"])
    assert reading.selectors
    for name, matchers in reading.selectors:
        assert name in known
        for label, value in matchers.items():
            assert value in known[name][label], f"{name}: {label}"
    assert reading.grouping <= set().union(*(known[name] for name, _ in reading.selectors))


THRESHOLDS = {
    "connection_success_ratio": ("ConnectionSuccessBelow90Percent", "< {:.2f}"),
    "platform_uptime_ratio": ("PlatformUptimeBelow99Percent", "< {:.2f}"),
    "p2p_connection_success_ratio": ("P2PConnectionFailureAbove15Percent", "1 - {:.2f}"),
    "round_trip_time_seconds": ("RoundTripAbove200Milliseconds", "> {:.3f}"),
    "concurrent_participants_peak": ("MoreThan100Participants", "> {:.0f}"),
}


@pytest.mark.parametrize("metric", THRESHOLDS)
def test_alert_thresholds_are_the_profile_s(metric: str) -> None:
    [promised] = [alert.threshold for alert in load_profile("video-platform").alerts if alert.metric == metric]
    name, form = THRESHOLDS[metric]
    [expression] = [rule["expr"] for rule in ALERTS if rule["alert"] == name]
    assert form.format(promised) in expression


def test_alerts_of_the_profile_without_a_rule_are_on_what_a_campaign_does_not_measure() -> None:
    alerts = {alert.metric for alert in load_profile("video-platform").alerts if alert.metric}
    assert not [metric for metric in alerts - THRESHOLDS.keys() if any(metric in name for name in catalogue())]


def test_every_alert_says_how_bad_and_what_it_means() -> None:
    for rule in ALERTS:
        assert rule["labels"]["severity"] in ("critical", "risk", "warning"), rule["alert"]
        assert set(rule["annotations"]) == {"summary", "description"}, rule["alert"]
