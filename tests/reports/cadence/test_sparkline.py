"""Trends as characters and as points."""

from __future__ import annotations

import pytest

from reports.cadence.sparkline import drawn, sparkline


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([], ""),
        ([None, None], ""),
        ([1.0], "▄"),
        ([2.0, 2.0], "▄▄"),
        ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
        ([7.0, None, 0.0], "█·▁"),
        ([-1.0, 1.0], "▁█"),
    ],
)
def test_blocks(values: list[float | None], line: str) -> None:
    assert sparkline(values) == line


def test_points_in_a_box_with_y_down() -> None:
    assert drawn([0.0, 5.0, 10.0], 100.0, 10.0) == [[(0.0, 10.0), (50.0, 5.0), (100.0, 0.0)]]


def test_a_gap_ends_a_line() -> None:
    assert drawn([0.0, None, 10.0, 10.0], 90.0, 10.0) == [[(0.0, 10.0)], [(60.0, 0.0), (90.0, 0.0)]]


def test_nothing_and_sameness() -> None:
    assert drawn([None], 10.0, 10.0) == []
    assert drawn([3.0, 3.0], 10.0, 10.0) == [[(0.0, 5.0), (10.0, 5.0)]]
