from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.histogram import Histogram
from probe.measure.intervals import Interval, exact_ratio_interval, mean_interval, student_t, wilson
from probe.measure.summary import Summary
from probe.model.metrics import METRICS
from probe.model.not_in_a_run import NOT_IN_A_RUN
from probe.model.samples import Sample
from reports.kpi import KpiResult, Status, exit_code
from reports.slices import Slices
from reports.targets.files import load_profile
from reports.targets.profile import Kpi, Profile
from reports.units import UnitWant
from reports.verdict import Grounds, judge
from tests.reports.build import add, attempts, good_run, kpi


def verdict(
    row: Kpi, summary: Summary, judges: set[str] | None = None, horizon: str = "now", **grounds: Any
) -> KpiResult:
    """The row's result in a run that reached media."""
    if "connection_success_ratio" not in summary:
        attempts(summary, "connection_success_ratio", 1, 1)
    profile = Profile(profile="p", title="P", horizons=("now", "6m"), default_horizon="now", kpis=(row,))
    return judge(profile, horizon, judges, Grounds(summary, 10.0, **grounds))[0]


def joins(good: int, total: int) -> Summary:
    summary = Summary()
    attempts(summary, "join_success_ratio", good, total, topology="p2p")
    return summary


@pytest.mark.parametrize(
    ("good", "total", "status", "said"),
    [
        (20, 20, Status.INCONCLUSIVE, "20 of 20: 129 more attempts without a failure would prove it"),
        (148, 148, Status.INCONCLUSIVE, "148 of 148: at least 97.99 % is sure, 1 more attempt without"),
        (149, 149, Status.PASS, "149 of 149"),
        (1000, 1000, Status.PASS, "1000 of 1000"),
        (985, 1000, Status.INCONCLUSIVE, "985 of 1000"),
        (990, 1000, Status.PASS, "990 of 1000"),
        (960, 1000, Status.FAIL, "960 of 1000: at most 97 % can be believed"),
        (4, 6, Status.FAIL, "4 of 6"),
        (19, 20, Status.INCONCLUSIVE, "19 of 20"),
        (9, 10, Status.INCONCLUSIVE, "9 of 10"),  # by chance in 18 % of runs at 98 %
        (0, 1, Status.FAIL, "0 of 1"),
    ],
)
def test_ratios_are_judged_by_the_binomial_and_shown_with_wilson(
    good: int, total: int, status: Status, said: str
) -> None:
    found = verdict(kpi(), joins(good, total))
    assert found.status == status, found.evidence
    assert said in found.evidence
    assert found.value == pytest.approx(good / total)
    assert found.interval == wilson(good, total)
    assert found.count == total


def test_a_ratio_that_should_be_low() -> None:
    low = kpi(comparison="<", now="5 %")
    assert verdict(low, joins(0, 100)).status == Status.PASS
    assert verdict(low, joins(50, 100)).status == Status.FAIL
    few = verdict(low, joins(0, 10))
    assert few.status == Status.INCONCLUSIVE
    assert "49 more attempts" in few.evidence  # 59 in all, as for 95 % the other way round


def values(metric: str, numbers: list[float], **tags: str) -> Summary:
    summary = Summary()
    add(summary, metric, numbers, **tags)
    return summary


RTT = "round_trip_time_seconds"


@pytest.mark.parametrize(
    ("numbers", "status", "said"),
    [
        ([0.05, 0.06, 0.07, 0.06] * 5, Status.PASS, "mean of 20 readings, p95 70 ms, worst 70 ms"),
        ([0.05, 0.06, 0.07, 0.06], Status.INCONCLUSIVE, ": about 16 more readings like these would prove it"),
        ([0.30, 0.31, 0.29, 0.30] * 5, Status.FAIL, "at least 297 ms can be believed"),
        ([0.01, 0.10, 0.02, 0.09, 0.02, 0.15] * 4, Status.INCONCLUSIVE, "more readings like these would prove it"),
        ([0.01, 0.30, 0.02, 0.09, 0.02, 0.15] * 4, Status.INCONCLUSIVE, "above the target, but too few"),
        (
            [0.3],
            Status.INCONCLUSIVE,
            "mean of 1 reading, p95 300 ms, worst 300 ms: above the target, but it takes 20 readings",
        ),
    ],
)
def test_means_are_judged_by_student(numbers: list[float], status: Status, said: str) -> None:
    found = verdict(kpi(RTT, "mean", "<", "80 ms"), values(RTT, numbers))
    assert found.status == status, found.evidence
    assert said in found.evidence
    assert found.value == pytest.approx(sum(numbers) / len(numbers))


