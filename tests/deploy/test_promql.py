from __future__ import annotations

import pytest

from tests.deploy.promql import read


@pytest.mark.parametrize(
    ("expression", "selectors", "grouping"),
    [
        ("up", [("up", {})], set()),
        ('rate(a_total{job="x", result="success"}[5m])', [("a_total", {"job": "x", "result": "success"})], set()),
        ("sum by (job, le) (rate(a_bucket[$__rate_interval])) * 8", [("a_bucket", {})], {"job", "le"}),
        ("a:b:c > 0.15 and on (job) d == 1", [("a:b:c", {}), ("d", {})], {"job"}),
        ("histogram_quantile(0.95, a_bucket{instance=\"$instance\"})", [("a_bucket", {"instance": "$instance"})], set()),
        ("label_values(a, instance)", [("a", {}), ("instance", {})], set()),
    ],
)  # fmt: skip
def test_metrics_matchers_and_grouping_are_read(
    expression: str, selectors: list[tuple[str, dict[str, str]]], grouping: set[str]
) -> None:
    reading = read(expression)
    assert list(reading.selectors) == selectors
    assert reading.grouping == grouping
