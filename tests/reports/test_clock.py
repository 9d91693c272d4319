"""Frame latency by the clock that a stream carries: its error is the verdict's too, and none is no figure."""

from __future__ import annotations

import pytest

from probe.measure.capture_clock import WHY_NOT
from probe.measure.summary import Summary
from reports.clock import clock_error, no_clock
from reports.kpi import Status
from tests.reports.build import add, kpi
from tests.reports.test_verdict import verdict

LATENCY = kpi(
    id="latency", metric="one_way_delay_seconds{kind=video}", aggregate="mean", comparison="<", targets={"now": "100 ms"}
)  # fmt: skip


def watched(delay: float, error: float, count: int = 100) -> Summary:
    """`count` frames that took about `delay` seconds, known to within `error`."""
    summary = Summary()
    add(summary, "one_way_delay_seconds", [delay + 0.001 * (n % 3 - 1) for n in range(count)], kind="video")
    if error:
        add(summary, "capture_clock_error_seconds", [error] * 3, source="estimated")
        add(summary, "capture_clock_ratio", [1.0], source="estimated")
    return summary


@pytest.mark.parametrize(
    ("delay", "error", "status"),
    [
        (0.080, 0.0, Status.PASS),
        (0.080, 0.010, Status.PASS),
        (0.080, 0.030, Status.INCONCLUSIVE),
        (0.120, 0.030, Status.INCONCLUSIVE),
        (0.140, 0.030, Status.FAIL),
        (0.140, 0.0, Status.FAIL),
    ],
)
def test_what_the_clock_may_be_off_by_is_off_the_verdict(delay: float, error: float, status: Status) -> None:
    found = verdict(LATENCY, watched(delay, error))
    assert found.status is status, found.evidence
    assert found.value == pytest.approx(delay, abs=1e-4)
    assert found.interval is not None
    assert found.interval.high - found.interval.low == pytest.approx(2 * error, abs=5e-4)
    if status is Status.INCONCLUSIVE:
        assert "the clock that the stream carries is known to within 30 ms only" in found.evidence


def test_too_few_frames_are_too_few_whatever_the_clock() -> None:
    found = verdict(LATENCY, watched(0.08, 0.03, count=10))
    assert found.status is Status.INCONCLUSIVE
    assert "clock" not in found.evidence


def test_a_mean_is_off_by_the_mean_error_a_percentile_by_the_largest() -> None:
    summary = watched(0.08, 0.0)
    add(summary, "capture_clock_error_seconds", [0.010, 0.030], source="synchronised")
    assert clock_error(LATENCY, summary) == pytest.approx(0.020)
    assert clock_error(LATENCY.model_copy(update={"aggregate": "p99"}), summary) == pytest.approx(0.030)
    for metric in ("one_way_delay_seconds{kind=audio}", "round_trip_time_seconds"):
        assert clock_error(LATENCY.model_copy(update={"metric": metric}), summary) == 0.0


@pytest.mark.parametrize("source", WHY_NOT)
def test_without_a_clock_the_row_says_why(source: str) -> None:
    summary = Summary()
    add(summary, "capture_clock_ratio", [0.0, 0.0], source=source)
    found = verdict(LATENCY, summary)
    assert found.status is Status.INCONCLUSIVE
    assert (found.value, found.count) == (None, 0)
    assert WHY_NOT[source] in found.evidence


def test_other_reasons_stay_as_they_are() -> None:
    assert no_clock(LATENCY, Summary()) == ""
    assert no_clock(LATENCY.model_copy(update={"metric": "frame_rate"}), watched(0.1, 0.1)) == ""
    assert "nothing of the kind" in verdict(LATENCY, Summary()).evidence
