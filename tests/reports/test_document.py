from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.summary import Summary
from probe.model.errors import ConfigError
from probe.model.result import RunError
from reports.document import BUG, SCHEMA, Document, build_document, failed_document, schema
from reports.jsonout import prepare_folder, to_json, write_report
from reports.targets.files import load_profile
from tests.reports.build import BUSY, UNREACHABLE, add, attempts, good_run, migration, result
from tests.reports.full import BESIDE

PROFILE = load_profile("video-platform")
ISSUE_METRICS = {"unit", "count", "mean", "min", "p50", "p95", "p99", "max", "by"}


def document(**changes: Any) -> Document:
    return build_document(result(**changes), PROFILE, "6m")


def check(found: Document) -> Document:
    """Against the schema, as a reader gets it."""
    read: Document = json.loads(to_json(found))
    jsonschema.Draft202012Validator(schema()).validate(read)
    return read


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert schema()["properties"]["schema"]["const"] == SCHEMA


def test_a_good_run() -> None:
    read = check(document())
    assert set(read) >= {"schema", "run", "health", "metrics", "kpis", "migrations", "participants", "errors"}
    assert read["run"]["scenario"] == "hybrid"
    assert (read["run"]["targets"], read["run"]["horizon"]) == ("video-platform", "6m")
    assert set(read["metrics"]["join_success_ratio"]) == ISSUE_METRICS
    assert read["metrics"]["join_success_ratio"]["by"]["topology=p2p"]["mean"] == 1.0
    assert [one["kpi"] for one in read["kpis"]] == [kpi.id for kpi in PROFILE.kpis]
    assert len(read["migrations"]) == 4
    assert read["verdict"] == {
        "exit_code": 0,
        "measured": True,
        "pass": 3,
        "fail": 0,
        "inconclusive": 5,
        "not_judged": 7,
    }
    assert "NPS" in read["external"]


def test_what_browsers_saw_stands_apart_where_there_were_any() -> None:
    assert "browsers" not in check(document())
    read = check(document(browsers=BESIDE))
    assert read["browsers"] == list(BESIDE)
    assert read["kpis"] == check(document())["kpis"]


def test_figures_are_the_summarys() -> None:
    read = check(document())
    rtt = read["metrics"]["round_trip_time_seconds"]["by"]["topology=p2p"]
    row = next(one for one in read["kpis"] if one["kpi"] == "p2p_latency")
    assert row["value"] == rtt["mean"] == pytest.approx(0.0006)
    assert row["count"] == rtt["count"] == 40
    assert row["interval"][0] < row["value"] < row["interval"][1]


def test_an_open_interval_is_null() -> None:
    row = next(one for one in check(document())["kpis"] if one["kpi"] == "join_time")
    assert row["interval"][1] is None
    assert row["confidence"] == 0.9


@pytest.mark.parametrize(
    ("changes", "strict", "code"),
    [
        ({}, False, 0),
        ({}, True, 4),
        ({"health": BUSY}, False, 4),
        ({"summary": Summary()}, False, 4),
        ({"errors": (RunError(BUG, "meetprobe", "KeyError"),)}, False, 1),
        ({"errors": (UNREACHABLE,)}, False, 0),
        ({"health": {}}, False, 4),
    ],
)
def test_exit_code(changes: dict[str, Any], strict: bool, code: int) -> None:
    found = build_document(result(**changes), PROFILE, "6m", strict=strict)
    assert found["verdict"]["exit_code"] == code
    if changes.get("health") != {}:
        check(found)


def test_a_failed_target_makes_three() -> None:
    summary = good_run()
    attempts(summary, "migration_success_ratio", 0, 4, transition="p2p>sfu")
    assert check(document(summary=summary))["verdict"]["exit_code"] == 3
    unasked = build_document(result(summary=summary), PROFILE, "6m", ["join_success"])
    assert unasked["verdict"]["exit_code"] == 0


def test_no_float_leaves_that_json_does_not_have() -> None:
    odd = migration(1, duration_seconds=math.nan, mos_dip=math.inf, more={"x": (1, -math.inf)})
    found = document(migrations=(odd,), health={**BUSY, "cpu_ratio": math.nan})
    read = check(found)
    assert read["migrations"][0]["duration_seconds"] is None
    assert read["migrations"][0]["more"] == {"x": [1, None]}
    assert read["health"]["cpu_ratio"] is None


def test_secrets_of_the_url_stay_out() -> None:
    text = to_json(document(target="wss://me:secret@host/ws?token=secret"))
    assert "secret" not in text
    assert "wss://host/ws?…" in text


@pytest.mark.parametrize(
    ("error", "phase", "message"),
    [
        (ConfigError("no such scenario", hint="try hybrid"), "configuration", "no such scenario (try hybrid)"),
        (ConfigError("bad port", who="url", phase="url"), "url", "bad port"),
        (KeyError("x"), BUG, "KeyError: 'x'"),
    ],
)
def test_a_run_that_did_not_take_place(error: Exception, phase: str, message: str) -> None:
    found = failed_document(
        error,
        code=2,
        scenario="x",
        target="embedded",
        version="0.1.0",
        started_at="2026-11-22T03:04:05+00:00",
        run_id="r",
    )
    read = check(found)
    assert [(one["phase"], one["message"]) for one in read["errors"]] == [(phase, message)]
    assert read["verdict"]["exit_code"] == 2
    assert (read["metrics"], read["kpis"]) == ({}, [])
    assert not read["health"]["trustworthy"]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_any_values_make_a_valid_document(numbers: list[float]) -> None:
    summary = good_run()
    for metric in ("round_trip_time_seconds", "video_quality_score", "join_duration_seconds", "p2p_usage_ratio"):
        add(summary, metric, numbers, topology="p2p") if metric != "p2p_usage_ratio" else add(summary, metric, numbers)
    check(document(summary=summary))


def test_the_report_is_written_whole(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    prepare_folder(folder)
    path = write_report(document(), folder)
    assert [one.name for one in folder.iterdir()] == ["report.json"]
    assert json.loads(path.read_text(encoding="utf-8")) == json.loads(to_json(document()))


def test_a_folder_that_cannot_be_is_told_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="can't write there"):
        prepare_folder(tmp_path / "file" / "out")
