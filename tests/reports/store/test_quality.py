"""The five dimensions of data quality."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from probe.measure.summary import Summary
from probe.model.samples import Sample
from reports.store.accuracy import cross_checks
from reports.store.entry import Entry
from reports.store.quality import LIMITS, Finding, check, duplicates, overall
from tests.reports.build import add
from tests.reports.store.build import END, NIGHT, complete_run, entry

STORED = NIGHT + END + timedelta(seconds=1)


def of(found: Entry, dimension: str, after: float = 1.0) -> Finding:
    return next(one for one in check(found, NIGHT + END + timedelta(seconds=after)) if one.dimension == dimension)


def test_the_limits_are_the_platforms() -> None:
    assert LIMITS == {
        "completeness": 0.98,
        "accuracy": 0.99,
        "freshness": 300.0,
        "duplicates": 0.001,
        "schema": 0.995,
    }


def test_a_good_run_is_good_in_all_five() -> None:
    found = check(entry(), STORED)
    assert [(one.dimension, one.value, one.ok, one.message) for one in found] == [
        ("completeness", 1.0, True, ""),
        ("accuracy", 1.0, True, ""),
        ("freshness", 1.0, True, ""),
        ("duplicates", 0.0, True, ""),
        ("schema", 1.0, True, ""),
    ]


def test_a_missing_metric_and_a_missing_field_are_named() -> None:
    summary = Summary()
    add(summary, "join_success_ratio", [1.0] * 4, topology="p2p")
    found = of(entry(summary, version=""), "completeness")
    assert not found.ok
    assert found.value is not None
    assert found.value < 0.98
    assert found.message == (
        "run.version is missing; no connection_success_ratio; no connection_stability_ratio and 1 more"
    )


def test_of_a_run_that_nobody_got_into_no_metrics_are_expected() -> None:
    assert of(entry(Summary()), "completeness").ok


@pytest.mark.parametrize(
    ("after", "ok", "said"),
    [
        (0.0, True, ""),
        (-4.0, True, ""),
        (299.0, True, ""),
        (300.0, False, "stored 300 s after it ended"),
        (-60.0, False, "a clock is wrong"),
    ],
)
def test_freshness_is_the_time_from_the_end_of_the_run(after: float, ok: bool, said: str) -> None:
    found = of(entry(), "freshness", after)
    assert (found.ok, found.value) == (ok, after)
    assert said in found.message


def test_a_backfilled_run_has_no_freshness() -> None:
    found = of(entry(labels={"backfilled": "yes"}), "freshness", 1e6)
    assert (found.ok, found.value) == (True, None)


def test_duplicates_are_shares() -> None:
    assert duplicates(0) == Finding("duplicates", 0.0, 0.001, True, "")
    assert duplicates(1).value == 0.5
    assert not duplicates(1).ok
    assert "came 3 more times" in duplicates(3).message


def test_a_document_that_breaks_the_schema_is_named() -> None:
    good = entry()
    found = of(Entry({**good.document, "notes": "none"}, good.summary), "schema")
    assert (found.value, found.ok, found.message) == (0.0, False, "notes: type array")


def wrong(found: Entry) -> list[str]:
    return [name for name, holds in cross_checks(found) if not holds]


def changed(name: str, **figures: Any) -> Entry:
    """A good run, one metric of whose summary says something else than its histogram."""
    good = entry()
    return Entry(good.document, {**good.summary, name: {**good.summary[name], **figures}})


def test_a_good_run_contradicts_itself_nowhere() -> None:
    assert wrong(entry()) == []


@pytest.mark.parametrize(
    ("metric", "value", "said"),
    [
        ("packet_loss_ratio", 1.2, "packet_loss_ratio leaves 0 to 1"),
        ("packet_loss_ratio", -0.1, "packet_loss_ratio leaves 0 to 1"),
        ("audio_quality_score", 5.2, "audio_quality_score leaves 1 to 5"),
        ("round_trip_time_seconds", -0.01, "round_trip_time_seconds leaves 0 to inf"),
        ("video_vmaf", 101.0, "video_vmaf leaves 0 to 100"),
    ],
)
def test_no_figure_leaves_its_scale(metric: str, value: float, said: str) -> None:
    summary = complete_run()
    summary.add(Sample(metric, value, 0.0, {"topology": "p2p"}))
    assert wrong(entry(summary)) == [said]


@pytest.mark.parametrize(("metric", "value"), [("cost_saving_ratio", -0.4), ("video_vmaf", 96.0), ("burst_ratio", 1.7)])
def test_what_may_leave_0_to_1_may(metric: str, value: float) -> None:
    summary = complete_run()
    add(summary, metric, [value])
    assert wrong(entry(summary)) == []


def test_more_join_times_than_joins() -> None:
    summary = complete_run()
    add(summary, "join_duration_seconds", [0.2] * 9, topology="sfu")
    assert wrong(entry(summary)) == ["13 join times of 6 joins"]


def test_more_participants_than_joins() -> None:
    people = tuple({"id": str(number), "joined": True} for number in range(7))
    assert wrong(entry(participants=people)) == ["7 participants joined, 6 joins were tried"]


def test_more_migrations_than_were_counted() -> None:
    good = entry()
    assert wrong(entry(migrations=(*good.document["migrations"], good.document["migrations"][0]))) == [
        "5 migrations listed, 4 counted",
        "5 successful migrations listed, 4 counted",
    ]


def test_the_document_and_the_histograms_are_one() -> None:
    assert "round_trip_time_seconds: its count is not its histogram's" in wrong(
        changed("round_trip_time_seconds", count=81)
    )
    assert "round_trip_time_seconds: the document says otherwise than the histogram" in wrong(
        changed("round_trip_time_seconds", mean=1.0)
    )
    assert wrong(changed("round_trip_time_seconds", p95=9.0)) == [
        "round_trip_time_seconds: its percentiles are out of order"
    ]


def test_the_verdict_counts_its_rows() -> None:
    good = entry()
    verdict = {**good.document["verdict"], "pass": 17}
    assert wrong(Entry({**good.document, "verdict": verdict}, good.summary))[0].startswith("the verdict counts 17 pass")


def test_over_a_history_shares_are_means_and_freshness_the_worst() -> None:
    findings = [
        Finding("accuracy", 1.0, 0.99, True),
        Finding("accuracy", 0.96, 0.99, False),
        Finding("freshness", 3.0, 300.0, True),
        Finding("freshness", 400.0, 300.0, False),
        Finding("freshness", None, 300.0, True),
        Finding("duplicates", 0.0, 0.001, True),
    ]
    found = {one.dimension: (one.value, one.ok, one.runs) for one in overall(findings)}
    assert found == {
        "completeness": (None, True, 0),
        "accuracy": (0.98, False, 2),
        "freshness": (400.0, False, 2),
        "duplicates": (0.0, True, 1),
        "schema": (None, True, 0),
    }
