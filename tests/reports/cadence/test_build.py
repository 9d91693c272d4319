"""The model out of two weeks of stored nights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from probe.measure.summary import Summary
from probe.model.result import RunError
from reports.cadence.build import build
from reports.cadence.model import Change, Counts, Data, Mark
from reports.cadence.words import changes, headline, quality_mark, span, told_runs
from reports.targets.files import load_profile
from tests.reports.build import add
from tests.reports.cadence.build import eventful, report, row, run, two_weeks


def test_a_quiet_week_against_the_week_before(tmp_path: Path) -> None:
    found = report(two_weeks(tmp_path))
    assert found.counts == Counts(all=7, counted=7, distrusted=0, interrupted=0, shut_out=0, missed=0)
    assert found.before.all == 7
    joins = row(found, "join_success")
    assert (joins.value, joins.count, joins.mark, joins.status) == (1.0, 280, Mark.ON, "pass")
    assert (joins.change, joins.before) == (Change.SAME, 1.0)
    assert joins.trend == (1.0,) * 7
    time = row(found, "join_time")
    assert time.change is Change.WORSE, "a fifth more time to join is beyond noise"
    assert time.before == pytest.approx(0.304 * 1.09, rel=0.01)
    assert time.value == pytest.approx(0.365 * 1.09, rel=0.01)
    assert len(time.trend) == 7
    assert row(found, "p2p_latency").change is Change.SAME
    video = row(found, "video_quality")
    assert (video.mark, video.status) == (Mark.NEAR, "fail")
    assert row(found, "p2p_usage").status == "not_judged"
    assert row(found, "p2p_usage").value == pytest.approx(0.62)


def test_uptime_comes_from_runs_that_got_in(tmp_path: Path) -> None:
    found = row(report(two_weeks(tmp_path, eventful)), "uptime")
    assert found.value == pytest.approx(5 / 6)
    assert found.count == 6, "the night on a busy machine says nothing"
    assert found.mark is Mark.BELOW
    assert found.trend == (1.0, 1.0, None, 1.0, 0.0, 1.0, 1.0)


def test_an_eventful_week(tmp_path: Path) -> None:
    found = report(two_weeks(tmp_path, eventful))
    assert found.counts == Counts(all=7, counted=5, distrusted=1, interrupted=0, shut_out=1, missed=found.counts.missed)
    assert told_runs(found.counts).startswith("7 runs, 5 of them count (1 not trustworthy, 1 in which nobody got in)")
    assert [(one.scenario, one.network, one.runs) for one in found.groups] == [
        ("hybrid", "", 6),
        ("hybrid", "lossy", 1),
    ]
    assert found.groups[1].figures["packet_loss_ratio"] == pytest.approx(0.04)
    assert [(one.message, one.count, one.runs) for one in found.failures] == [("no <candidate> | pair", 3, 1)]
    assert row(found, "join_success").change is Change.WORSE
    assert row(found, "join_success").value == pytest.approx(200 / 210)
    assert any("lossy" in note for note in found.notes)
    assert "a run in which nobody got in counts against uptime and for what it called, not against joins" in found.notes


def test_the_same_failure_of_other_people_is_one_kind(tmp_path: Path) -> None:
    def nights(number: int) -> dict[str, Any]:
        names = {12: "ub68a03a0", 13: "ue1bdbcc9"}
        told = [RunError("in_call", "x", f"no media of {names[number]} for 5 s")] if number in names else []
        return {"errors": (*told, RunError("join", "x", "Cannot connect to host 10.250.127.100:8080"))}

    found = report(two_weeks(tmp_path, nights)).failures
    assert [(one.message, one.count, one.runs) for one in found] == [
        ("Cannot connect to host 10.250.127.100:8080", 7, 7),
        ("no media of … for 5 s", 2, 2),
    ]


def test_figures_of_several_platforms_are_told_as_such(tmp_path: Path) -> None:
    found = report(two_weeks(tmp_path, lambda number: {"target": "wss://x" if number == 13 else "wss://a"}))
    assert "the figures are of 2 platforms together: wss://a, wss://x" in found.notes
    assert not any("together" in note for note in report(two_weeks(tmp_path / "one")).notes)


def test_what_no_run_tells_of_the_data_does_not_hold_either() -> None:
    assert quality_mark(Data("freshness", None, 300.0, True)) == (Mark.UNKNOWN, "nothing to go by")
    assert quality_mark(Data("freshness", 3.0, 300.0, True)) == (Mark.ON, "holds")
    assert quality_mark(Data("freshness", 400.0, 300.0, False)) == (Mark.BELOW, "does not hold")


def test_a_figure_within_its_tolerance_is_on_target(tmp_path: Path) -> None:
    """A camera of nominally 30 frames a second gives 29.9: the verdict says proven, and the mark must not say otherwise."""

    def nights(number: int) -> dict[str, Any]:
        summary = run()
        for name in ("frame_rate", "window_frame_rate"):
            add(summary, name, [29.9, 29.91] * 20, topology="sfu")
        return {"summary": summary}

    profile = load_profile("camera-traffic")
    found = build(two_weeks(tmp_path, nights, profile), profile, "target", "engineering")
    assert (row(found, "frame_rate").mark, row(found, "frame_rate").status) == (Mark.ON, "pass")


def test_the_horizons_are_marked_one_by_one(tmp_path: Path) -> None:
    horizons = row(report(two_weeks(tmp_path)), "video_quality").horizons
    assert horizons == {
        "now": (3.5, Mark.ON),
        "3m": (4.2, Mark.ON),
        "6m": (4.6, Mark.NEAR),
        "12m": (None, Mark.UNKNOWN),
    }


def test_alerts_of_the_profile_fire(tmp_path: Path) -> None:
    def slow(number: int) -> dict[str, Summary]:
        summary = run()
        if number > 6:
            add(summary, "round_trip_time_seconds", [0.5] * 100, topology="sfu", kind="video")
        return {"summary": summary}

    quiet = report(two_weeks(tmp_path / "quiet"))
    assert quiet.alerts == ()
    fired = report(two_weeks(tmp_path / "slow", slow)).alerts
    assert ["200 ms" in one.condition and one.value > 0.2 for one in fired] == [True]


def test_headlines(tmp_path: Path) -> None:
    mark, sentence = headline(report(two_weeks(tmp_path)))
    assert mark is Mark.NEAR
    assert sentence.endswith("targets nearly met: Video quality score (of 5)")
    mark, sentence = headline(report(two_weeks(tmp_path / "bad", eventful)))
    assert mark is Mark.BELOW
    assert "targets missed: Meeting join success rate, " in sentence
    bad = report(two_weeks(tmp_path / "bad", eventful))
    doubted = tuple(replace(one, status="inconclusive") if one.kpi == "join_success" else one for one in bad.rows)
    assert "2 of 8 targets missed, 1 of them for sure: Meeting join" in headline(replace(bad, rows=doubted))[1]
    unsure = tuple(replace(one, status="inconclusive") for one in bad.rows)
    assert "2 of 8 targets missed, none of them for sure: Meeting join" in headline(replace(bad, rows=unsure))[1]
    nothing = report(two_weeks(tmp_path / "none", lambda number: {"summary": Summary()}))
    assert headline(nothing) == (Mark.BELOW, "Nobody got in: all 7 runs found the platform closed")


def test_what_changed_in_words(tmp_path: Path) -> None:
    found = changes(report(two_weeks(tmp_path)))
    assert found[0][0] is Change.WORSE
    assert found[0][1].startswith("Time to join a meeting: 332 ms")
    assert "→" in found[0][1]


def test_the_span_is_told(tmp_path: Path) -> None:
    assert span(report(two_weeks(tmp_path))) == "22 Nov – 29 Nov 2026 (UTC), against the week before"


def test_the_model_is_json(tmp_path: Path) -> None:
    told = json.loads(json.dumps(report(two_weeks(tmp_path, eventful)).to_dict(), allow_nan=False))
    assert told["schema"] == "meetprobe/cadence/1"
    assert told["period"] == {
        "name": "week",
        "start": "2026-11-22T00:00:00+00:00",
        "end": "2026-11-29T00:00:00+00:00",
    }
    assert told["rows"][0]["mark"] in ("on target", "near target", "off target")
