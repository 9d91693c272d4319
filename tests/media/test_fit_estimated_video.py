from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from probe.measure.estimated_video import FITS, Curve
from probe.media.fit_estimated_video import Point, fit, least_squares, measure
from probe.media.vmaf import available

TRUTH = Curve(3.8, 40_000.0, 2.0, 0.6, 0.6, 0.05, 0.04, 0.4)


def _points(noise: float) -> list[Point]:
    """What `measure` would find, were the truth TRUTH and content worth ± noise."""
    rng = np.random.default_rng(1)
    cases = itertools.product((1, 2, 3), (14_400, 57_600, 230_400, 921_600), (10, 15, 30), (0.0, 0.2))
    found = []
    for seed, pixels, fps, loss in cases:
        for effort in (0.3, 0.6, 1, 2, 4, 8, 16):
            rate = effort * TRUTH.needed_bps(pixels)
            mos = TRUTH.mos(rate, pixels, fps * (1 - loss)) + noise * rng.normal()
            found.append(Point("VP8", seed, pixels, fps, rate, loss, mos))
    return found


def test_least_squares_finds_a_curved_valley() -> None:
    """Rosenbrock's function as residuals, from its usual start; its minimum is 0 at (1, 1)."""
    found = least_squares(lambda at: np.array([10 * (at[1] - at[0] ** 2), 1 - at[0]]), np.array([-1.2, 1.0]))
    assert found.tolist() == pytest.approx([1.0, 1.0], abs=1e-4)


def test_a_fit_finds_the_curve_that_the_points_were_made_of() -> None:
    found = fit(_points(0.0))
    assert found.rmse < 0.005
    assert found.largest < 0.02
    for rate, pixels, fps in itertools.product((3e4, 1e5, 1e6), (14_400, 230_400, 921_600), (10, 30)):
        assert found.curve.mos(rate, pixels, fps) == pytest.approx(TRUTH.mos(rate, pixels, fps), abs=0.02)


def test_a_fit_tells_its_error() -> None:
    found = fit(_points(0.1))
    assert found.rmse == pytest.approx(0.1, abs=0.015)
    assert found.rmse <= found.rmse_unseen < 0.13
    assert found.rmse_lost_frames == pytest.approx(0.1, abs=0.02)
    assert 0.2 < found.largest < 0.5
    assert found.lowest == pytest.approx(0.3, rel=0.15)
    assert found.highest == pytest.approx(16, rel=0.15)


@pytest.mark.skipif(not available(), reason="the vmaf extra is not installed")
def test_the_shipped_fit_holds_for_content_of_a_seed_it_was_not_made_with() -> None:
    points = measure((320, 180), seed=9, codecs=("VP8",), efforts=(0.013, 0.06, 0.18))
    assert len(points) == 3 * 3 + 3 * 2  # of which two lose frames at the middle effort
    errors = [
        FITS["VP8"].curve.mos(point.bitrate_bps, point.pixels, point.fps * (1 - point.frame_loss_ratio)) - point.mos
        for point in points
    ]
    assert math.sqrt(sum(error**2 for error in errors) / len(errors)) < 0.3
    assert {point.frame_loss_ratio for point in points} == {0.0, 0.1, 0.2}
    for lossy in (point for point in points if point.frame_loss_ratio == 0.2):
        whole = next(
            p for p in points if (p.fps, p.bitrate_bps, p.frame_loss_ratio) == (lossy.fps, lossy.bitrate_bps, 0)
        )
        assert lossy.mos < whole.mos
