"""CSV, read back by the csv module."""

from __future__ import annotations

import csv
import io

from reports.csvout import KPI_COLUMNS, METRIC_COLUMNS, render_csv, render_metrics_csv
from tests.reports.full import beside, full_document


def test_a_row_for_each_kpi_with_all_its_figures() -> None:
    document = full_document()
    text = render_csv(document)
    read = list(csv.DictReader(io.StringIO(text, newline="")))
    assert tuple(read[0]) == KPI_COLUMNS
    assert [row["kpi"] for row in read] == [kpi["kpi"] for kpi in document["kpis"]]
    for row, kpi in zip(read, document["kpis"], strict=True):
        assert row["status"] == kpi["status"]
        assert row["evidence"] == kpi["evidence"]
        assert row["value"] == ("" if kpi["value"] is None else repr(kpi["value"]))
        low, high = kpi["interval"] or (None, None)
        assert (row["interval_low"], row["interval_high"]) == tuple(
            "" if end is None else repr(end) for end in (low, high)
        )
    assert read[0]["run_id"] == "a1b2c3"


def test_lines_end_as_rfc_4180_says_and_hard_text_survives() -> None:
    document = full_document()
    document["kpis"][0]["title"] = 'a "quoted", title\nof two lines'
    text = render_csv(document)
    assert text.endswith("\r\n")
    assert next(csv.DictReader(io.StringIO(text, newline="")))["title"] == 'a "quoted", title\nof two lines'


def test_no_text_is_a_formula() -> None:
    document = full_document()
    document["kpis"][0]["evidence"] = "=HYPERLINK(1)"
    assert next(csv.DictReader(io.StringIO(render_csv(document), newline="")))["evidence"] == "'=HYPERLINK(1)"


def test_a_row_for_each_metric_and_tag_value() -> None:
    document = full_document()
    read = list(csv.DictReader(io.StringIO(render_metrics_csv(document), newline="")))
    assert tuple(read[0]) == METRIC_COLUMNS
    expected = [(name, tag) for name, one in document["metrics"].items() for tag in ("", *one["by"])]
    assert [(row["metric"], row["tag"]) for row in read] == expected
    sfu = next(row for row in read if (row["metric"], row["tag"]) == ("round_trip_time_seconds", "topology=sfu"))
    assert int(sfu["count"]) == 40
    assert float(sfu["mean"]) == document["metrics"]["round_trip_time_seconds"]["by"]["topology=sfu"]["mean"]


def test_what_browsers_measured_stands_in_the_row_of_the_same_metric_and_tag() -> None:
    seen = beside("packet_loss_ratio", 0.25, 0.125, "kind=video", "ratio")
    text = render_metrics_csv(full_document(browsers=(seen,)))
    told = {(row["metric"], row["tag"]): row for row in csv.DictReader(io.StringIO(text, newline=""))}
    columns = ("browser_count", "browser_mean", "browser_difference")
    assert [told["packet_loss_ratio", "kind=video"][name] for name in columns] == ["3", "0.25", "0.125"]
    others = [row for key, row in told.items() if key != ("packet_loss_ratio", "kind=video")]
    assert {row[name] for row in others for name in columns} == {""}
