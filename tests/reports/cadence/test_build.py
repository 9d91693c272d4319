"""The model out of two weeks of stored nights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from probe.measure.summary import Summary
from reports.cadence.model import Change, Counts, Mark
from reports.cadence.words import changes, headline, span, told_runs
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
    assert told["rows"][0]["mark"] in ("on target", "near target", "below target")
