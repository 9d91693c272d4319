from __future__ import annotations

from typing import Any

import pytest

from probe.measure.summary import Summary
from probe.model.samples import Sample
from reports.abort import Watch, abort_reason, sequential_confidence, watching
from reports.slices import Slices
from reports.targets.profile import Kpi, Profile
from reports.verdict import Grounds
from tests.reports.build import add, attempts, kpi


def reason(row: Kpi, summary: Summary, elapsed: float = 60.0, slices: Slices | None = None, **grounds: Any) -> str:
    if "connection_success_ratio" not in summary:
        attempts(summary, "connection_success_ratio", 1, 1)
    profile = Profile(profile="p", title="P", horizons=("now",), default_horizon="now", kpis=(row,))
    return abort_reason(profile, "now", None, Grounds(summary, elapsed, slices=slices, **grounds))


def joins(good: int, total: int) -> Summary:
    summary = Summary()
    attempts(summary, "join_success_ratio", good, total)
    return summary


ROW = kpi(abort_on_fail=True)


def test_a_run_ends_when_its_failure_is_certain() -> None:
    assert reason(ROW, joins(10, 30)) == "Row: ratio 33.3 % of 30 can't be >= 98 % any more"
    assert reason(ROW, joins(30, 30)) == ""
    assert reason(ROW, joins(19, 20)) == ""
    assert reason(kpi(), joins(10, 30)) == ""


def test_a_look_in_passing_needs_more_than_the_verdict_at_the_end() -> None:
    # 4 of 6 fail the row at the end (p 0.6 %), but among many looks that is no news
    assert reason(ROW, joins(4, 6)) == ""
    confidences = [sequential_confidence(count) for count in (1, 2, 3, 4, 1000)]
    assert confidences == sorted(confidences)
    assert confidences[1] == confidences[2]
    spent = sum(1 - sequential_confidence(2**k) for k in range(60)) / 2
    assert spent == pytest.approx(0.05 / 3, rel=0.02)


def test_the_delay_and_the_generator_are_respected() -> None:
    late = kpi(abort_on_fail=True, abort_after="30 s")
    assert reason(late, joins(10, 30), elapsed=29.0) == ""
    assert reason(late, joins(10, 30), elapsed=30.0) != ""
    assert reason(ROW, joins(10, 30), distrust=["busy"]) == ""
    elsewhere = kpi(abort_on_fail=True, not_judged="not by one run")
    assert reason(elsewhere, joins(10, 30)) == ""


def test_a_maximum_that_is_exceeded_is_decided() -> None:
    row = kpi("join_duration_seconds", "max", "<=", "10 s", abort_on_fail=True)
    summary = Summary()
    add(summary, "join_duration_seconds", [1.0, 11.0])
    assert "can't be <= 10 s any more" in reason(row, summary)


def test_a_mean_needs_its_fewest_values() -> None:
    row = kpi("round_trip_time_seconds", "mean", "<", "80 ms", abort_on_fail=True)
    for count, ends in ((19, False), (20, True)):
        summary = Summary()
        add(summary, "round_trip_time_seconds", [0.5 + n / 1000 for n in range(count)])
        assert bool(reason(row, summary)) == ends


@pytest.mark.parametrize(("elapsed", "ends"), [(29.0, False), (30.0, True)])
def test_a_slice_counts_when_it_is_over(elapsed: float, ends: bool) -> None:
    row = kpi("round_trip_time_seconds", "mean", "<", "80 ms", over="10 s", abort_on_fail=True)
    want = row.want
    assert want is not None
    slices = Slices([want])
    for time, value in ((5.0, 0.01), (15.0, 0.01), (25.0, 0.2)):
        slices.add(Sample("round_trip_time_seconds", value, time))
    told = reason(row, Summary(), elapsed, slices)
    assert told == ("Row: 2 of 3 slices of 10 s keep it, 100 % should" if ends else "")


def test_a_profile_is_watched_only_where_a_row_may_abort() -> None:
    def watch_of(row: Kpi) -> Watch | None:
        return watching(Profile(profile="p", title="P", default_horizon="now", kpis=(row,)), "now", None)

    assert watch_of(kpi()) is None
    watch, bad = watch_of(ROW), joins(10, 30)
    attempts(bad, "connection_success_ratio", 1, 1)
    assert watch is not None
    assert "can't be >= 98 % any more" in watch(bad, Slices(), (), 60.0)
    assert watch(bad, Slices(), ("busy",), 60.0) == ""