def test_the_end_on_the_side_of_the_longer_tail_lies_further_out() -> None:
    numbers = [0.01] * 18 + [0.05, 0.2]
    found = verdict(kpi(RTT, "mean", "<", "80 ms"), values(RTT, numbers))
    histogram = Histogram()
    histogram.add_many(numbers)
    student = mean_interval(histogram)
    assert found.interval is not None
    assert student is not None
    assert found.interval.low == student.low
    t, deviation = student_t(19), math.sqrt(histogram.variance or 0.0)
    shift = 3 * histogram.skewness * (1 + 2 * t * t) / (6 * 20) * deviation
    assert found.interval.high == pytest.approx(student.high + shift)


def test_no_time_is_shorter_than_nothing() -> None:
    found = verdict(kpi(RTT, "mean", "<", "80 ms"), values(RTT, [0.001] * 5 + [0.1]))
    assert found.interval is not None
    assert found.interval.low == 0.0
    assert found.interval.high > 0.03


def test_a_reading_within_the_tolerance_of_the_target_keeps_it() -> None:
    summary = values("frame_rate", [29.97] * 20)
    assert verdict(kpi("frame_rate", "mean", ">=", "30 fps"), summary).status == Status.FAIL
    found = verdict(kpi("frame_rate", "mean", ">=", "30 fps", tolerance="0.2 fps"), summary)
    assert (found.status, found.target) == (Status.PASS, 30.0)
    low = verdict(kpi("frame_rate", "mean", "<=", "29.9 fps", tolerance="0.1 fps"), summary)
    assert low.status == Status.PASS


def test_order_statistics_are_known_to_within_a_bucket() -> None:
    # the interval's end may be 0.25 % higher than its bucket says: that near to the target nothing is proven
    spread = [1.0] * 30 + [10.0] * 300 + [40.0] * 5
    near = verdict(kpi("join_duration_seconds", "p95", "<=", 10.01), values("join_duration_seconds", spread))
    assert near.status == Status.INCONCLUSIVE
    far = verdict(kpi("join_duration_seconds", "p95", "<=", 10.06), values("join_duration_seconds", spread))
    assert far.status == Status.PASS


def test_equal_values_prove_their_mean_but_not_a_strict_target_at_it() -> None:
    same = [4.6] * 20
    assert (
        verdict(kpi("video_quality_score", "mean", ">=", 4.6), values("video_quality_score", same)).status
        == Status.PASS
    )
    assert (
        verdict(kpi("video_quality_score", "mean", ">", 4.6), values("video_quality_score", same)).status == Status.FAIL
    )


@pytest.mark.parametrize(
    ("fast", "slow", "status", "said"),
    [
        (59, 0, Status.PASS, "p95 of 59 readings, mean 1 s, worst 1 s"),
        (58, 0, Status.INCONCLUSIVE, ": 1 more reading within the target"),
        (6, 0, Status.INCONCLUSIVE, "53 more readings within the target"),
        (92, 1, Status.PASS, "worst 30 s"),  # one slow join of 93 still leaves p95 below with 95 % confidence
        (91, 1, Status.INCONCLUSIVE, ": 1 more reading within the target"),
        (20, 20, Status.FAIL, "at least 30 s can be believed"),
        (4, 0, Status.INCONCLUSIVE, "55 more readings"),
    ],
)
def test_percentiles_are_judged_by_order_statistics(fast: int, slow: int, status: Status, said: str) -> None:
    row = kpi("join_duration_seconds", "p95", "<=", "10 s")
    found = verdict(row, values("join_duration_seconds", [1.0] * fast + [30.0] * slow))
    assert found.status == status, found.evidence
    assert said in found.evidence


def test_a_low_percentile_that_should_be_high() -> None:
    row = kpi("frame_rate", "p5", ">=", 25)
    assert verdict(row, values("frame_rate", [30.0] * 59)).status == Status.PASS
    few = verdict(row, values("frame_rate", [30.0] * 58))
    assert few.status == Status.INCONCLUSIVE
    assert ": 1 more reading within the target" in few.evidence
    assert verdict(row, values("frame_rate", [10.0] * 20 + [30.0] * 20)).status == Status.FAIL


