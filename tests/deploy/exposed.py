"""What the two metrics pages really expose, scraped in this process, and what the recording rules make of it."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from loadtest.campaign import Campaign
from loadtest.harvest import Delta, Standing
from loadtest.prometheus import registry_of
from loadtest.settings import Settings
from probe.measure.join import PHASES
from probe.measure.summary import Summary
from probe.model.metrics import METRICS
from probe.model.samples import Sample
from probe.model.scenario_files import load_scenario
from reports.targets.files import load_profile
from sfu_shim.core.policy import Policy
from sfu_shim.core.rooms import Rooms
from sfu_shim.core.stats import ForwardingStats
from sfu_shim.metrics import render
from tests.deploy.promql import read

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
Catalogue = dict[str, dict[str, set[str]]]
"""Metric → label → the values that it may have; an empty set is any value."""

_TAGS = {
    "topology": ("p2p", "sfu"),
    "kind": ("audio", "video"),
    "phase": PHASES,
    "transition": ("p2p>sfu", "sfu>p2p"),
}


def rules() -> list[dict[str, Any]]:
    """All recording and alerting rules."""
    files = sorted((PROMETHEUS / "rules").glob("*.yml"))
    groups = [group for file in files for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]]
    return [rule for group in groups for rule in group["rules"]]


@cache
def catalogue() -> Catalogue:
    """Everything that an expression may read."""
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))
    scraped: dict[str, set[str]] = {"job": {job["job_name"] for job in config["scrape_configs"]}, "instance": set()}
    found: Catalogue = {"up": scraped}
    for page in (_campaign_page(), _shim_page()):
        for name, labels in _samples(page).items():
            found[name] = {**scraped, **labels}
    for rule in rules():
        if "record" in rule:
            found[rule["record"]] = {label: _values(found, rule["expr"], label) for label in _kept(found, rule["expr"])}
    alerts = {rule["alert"] for rule in rules() if "alert" in rule}
    severities = {rule["labels"]["severity"] for rule in rules() if "alert" in rule}
    found["ALERTS"] = {"alertname": alerts, "alertstate": {"firing", "pending"}, "severity": severities}
    return found


def _kept(found: Catalogue, expression: str) -> frozenset[str]:
    """The labels that a recording keeps: those it is grouped by, or all where it is not."""
    reading = read(expression)
    return (reading.grouping or frozenset(found[reading.selectors[0][0]])) - {"le"}


def _values(found: Catalogue, expression: str, label: str) -> set[str]:
    return set().union(*(found[name].get(label, set()) for name, _ in read(expression).selectors))


def _samples(page: str) -> Catalogue:
    found: Catalogue = defaultdict(lambda: defaultdict(set))
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            labels = found[sample.name]
            for label, value in sample.labels.items():
                labels[label].add(value)
    return {name: dict(labels) for name, labels in found.items()}


def _shim_page() -> str:
    rooms = Rooms(Policy(), random.Random(1))
    rooms.migrations["p2p", "sfu", "committed"] = 1
    return render(rooms, ForwardingStats(), {"room_full": 1}).decode()


def _campaign_page() -> str:
    """Of a campaign with one worker, which has measured everything once."""
    settings = Settings(
        url="ws://127.0.0.1:8787", scenario=load_scenario("campaign"), mix={"hybrid": 1.0}, targets="video-platform"
    )
    profile = load_profile(settings.targets)
    campaign = Campaign(settings, profile, profile.default_horizon, datetime.now(UTC), 0.0)
    delta, total = Delta(summary=_everything(), presence=[(0.5, 1)]), Standing(present=1)
    campaign.take("worker", {"campaign": "", "engine": "a", "delta": delta.to_dict(), "total": total.to_dict()}, 1.0)
    return generate_latest(registry_of(cast(Any, SimpleNamespace(campaign=campaign)))).decode()


def _everything() -> Summary:
    """A sample of each metric, for each value of its tags."""
    summary = Summary()
    for name, metric in METRICS.items():
        summary.add(Sample(name, 1.0, 0.0))
        for tag in _TAGS.keys() & set(metric.tags):
            for value in _TAGS[tag]:
                summary.add(Sample(name, 1.0, 0.0, {tag: value}))
    return summary
