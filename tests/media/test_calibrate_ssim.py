from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.media.calibrate_ssim import fit, isotonic, measure, report
from probe.media.ssim_calibration import CALIBRATIONS, calibration_for
from probe.media.vmaf import available

VALUES = st.lists(st.floats(0, 100), min_size=1, max_size=40)


@given(VALUES)
def test_isotonic_rises_and_keeps_the_mean(values: list[float]) -> None:
    fitted = isotonic(np.array(values))
    assert len(fitted) == len(values)
    assert (np.diff(fitted) >= -1e-9).all()
    assert fitted.mean() == pytest.approx(np.mean(values))


@given(VALUES)
def test_isotonic_leaves_rising_values_alone(values: list[float]) -> None:
    assert isotonic(np.array(sorted(values))).tolist() == pytest.approx(sorted(values))


def test_isotonic_by_hand() -> None:
    assert isotonic(np.array([1.0, 3.0, 2.0, 4.0, 0.0, 6.0])).tolist() == [1.0, 2.25, 2.25, 2.25, 2.25, 6.0]


def test_a_fit_finds_the_curve_that_the_points_were_made_of() -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(5, 20, 3000)
    y = 100 * (1 - np.exp(-x / 8)) + rng.normal(0, 2, 3000)
    points = np.column_stack([x, y])
    table = fit(points, "made up")
    assert table.fit_error == pytest.approx(2.0, abs=0.15)
    for db in (6, 10, 15, 19):
        assert table.vmaf(1 - 10 ** (-db / 10)) == pytest.approx(100 * (1 - np.exp(-db / 8)), abs=1.0)
    assert "3000 frames; RMSE 2." in report([points[:1500], points[1500:]], table)


@pytest.mark.parametrize(
    ("height", "table"), [(90, 180), (180, 180), (250, 180), (260, 360), (360, 360), (720, 720), (2160, 720)]
)
def test_the_table_of_the_nearest_height_is_taken(height: int, table: int) -> None:
    assert calibration_for(height) is CALIBRATIONS[table]


def test_the_shipped_tables_say_what_they_are_and_how_good() -> None:
    for height, table in CALIBRATIONS.items():
        assert f"x{height}," in table.source
        assert 0 < table.fit_error < 6
        assert table.points[0][1] < 25
        assert table.points[-1][1] > 95


@pytest.mark.skipif(not available(), reason="the vmaf extra is not installed")
def test_the_shipped_table_holds_for_content_of_a_seed_it_was_not_made_with() -> None:
    points = measure((320, 180), seed=9)
    table = np.array(CALIBRATIONS[180].points).T
    errors = np.interp(points[:, 0], table[0], table[1]) - points[:, 1]
    assert np.sqrt((errors**2).mean()) < 5
    good = points[:, 1] > 85
    assert good.sum() > 200
    assert abs(errors[good].mean()) < 1.5
    assert np.sqrt((errors[good] ** 2).mean()) < 3
