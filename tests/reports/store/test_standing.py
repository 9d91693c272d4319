"""What a stored run says about the store, as samples."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from probe.measure.summary import Summary
from reports.store.entry import Entry
from reports.store.quality import Finding, duplicates, overall
from reports.store.standing import DATA_METRICS, data_quality
from tests.reports.store.build import END, NIGHT, entry, history


def quality(folder: Path, told: Entry, *, times: int = 1, after: float = 2.0) -> Summary:
    with history(folder) as found:
        for _ in range(times):
            found.add(told, NIGHT + END + timedelta(seconds=after))
        run = found.run("latest")
        return data_quality(run, found.findings([run.id])[run.id])


def figures(summary: Summary) -> dict[str, tuple[int, float | None]]:
    found = {name: summary.histogram(name) for name in summary}
    return {name: (one.count, one.mean) for name, one in found.items() if one is not None}


def test_a_good_run_has_a_sample_of_each_dimension(tmp_path: Path) -> None:
    assert figures(quality(tmp_path, entry())) == {
        "data_completeness_ratio": (1, 1.0),
        "data_accuracy_ratio": (1, 1.0),
        "data_freshness_seconds": (1, 2.0),
        "data_duplicate_ratio": (1, 0.0),
        "data_schema_ratio": (1, 1.0),
    }


def test_each_arrival_is_one_result(tmp_path: Path) -> None:
    assert figures(quality(tmp_path, entry(), times=4))["data_duplicate_ratio"] == (4, 0.75)


def test_a_broken_document_and_a_late_one(tmp_path: Path) -> None:
    good = entry()
    found = figures(quality(tmp_path, Entry({**good.document, "notes": "none"}, good.summary), after=400.0))
    assert found["data_schema_ratio"] == (1, 0.0)
    assert found["data_freshness_seconds"] == (1, 400.0)


@pytest.mark.parametrize(("labels", "after"), [({"backfilled": "yes"}, 2.0), ({}, -60.0)])
def test_an_age_that_nobody_knows_is_no_sample(tmp_path: Path, labels: dict[str, str], after: float) -> None:
    assert "data_freshness_seconds" not in quality(tmp_path, entry(labels=labels), after=after)


def test_every_dimension_has_its_metric() -> None:
    assert list(DATA_METRICS) == [one.dimension for one in overall(())]


def test_the_pages_share_of_duplicates_is_that_of_the_samples() -> None:
    findings: list[Finding] = [duplicates(repeats) for repeats in (0, 0, 2, 1)]
    found = next(one for one in overall(findings) if one.dimension == "duplicates")
    assert found.value == pytest.approx(3 / 7)


@pytest.mark.parametrize(("ages", "ok"), [((2.0, -3.0), True), ((2.0, 400.0), False), ((2.0, -3600.0), False)])
def test_one_late_run_or_one_wrong_clock_is_not_fresh(ages: tuple[float, ...], ok: bool) -> None:
    findings = [Finding("freshness", age, 300.0, ok) for age in ages]
    found = next(one for one in overall(findings) if one.dimension == "freshness")
    assert (found.value, found.ok) == (max(ages), ok)
