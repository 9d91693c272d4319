from __future__ import annotations

from typing import Any

import pytest

from probe.measure.summary import Summary
from probe.model.samples import Sample
from reports.kpi import KpiResult, Status
from reports.slices import Slices
from reports.targets.profile import Kpi, Profile
from reports.verdict import Grounds, judge
from tests.reports.build import attempts, kpi

RTT = "round_trip_time_seconds"


def profile(row: Kpi) -> Profile:
    return Profile(profile="p", title="P", horizons=("now",), default_horizon="now", kpis=(row,))


def judged(row: Kpi, points: list[tuple[float, float]], *, kept: bool = True, **grounds: Any) -> KpiResult:
    """The row's result of samples (time, value), with the slices that it asks for."""
    summary, slices = Summary(), Slices(profile(row).wants if kept else ())
    attempts(summary, "connection_success_ratio", 1, 1)
    for time, value in points:
        for take in (summary.add, slices.add):
            take(Sample(row.selector.metric.name if row.selector else "", value, time))
    return judge(profile(row), "now", None, Grounds(summary, 60.0, slices=slices, **grounds))[0]


def test_after_leaves_out_what_came_before() -> None:
    points = [(time, 5.0) for time in range(10)] + [(10.0 + time, 0.01) for time in range(20)]
    late = judged(kpi(RTT, "mean", "<", "80 ms", after="10 s"), points)
    assert (late.status, late.count) == (Status.PASS, 20)
    assert late.value == pytest.approx(0.01)
    assert judged(kpi(RTT, "mean", "<", "80 ms"), points).status != Status.PASS


def test_a_rate_counts_from_after_on() -> None:
    found = judged(kpi(RTT, "rate", ">=", "0.4 /s", after="10 s"), [(10.0 + time, 0.01) for time in range(20)])
    assert found.value == pytest.approx(20 / 50)


def wave(bad: int, slices: int) -> list[tuple[float, float]]:
    """Slices of 10 s with five samples each, of which the first few lie above 80 ms."""
    return [(10.0 * place + 2 * n, 0.1 if place < bad else 0.01) for place in range(slices) for n in range(5)]


@pytest.mark.parametrize(
    ("bad", "slices", "at_least", "status", "said"),
    [
        (0, 6, "100 %", Status.PASS, "6 of 6 slices, worst 10 ms"),
        (1, 6, "100 %", Status.FAIL, "5 of 6 slices, worst 100 ms"),
        (0, 6, "95 %", Status.INCONCLUSIVE, "6 of 6 slices, worst 10 ms: 53 more slices that keep it would prove it"),
        (0, 59, "95 %", Status.PASS, "59 of 59 slices"),
        (3, 6, "95 %", Status.FAIL, "3 of 6 slices, worst 100 ms: at most 84.7 % can be believed"),
    ],
)
def test_slices_that_keep_the_target_are_counted(
    bad: int, slices: int, at_least: str, status: Status, said: str
) -> None:
    found = judged(kpi(RTT, "mean", "<", "80 ms", over="10 s", at_least=at_least), wave(bad, slices))
    assert found.status == status
    assert said in found.evidence
    assert found.title == "Row (10 s slices with mean < 80 ms)"
    assert (found.comparison, found.unit, found.count) == (">=", "ratio", slices)
    assert found.target == pytest.approx(float(at_least.removesuffix(" %")) / 100)
    assert found.value == pytest.approx(1 - bad / slices)


def test_slices_without_samples_do_not_count() -> None:
    found = judged(kpi(RTT, "mean", "<", "80 ms", over="10 s"), [(1.0, 0.01), (51.0, 0.01)])
    assert (found.status, found.count) == (Status.PASS, 2)


@pytest.mark.parametrize("when", [{"over": "10 s"}, {"after": "10 s"}])
def test_what_was_not_kept_is_not_judged_on_something_else(when: dict[str, str]) -> None:
    found = judged(kpi(RTT, "mean", "<", "80 ms", **when), wave(0, 6), kept=False)
    assert found.status == Status.INCONCLUSIVE
    assert "kept no samples by their time" in found.evidence
    empty = judged(kpi(RTT, "mean", "<", "80 ms", **when), [])
    assert empty.status == Status.INCONCLUSIVE
    assert "no samples" in empty.evidence


def test_slices_of_a_distrusted_run_decide_nothing() -> None:
    found = judged(kpi(RTT, "mean", "<", "80 ms", over="10 s"), wave(0, 6), distrust=["busy"])
    assert found.status == Status.INCONCLUSIVE
    assert found.value == 1.0


def test_the_wants_of_a_profile_are_those_of_its_rows() -> None:
    row = kpi(f"{RTT}{{topology=p2p}}", "mean", "<", "80 ms", after="10 s", over="5 s")
    assert profile(row).wants == ((RTT, "topology=p2p", 10.0, 5.0),)
    assert profile(kpi()).wants == ()
