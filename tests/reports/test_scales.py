"""Where scales end, and that no interval that is shown leaves them."""

from __future__ import annotations

import math

import pytest

from probe.measure.intervals import CONFIDENCE, Interval
from probe.model.metrics import METRICS
from reports.figure import figure, more_needed
from reports.independent import independent
from reports.scales import scale
from reports.units import Share
from tests.reports.build import kpi
from tests.reports.test_verdict import values


@pytest.mark.parametrize(
    ("metric", "least", "most"),
    [
        ("video_quality_score", 1.0, 5.0),
        ("audio_mos_cq", 1.0, 5.0),
        ("video_vmaf", 0.0, 100.0),
        ("round_trip_time_seconds", 0.0, math.inf),
        ("packet_loss_ratio", 0.0, 1.0),
        ("cost_saving_ratio", -math.inf, math.inf),
        ("video_psnr_db", -math.inf, math.inf),
    ],
)
def test_ends_of_scales(metric: str, least: float, most: float) -> None:
    assert scale(METRICS[metric]) == (least, most)


def test_three_meetings_that_differ_leave_a_score_on_its_scale() -> None:
    """Worked out it would be -1.9 to 8.6: nobody scores more than 5."""
    meetings = ((4.74, 10), (4.75, 10), (1.8, 8))
    histogram = values("video_quality_score", [score for score, count in meetings for _ in range(count)]).histogram(
        "video_quality_score"
    )
    assert histogram is not None
    shares = {f"m{number}\np": Share(count, score * count) for number, (score, count) in enumerate(meetings)}
    rests_on = independent(shares, 28)
    assert rests_on is not None
    unbound = rests_on.interval(CONFIDENCE)
    assert unbound.low < 1.0
    assert unbound.high > 5.0
    row = kpi("video_quality_score", "mean", ">=", 3.0)
    found = figure(row, histogram, 10.0, rests_on=rests_on)
    assert found.interval == Interval(1.0, 5.0, CONFIDENCE)
    assert found.bounds is None
    half, gap = found.value - unbound.low, found.value - 3.0
    more = more_needed(row, histogram, found, 3.0)
    assert more is not None
    now = len(rests_on.shares)
    share = gap / half  # of what half the interval is now, beyond what the ends of the scale leave of it
    assert rests_on.narrowed(1.0, now + more, CONFIDENCE) < share < 1.0


def test_a_time_is_never_negative() -> None:
    histogram = values("round_trip_time_seconds", [0.001] * 20 + [0.2]).histogram("round_trip_time_seconds")
    assert histogram is not None
    found = figure(kpi("round_trip_time_seconds", "mean", "<", 0.08), histogram, 10.0)
    assert found.interval is not None
    assert found.interval.low == 0.0