@given(st.integers(5, 150), st.integers(0, 6))
def test_as_many_more_as_are_said_prove_a_percentile(n: int, slow: int) -> None:
    row, numbers = kpi("join_duration_seconds", "p95", "<=", "10 s"), [30.0] * min(slow, n) + [1.0] * max(n - slow, 0)
    found = verdict(row, values("join_duration_seconds", numbers))
    if found.status == Status.INCONCLUSIVE:
        more = int(found.evidence.rpartition(": ")[2].split()[0])
        assert verdict(row, values("join_duration_seconds", numbers + [1.0] * more)).status == Status.PASS
        assert verdict(row, values("join_duration_seconds", numbers + [1.0] * (more - 1))).status != Status.PASS


@given(st.integers(0, 400), st.integers(0, 10), st.floats(0.5, 0.999))
def test_as_many_more_as_are_said_prove_a_ratio(good: int, bad: int, target: float) -> None:
    if good + bad == 0:
        return
    found = verdict(kpi(now=target), joins(good, good + bad))
    if found.status == Status.INCONCLUSIVE:
        more = int(found.evidence.rpartition(" more attempt")[0].split()[-1])
        assert verdict(kpi(now=target), joins(good + more, good + bad + more)).status == Status.PASS
        assert verdict(kpi(now=target), joins(good + more - 1, good + bad + more - 1)).status != Status.PASS


@pytest.mark.parametrize(
    ("aggregate", "comparison", "target", "status"),
    [
        ("max", ">=", 500, Status.FAIL),
        ("max", ">=", 30, Status.PASS),
        ("min", ">=", 10, Status.PASS),
        ("min", ">", 10, Status.FAIL),
        ("value", "<=", 20, Status.PASS),
        ("count", ">=", 3, Status.PASS),
        ("count", ">=", 4, Status.FAIL),
        ("rate", ">=", "0.3 /s", Status.PASS),
        ("rate", ">", "0.3 /s", Status.FAIL),
    ],
)
def test_exact_figures_are_judged_as_they_stand(aggregate: str, comparison: str, target: Any, status: Status) -> None:
    row = kpi("concurrent_participants_peak", aggregate, comparison, target)
    found = verdict(row, values("concurrent_participants_peak", [10.0, 20.0, 30.0]))
    assert found.status == status, found.evidence
    assert found.interval is None


def test_a_reduction_is_judged_against_its_baseline() -> None:
    def reduced(**more: Any) -> KpiResult:
        row = kpi("megabytes_per_participant_hour", "mean", ">=", "30 %", **more)
        return verdict(row, values("megabytes_per_participant_hour", [300.0, 310.0, 290.0, 300.0] * 5))

    found = reduced(reduction_from="500 MB/h")
    assert found.status == Status.PASS
    assert found.value == pytest.approx(0.4)
    assert found.unit == "ratio"
    assert found.interval is not None
    assert found.interval.low < 0.4 < found.interval.high
    assert reduced(reduction_from="350 MB/h").status == Status.FAIL
    unknown = reduced(reduction_from=None)
    assert unknown.status == Status.NOT_JUDGED
    assert unknown.value is None
    assert "needs reduction_from" in unknown.evidence


def test_a_multiple_is_judged_against_its_baseline() -> None:
    def scaled(**more: Any) -> KpiResult:
        row = kpi("concurrent_participants_peak", "max", ">=", 10, **more)
        return verdict(row, values("concurrent_participants_peak", [120.0]))

    found = scaled(multiple_of=12)
    assert (found.status, found.value, found.unit) == (Status.PASS, 10.0, "times")
    assert scaled(multiple_of=13).status == Status.FAIL
    unknown = scaled(multiple_of=None)
    assert (unknown.status, unknown.value) == (Status.NOT_JUDGED, None)
    assert "needs multiple_of" in unknown.evidence


def test_only_the_tagged_samples_count() -> None:
    summary = values(RTT, [0.01] * 20, topology="p2p")
    add(summary, RTT, [5.0] * 10, topology="sfu")
    found = verdict(kpi(f"{RTT}{{topology=p2p}}", "mean", "<", "80 ms"), summary)
    assert found.status == Status.PASS
    assert found.value == pytest.approx(0.01)
    assert found.metric == "round_trip_time_seconds{topology=p2p}"


