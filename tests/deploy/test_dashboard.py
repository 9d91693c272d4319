"""The Grafana dashboard: that it reads metrics which exist, and that Grafana can show it."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.deploy.exposed import ROOT, catalogue
from tests.deploy.promql import read

GRAFANA = ROOT / "deploy" / "grafana"
BOARD: dict[str, Any] = json.loads((GRAFANA / "dashboards" / "meetprobe.json").read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = BOARD["panels"]
SHOWN = [panel for panel in PANELS if panel["type"] != "row"]
UNITS = {"none", "percentunit", "s", "ops", "bps", "pps"}
VARIABLES = {variable["name"] for variable in BOARD["templating"]["list"]}


def expressions() -> Iterator[tuple[str, str, str]]:
    """(where, expression, legend) of every query of the dashboard."""
    for panel in SHOWN:
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", target["expr"], target["legendFormat"]
    for annotation in BOARD["annotations"]["list"]:
        yield annotation["name"], annotation["expr"], annotation["titleFormat"] + annotation["textFormat"]
    for variable in BOARD["templating"]["list"]:
        if variable["type"] == "query":
            assert variable["definition"] == variable["query"]["query"]
            metric, _, label = variable["definition"].removeprefix("label_values(").removesuffix(")").partition(", ")
            yield variable["name"], metric, f"{{{{{label}}}}}"


QUERIES = list(expressions())


@pytest.mark.parametrize(("where", "expression", "legend"), QUERIES, ids=[query[0] for query in QUERIES])
def test_queries_read_only_what_is_exposed(where: str, expression: str, legend: str) -> None:
    known, reading = catalogue(), read(expression)
    assert reading.selectors
    for name, matchers in reading.selectors:
        assert name in known
        for label, value in matchers.items():
            variable = value.removeprefix("$")
            assert variable in VARIABLES if value.startswith("$") else value in known[name][label], f"{name}: {label}"
    labels = set().union(*(known[name] for name, _ in reading.selectors))
    assert reading.grouping <= labels
    kept = reading.grouping - {"le"} or labels
    assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= kept


def test_every_query_asks_the_chosen_data_source() -> None:
    text = json.dumps(BOARD)
    assert re.findall(r'"uid": "(?!meetprobe")([^"]*)"', text) == ["${datasource}"] * text.count('"datasource": {')
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in SHOWN)
    assert {"datasource", "instance", "sfu"} == VARIABLES


def test_panels_have_ids_of_their_own_a_unit_and_a_title() -> None:
    ids = [panel["id"] for panel in PANELS]
    assert len(set(ids)) == len(ids)
    assert {panel["fieldConfig"]["defaults"]["unit"] for panel in SHOWN} <= UNITS
    assert all(panel["title"] for panel in PANELS)
    for panel in SHOWN:
        names = [target["refId"] for target in panel["targets"]]
        assert len(set(names)) == len(names) > 0, panel["title"]


def test_panels_lie_within_the_grid_and_not_on_one_another() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in PANELS:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        for cell in itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])):
            assert cell not in taken, f"{panel['title']} lies on {taken.get(cell)}"
            taken[cell] = panel["title"]


def test_rows_are_what_a_campaign_is_watched_for() -> None:
    rows = [panel["title"] for panel in PANELS if panel["type"] == "row"]
    assert rows == ["Targets", "Joins", "Quality", "Migrations", "Generator health", "Test SFU"]


def test_grafana_finds_the_dashboard_and_prometheus() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["grafana"]
    mounts = dict(mount.removesuffix(":ro").split(":") for mount in compose["volumes"])
    [provider] = yaml.safe_load((GRAFANA / "provisioning/dashboards/meetprobe.yml").read_text())["providers"]
    assert mounts["./deploy/grafana/dashboards"] == provider["options"]["path"]
    [source] = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    assert source["url"].strip("${}") in compose["environment"]
    scrape = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == scrape
    home = compose["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/meetprobe.json"
