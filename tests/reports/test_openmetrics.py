"""OpenMetrics text, read back by both of prometheus_client's parsers: OpenMetrics, and the 0.0.4 text that node_exporter and the
Pushgateway read."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import Any

import pytest
from prometheus_client import parser as prometheus
from prometheus_client.openmetrics import parser as openmetrics

from reports.document import Document
from reports.openmetrics import grouping, pushgateway_path, render_openmetrics
from tests.reports.build import BUSY
from tests.reports.full import full_document


def samples(document: Document, parser: Any = openmetrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """By name and labels, without those that all have."""
    found = {}
    for family in parser.text_string_to_metric_families(render_openmetrics(document)):
        assert family.documentation
        for sample in family.samples:
            assert sample.timestamp is None
            labels = dict(sample.labels)
            assert {name: labels.pop(name) for name in grouping(document)} == grouping(document)
            key = (sample.name, tuple(sorted(labels.items())))
            assert key not in found
            found[key] = sample.value
    return found


def test_both_parsers_read_the_same() -> None:
    document = full_document()
    assert samples(document) == samples(document, prometheus)
    assert render_openmetrics(document).endswith("\n# EOF\n")


def test_the_figures_are_those_of_the_document() -> None:
    document = full_document()
    found = samples(document)
    for kpi in document["kpis"]:
        label = ("kpi", kpi["kpi"])
        assert found.get(("meetprobe_kpi_value", (label,))) == kpi["value"]
        assert found.get(("meetprobe_kpi_target", (label,))) == kpi["target"]
        assert found["meetprobe_kpi_samples", (label,)] == kpi["count"]
        holding = [
            key for key, value in found.items() if key[0] == "meetprobe_kpi_status" and label in key[1] and value
        ]
        assert holding == [("meetprobe_kpi_status", (label, ("status", kpi["status"])))]
    for name, figures in document["metrics"].items():
        assert found[f"meetprobe_run_{name}_count", ()] == figures["count"]
        assert found[f"meetprobe_run_{name}_sum", ()] == pytest.approx(figures["mean"] * figures["count"])
        assert found[f"meetprobe_run_{name}", (("quantile", "0.95"),)] == figures["p95"]
    assert found["meetprobe_run_start_time_seconds", ()] == 1795316645
    assert found["meetprobe_run_duration_seconds", ()] == 24
    assert found["meetprobe_generator_trustworthy", ()] == 1
    assert found["meetprobe_run_errors", (("phase", "dtls_connected"),)] == 2


def test_an_untrustworthy_run() -> None:
    found = samples(full_document(health=BUSY))
    assert found["meetprobe_generator_trustworthy", ()] == 0
    assert found["meetprobe_verdict_exit_code", ()] == 4


def test_runs_of_the_same_service_have_the_same_series() -> None:
    first, second = full_document(), full_document(id="other", started_at="2026-11-23T03:04:05+00:00")
    assert set(samples(first)) == set(samples(second))


def test_hard_labels_survive() -> None:
    document = full_document(scenario='a "b" \\c', errors=())
    assert grouping(document)["scenario"] == 'a "b" \\c'
    assert samples(document)["meetprobe_verdict_exit_code", ()] == 0


def test_the_path_of_a_push() -> None:
    document = full_document(target="ws://sfu.example/ws")
    path = pushgateway_path(document)
    head, _, coded = path.rpartition("/")
    assert head == "/metrics/job/meetprobe/scenario/hybrid/target@base64"
    assert urlsafe_b64decode(coded) == b"ws://sfu.example/ws"