def test_evidence_shows_the_split_and_what_stands_beside() -> None:
    summary = joins(5, 5)
    attempts(summary, "join_success_ratio", 3, 4, topology="sfu")
    assert "8 of 9 (p2p 5 of 5, sfu 3 of 4)" in verdict(kpi(split="topology"), summary).evidence
    summary = values(RTT, [0.01] * 20, topology="p2p")
    add(summary, "one_way_delay_seconds", [0.025] * 3, topology="p2p")
    row = kpi(RTT, "mean", "<", "80 ms", beside=["one_way_delay_seconds{topology=p2p}", "jitter_seconds"])
    assert verdict(row, summary).evidence.endswith("one way delay 25 ms")


def test_no_samples_are_never_a_pass() -> None:
    found = verdict(kpi("video_quality_score", "mean", ">=", 0.0), Summary())
    assert found.status == Status.INCONCLUSIVE
    assert "no samples of video_quality_score" in found.evidence
    assert (found.value, found.interval, found.count) == (None, None, 0)


def test_a_metric_that_no_run_measures_says_so() -> None:
    found = verdict(kpi("outage_seconds{class=unplanned}", "mean", "<", "15 min"), Summary())
    assert found.status == Status.INCONCLUSIVE
    assert found.evidence == (f"no samples of outage_seconds{{class=unplanned}}: {NOT_IN_A_RUN['outage_seconds']}")
    assert set(NOT_IN_A_RUN) < set(METRICS)


def test_a_busy_generator_makes_everything_inconclusive_and_keeps_the_figures() -> None:
    found = verdict(kpi(), joins(1, 100), distrust=["loop lag 220 ms", "pacing"])
    assert found.status == Status.INCONCLUSIVE
    assert found.evidence == "the generator was not trustworthy: loop lag 220 ms (and 1 more)"
    assert found.value == pytest.approx(0.01)


def test_a_platform_that_nobody_reached_gets_no_verdict() -> None:
    grounds = Grounds(joins(0, 6), 1.0)
    assert not grounds.measured
    found = judge(load_profile("video-platform"), "6m", None, grounds)
    assert {one.status for one in found} == {Status.INCONCLUSIVE, Status.NOT_JUDGED}
    assert "nothing could be measured" in next(one.evidence for one in found if one.kpi == "join_success")


def test_connections_that_never_came_up_are_a_measurement() -> None:
    summary = joins(0, 6)
    attempts(summary, "connection_success_ratio", 0, 6)
    grounds = Grounds(summary, 1.0)
    assert grounds.measured
    found = {one.kpi: one.status for one in judge(load_profile("video-platform"), "6m", None, grounds)}
    assert found["join_success"] == Status.FAIL


def test_rows_are_judged_by_choice() -> None:
    row = kpi(not_judged="needs a watch over time")
    assert verdict(row, joins(200, 200)).evidence == "needs a watch over time"
    assert verdict(row, joins(200, 200), {"row"}).status == Status.PASS
    other = verdict(kpi(), joins(200, 200), {"another"})
    assert other.status == Status.NOT_JUDGED
    assert other.evidence == "this scenario does not judge it"
    assert other.value == 1.0
    later = verdict(kpi(), joins(200, 200), horizon="6m")
    assert (later.status, later.target, later.evidence) == (Status.NOT_JUDGED, None, "no target is set for 6m")


def test_a_good_hybrid_run_against_the_video_platform() -> None:
    from probe.model.scenario_files import load_scenario

    judges = load_scenario("hybrid").judges
    found = judge(load_profile("video-platform"), "6m", judges, Grounds(good_run(), 24.0))
    statuses = {one.kpi: str(one.status) for one in found}
    assert statuses == {
        "join_success": "inconclusive",
        "join_time": "inconclusive",
        "uptime": "not_judged",
        "p2p_connection_success": "inconclusive",
        "p2p_latency": "pass",
        "video_quality": "pass",
        "audio_quality": "pass",
        "stability": "inconclusive",
        "p2p_usage": "not_judged",
        "concurrent_users": "not_judged",
        "migration_success": "inconclusive",
        "cost_saving": "not_judged",
        "bandwidth_saving": "not_judged",
        "bandwidth_reduction": "not_judged",
        "carbon_reduction": "not_judged",
    }
    evidence = {one.kpi: one.evidence for one in found}
    assert evidence["migration_success"].startswith("4 of 4 (p2p>sfu 2 of 2, sfu>p2p 2 of 2): 594 more")
    assert all(text and "\n" not in text for text in evidence.values())


