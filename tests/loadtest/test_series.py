"""A campaign over time: what its charts are drawn from."""

from __future__ import annotations

import pytest

from loadtest.series import COLUMNS, MAX_POINTS, Gauges, Series, attempts, failures, per_participant
from probe.measure.summary import Summary
from tests.reports.build import add
from tests.reports.build import attempts as tried


def measured(joins: list[float], **rtt: float) -> Summary:
    found = Summary()
    add(found, "join_duration_seconds", joins, topology="p2p")
    tried(found, "join_success_ratio", len(joins), len(joins) + 1, topology="p2p")
    tried(found, "migration_success_ratio", 1, 3, transition="p2p>sfu")
    for value in rtt.values():
        add(found, "round_trip_time_seconds", [value], topology="p2p")
    return found


def test_a_point_is_what_was_measured_in_its_seconds() -> None:
    series = Series()
    series.add(measured([0.25, 0.5, 4.0], a=0.010, b=0.020))
    series.advance(1.0, Gauges(5, 0.001))
    series.advance(2.0, Gauges(3, 0.002))
    found = {name: column[0] for name, column in series.columns().items()}
    assert found.pop("join_p50_seconds") == pytest.approx(0.5, rel=0.0025)
    assert found == {
        "time": 2.0, "participants": 5.0, "join_p95_seconds": 4.0, "round_trip_time_seconds": 0.015,
        "packet_loss_ratio": None, "audio_quality_score": None, "video_quality_score": None,
        "send_bitrate_bps": None, "receive_bitrate_bps": None, "migrations": 3.0, "failures": 3.0,
        "loop_lag_p99_seconds": 0.002,
    }  # fmt: skip


def test_bitrates_are_of_a_participant_with_audio_and_video() -> None:
    found = Summary()
    add(found, "send_bitrate_bps", [40_000.0, 60_000.0], topology="p2p", kind="audio")
    add(found, "send_bitrate_bps", [1_000_000.0], topology="p2p", kind="video")
    series = Series()
    series.add(found)
    series.advance(2.0, Gauges())
    assert series.columns()["send_bitrate_bps"] == [1_050_000.0]
    assert per_participant(found, "send_bitrate_bps") == 1_050_000.0
    assert per_participant(found, "receive_bitrate_bps") is None


def test_a_point_waits_for_a_report_but_not_for_ever() -> None:
    series = Series()
    for second in (1.0, 2.0, 3.0, 4.0, 5.0):
        series.advance(second, Gauges())
    assert series.columns()["time"] == []
    series.add(measured([0.1]))
    series.advance(5.5, Gauges())
    assert series.columns()["time"] == [5.5]
    for second in range(6, 13):
        series.advance(float(second), Gauges())
    assert series.columns()["time"] == [5.5, 12.0]
    assert series.columns()["join_p50_seconds"][1] is None


def test_what_came_last_counts() -> None:
    series = Series()
    series.add(measured([0.1]))
    series.close(1.0, Gauges(2))
    series.close(1.0, Gauges(2))
    assert series.columns()["time"] == [1.0]


def test_however_long_it_lasts_points_stay_few_and_nothing_is_lost() -> None:
    series = Series()
    for second in range(0, 10_000, 2):
        series.add(measured([0.1], a=second / 1000))
        series.advance(second + 2.0, Gauges(second % 100))
    series.close(10_000.0, Gauges())
    found = series.columns()
    assert set(found) == set(COLUMNS)
    assert {len(column) for column in found.values()} == {len(found["time"])}
    assert MAX_POINTS / 2 <= len(found["time"]) <= MAX_POINTS
    assert found["time"] == sorted(time for time in found["time"] if time is not None)
    assert found["time"][-1] == 10_000.0
    assert sum(count or 0 for count in found["migrations"]) == 15_000
    assert max(count or 0 for count in found["participants"]) == 98


def test_successes_and_failures() -> None:
    found = Summary()
    assert (attempts(found, "join_success_ratio"), failures(found, "join_success_ratio")) == (0, 0)
    tried(found, "join_success_ratio", 5, 7)
    assert (attempts(found, "join_success_ratio"), failures(found, "join_success_ratio")) == (7, 2)
