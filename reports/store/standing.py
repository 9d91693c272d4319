"""What is known of a stored run only because it is stored, as samples: the quality of its data. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from probe.measure.summary import Summary
from probe.model.samples import Sample
from reports.store.entry import StoredRun
from reports.store.quality import CLOCK_SLACK, Finding, arrivals

DATA_METRICS = {
    "completeness": "data_completeness_ratio",
    "accuracy": "data_accuracy_ratio",
    "freshness": "data_freshness_seconds",
    "duplicates": "data_duplicate_ratio",
    "schema": "data_schema_ratio",
}
"""By dimension of `reports.store.quality`."""


def data_quality(run: StoredRun, findings: Iterable[Finding]) -> Summary:
    """A sample of each dimension: of duplicates one an arrival of the run, of freshness none where its time was given or a clock was
    wrong."""
    found, at = Summary(), run.stored_at.timestamp()
    for finding in findings:
        for value in _values(finding):
            found.add(Sample(DATA_METRICS[finding.dimension], value, at))
    return found


def _values(finding: Finding) -> list[float]:
    if finding.value is None:
        return []
    if finding.dimension == "duplicates":
        return [0.0] + [1.0] * (arrivals(finding.value) - 1)
    if finding.dimension == "freshness" and finding.value < -CLOCK_SLACK:
        return []
    return [finding.value]