@pytest.mark.parametrize(
    ("statuses", "flags", "code"),
    [
        ((Status.PASS, Status.NOT_JUDGED), {}, 0),
        ((Status.PASS, Status.INCONCLUSIVE), {}, 0),
        ((Status.PASS, Status.INCONCLUSIVE), {"strict": True}, 4),
        ((Status.PASS, Status.NOT_JUDGED), {"strict": True}, 0),
        ((Status.FAIL, Status.INCONCLUSIVE), {"strict": True}, 3),
        ((Status.FAIL,), {}, 3),
        ((Status.INCONCLUSIVE,), {"trustworthy": False}, 4),
        ((Status.INCONCLUSIVE,), {"measured": False}, 4),
        ((Status.PASS,), {"bug": True}, 1),
        ((), {}, 0),
    ],
)
def test_exit_codes(statuses: tuple[Status, ...], flags: dict[str, bool], code: int) -> None:
    def row(status: Status) -> KpiResult:
        return KpiResult("k", "K", "m", "mean", ">=", 1.0, "now", "count", 1.0, None, 1, status, "seen")

    assert exit_code([row(status) for status in statuses], **{"trustworthy": True, "measured": True, **flags}) == code


def readings(*meetings: tuple[float, int]) -> tuple[Summary, Slices]:
    """Of each meeting so many readings, which alternate by a tenth around its mean; two participants take turns."""
    summary, slices = Summary(), Slices(units=[UnitWant("round_trip_time_seconds")])
    for number, (mean, count) in enumerate(meetings):
        for at in range(count):
            value, detail = mean * (1.1 if at % 2 else 0.9), {"meeting": f"m{number}", "who": f"p{at // 2 % 2}"}
            sample = Sample("round_trip_time_seconds", value, 1.0, {"topology": "p2p"}, detail)
            summary.add(sample)
            slices.add(sample)
    return summary, slices


def test_a_mean_is_as_sure_as_its_meetings_agree() -> None:
    row = kpi("round_trip_time_seconds", "mean", "<", 0.08)
    summary, slices = readings((0.05, 100), (0.07, 100), (0.06, 100), (0.08, 100))
    alone = verdict(row, summary)
    assert (alone.status, alone.evidence[:21]) == (Status.PASS, "mean of 400 readings,")
    found = verdict(row, summary, slices=slices)
    assert found.status == Status.INCONCLUSIVE
    assert found.evidence.startswith("mean of 400 readings of 4 meetings, p95 ")
    assert found.evidence.endswith(": about 3 more meetings like these would prove it")
    t, error = student_t(3, 0.9), math.sqrt(0.0005 / 3 / 4)
    assert found.interval is not None
    assert alone.interval is not None
    assert found.interval.high == pytest.approx(0.065 + t * error)
    assert found.interval.high > alone.interval.high


def test_meetings_that_differ_are_too_few_to_be_sure_of_a_miss() -> None:
    row = kpi("round_trip_time_seconds", "mean", "<", 0.06)
    summary, slices = readings((0.05, 100), (0.09, 100))
    assert verdict(row, summary, slices=slices).evidence.endswith(": above the target, but too few meetings to be sure")


def test_meetings_that_agree_leave_the_interval_as_it_is() -> None:
    row = kpi("round_trip_time_seconds", "mean", "<", 0.08)
    summary, slices = readings((0.06, 100), (0.06, 40))
    assert verdict(row, summary, slices=slices).interval == verdict(row, summary).interval


def attempted(*meetings: tuple[int, int]) -> tuple[Summary, Slices]:
    """Of each meeting so many joins that succeeded of so many."""
    summary, slices = Summary(), Slices(units=[UnitWant("join_success_ratio")])
    for number, (good, total) in enumerate(meetings):
        for at in range(total):
            detail = {"meeting": f"m{number}", "who": f"p{at}"}
            sample = Sample("join_success_ratio", float(at < good), 1.0, {}, detail)
            summary.add(sample)
            slices.add(sample)
    return summary, slices


