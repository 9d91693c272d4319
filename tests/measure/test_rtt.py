"""Round trips out of report blocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.rtt import RttEstimator
from probe.wire.rtcp import ReceiverReport, ReportBlock, middle32, parse_compound

SENT = 3_976_000_000.0


def block(last_sr: int, delay: float) -> ReportBlock:
    return ReportBlock(1, 0.0, 0, 0, 0, last_sr, delay)


def test_the_rfc_s_own_example() -> None:
    """RFC 3550 figure 2: LSR 0xb705:2000, DLSR 5.25 s, arrival 0xb710:8000 make 6.125 s."""
    estimator = RttEstimator()
    assert estimator.on_report_block(block(0xB7052000, 5.25), 0x44000000 + 0xB710 + 0.5) == 6.125
    assert estimator.on_dlrr(0xB7052000, 5.25, 0xB710 + 0.5) == 6.125
    assert (estimator.latest, estimator.count) == (6.125, 2)


def test_without_a_sender_report_there_is_none() -> None:
    estimator = RttEstimator()
    assert estimator.on_report_block(block(0, 0.0), SENT) is None
    assert (estimator.latest, estimator.smoothed, estimator.rejected) == (None, None, 0)


def test_the_quoted_time_wraps_every_18_hours() -> None:
    ntp = 65536.0 * 1000 - 0.1
    assert RttEstimator().on_report_block(block(middle32(ntp), 0.5), ntp + 0.75) == pytest.approx(0.25, abs=2e-5)


@pytest.mark.parametrize("trip", [-0.001, -5.0, 61.0, 40000.0])
def test_impossible_round_trips_are_refused(trip: float) -> None:
    estimator = RttEstimator()
    assert estimator.on_report_block(block(middle32(SENT), 1.0), SENT + 1.0 + trip) is None
    assert (estimator.rejected, estimator.latest) == (1, None)


def test_a_rounding_below_zero_is_zero() -> None:
    assert RttEstimator().on_report_block(block(middle32(SENT), 1.00001), SENT + 1.0) == 0.0


def test_smoothing_is_rfc_6298() -> None:
    estimator = RttEstimator()
    for trip in (0.1, 0.2):
        estimator.on_report_block(block(middle32(SENT), 0.0), SENT + trip)
    assert estimator.smoothed == pytest.approx(0.1 + 0.1 / 8, abs=2e-5)
    assert estimator.latest == pytest.approx(0.2, abs=2e-5)


@given(st.floats(1.0, 4.2e9), st.floats(0, 30), st.floats(0, 59))
def test_exact_to_the_fields_resolution_over_the_wire(sent: float, delay: float, trip: float) -> None:
    (report,) = parse_compound(ReceiverReport(1, (block(middle32(sent), delay),)).to_bytes())
    assert isinstance(report, ReceiverReport)
    if report.reports[0].last_sr == 0:
        return
    found = RttEstimator().on_report_block(report.reports[0], sent + trip + delay)
    assert found is not None
    assert abs(found - trip) <= 2 / 65536 + 1e-6