def test_one_bad_meeting_of_many_is_one_failure_not_ten() -> None:
    row = kpi("join_success_ratio", now=0.98)
    summary, slices = attempted((0, 10), *[(10, 10)] * 19)
    alone = verdict(row, summary)
    assert (alone.status, alone.evidence) == (Status.FAIL, "190 of 200: at most 97.3 % can be believed")
    found = verdict(row, summary, slices=slices)
    assert (found.status, found.value) == (Status.INCONCLUSIVE, 0.95)
    assert found.evidence == (
        "190 of 200 in 20 meetings that differ: about 216 more meetings without a failure would prove it"
    )
    assert found.bounds == exact_ratio_interval(19, 20)


def test_failures_all_over_the_place_count_each() -> None:
    row = kpi("join_success_ratio", now=0.98)
    summary, slices = attempted(*[(9, 10), (10, 10)] * 10)
    found = verdict(row, summary, slices=slices)
    assert (found.status, found.evidence) == (Status.FAIL, "190 of 200 in 20 meetings: at most 97.3 % can be believed")
    assert found.bounds == verdict(row, summary).bounds


@pytest.mark.parametrize(
    ("joins_of_each", "said"), [((1, 0, 1), "2 of 3: "), ((5, 0, 5), "10 of 15 by 3 participants that differ: ")]
)
def test_of_one_meeting_its_participants_are_told_where_they_differ(joins_of_each: tuple[int, ...], said: str) -> None:
    summary, slices = Summary(), Slices(units=[UnitWant("join_success_ratio")])
    for who, good in enumerate(joins_of_each):
        for at in range(max(joins_of_each)):
            detail = {"meeting": "m", "who": f"p{who}"}
            sample = Sample("join_success_ratio", float(at < good), 1.0, {}, detail)
            summary.add(sample)
            slices.add(sample)
    assert verdict(kpi("join_success_ratio", now=0.98), summary, slices=slices).evidence.startswith(said)


def test_many_bad_meetings_are_a_miss() -> None:
    row = kpi("join_success_ratio", now=0.98)
    summary, slices = attempted(*[(0, 10)] * 4, *[(10, 10)] * 16)
    found = verdict(row, summary, slices=slices)
    assert found.status == Status.FAIL
    assert found.evidence == "160 of 200 in 20 meetings that differ: at most 92.9 % can be believed"


def test_a_percentile_is_as_sure_as_its_meetings_agree() -> None:
    row = kpi("round_trip_time_seconds", "p50", "<", 0.065)
    summary, slices = Summary(), Slices(units=[UnitWant("round_trip_time_seconds", limit=0.065)])
    for number, mean in enumerate((0.05, 0.07, 0.06, 0.055)):
        for at in range(100):
            detail = {"meeting": f"m{number}", "who": "p"}
            sample = Sample("round_trip_time_seconds", mean * (0.95 + at / 1000), 1.0, {}, detail)
            summary.add(sample)
            slices.add(sample)
    alone = verdict(row, summary)
    assert (alone.status, alone.evidence[:20]) == (Status.PASS, "p50 of 400 readings,")
    found = verdict(row, summary, slices=slices)
    assert found.status == Status.INCONCLUSIVE
    assert found.evidence.startswith("p50 of 400 readings of 4 meetings, mean ")
    assert found.evidence.endswith(": about 4 more meetings within the target would prove it")
    assert found.interval == Interval(0.0, math.inf, 0.9), "four values bound no median"


def test_a_mean_whose_readings_are_not_all_known_rests_on_readings() -> None:
    row = kpi("round_trip_time_seconds", "mean", "<", 0.08)
    summary, slices = readings((0.05, 100), (0.07, 100))
    add(summary, "round_trip_time_seconds", [0.06])
    assert verdict(row, summary, slices=slices).evidence.startswith("mean of 201 readings, ")


def test_other_aggregates_rest_on_readings() -> None:
    summary, slices = readings((0.05, 100), (0.07, 100))
    row = kpi("round_trip_time_seconds", "p95", "<", 0.08)
    assert verdict(row, summary, slices=slices) == verdict(row, summary)
