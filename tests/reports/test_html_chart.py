"""Charts, point by point."""

from __future__ import annotations

import json

import pytest

from reports.html_chart import BOTTOM, LEFT, RIGHT, TOP, Line, Moment, line_chart
from tests.reports.full import Element, Reader

TIMES = [0.5, 1.5, 2.5, 3.5]


def drawn(markup: str) -> Element:
    reader = Reader()
    reader.feed(markup)
    assert len(reader.open) == 1
    return reader.open[0].one("figure")


def test_points_are_where_their_values_are_and_gaps_are_bridged() -> None:
    figure = drawn(line_chart("T", "fps", TIMES, [Line("a", [0.0, None, 25.0, 50.0], "one")], [], 4.0))
    path = figure.one("g", class_="line").one("path").attributes["d"]
    points = [tuple(map(float, point.split())) for point in path[1:].split("L")]
    top = 50 * 1.08
    expected = [
        (LEFT + (RIGHT - LEFT) * time / 4, BOTTOM - (BOTTOM - TOP) * value / top)
        for time, value in ((0.5, 0.0), (2.5, 25.0), (3.5, 50.0))
    ]
    assert points == [pytest.approx(point, abs=0.051) for point in expected]


def test_what_a_pointer_shows_is_in_the_chart() -> None:
    figure = drawn(line_chart("T", "seconds", TIMES, [Line("a", [0.123456, None, 1.0, 2.0], "one")], [], 4.0))
    assert json.loads(figure.one("svg").attributes["data-chart"]) == {
        "unit": "seconds", "times": TIMES, "lines": [["a", [0.1235, None, 1.0, 2.0]]],
    }  # fmt: skip


def test_a_target_is_drawn_where_it_is_near() -> None:
    def chart(target: float) -> Element:
        lines = [Line("", [1.0, 2.0, 3.0, 4.0], "one")]
        return drawn(line_chart("T", "seconds", TIMES, lines, [], 4.0, target=target, goal="target < x"))

    near, far = chart(6.0), chart(80.0)
    assert len(near.all("line", class_="target")) == 1
    assert not far.all("line", class_="target")
    assert far.one("span", class_="goal").text == "target < x"


def test_scores_keep_their_whole_scale() -> None:
    figure = drawn(line_chart("T", "score", TIMES, [Line("", [4.8, 4.9, 4.8, 4.9], "one")], [], 4.0))
    assert [mark.text for mark in figure.all("text", text_anchor="end")] == ["1.00", "2.00", "3.00", "4.00", "5.00"]


def test_few_moments_are_lines_and_many_are_ticks() -> None:
    def marks(count: int) -> list[float]:
        moments = [Moment(place * 4 / count, f"m{place}") for place in range(count)]
        figure = drawn(line_chart("T", "fps", TIMES, [Line("", [1.0, 1.0, 1.0, 1.0], "one")], moments, 4.0))
        return [float(mark.one("line").attributes["y2"]) for mark in figure.all("g", class_="moment")]

    assert marks(3) == [BOTTOM] * 3
    assert marks(30) == [11.0] * 30
    assert len(marks(100_000)) < 310  # one for each place


def test_impairments_are_lines_among_however_many() -> None:
    moments = [Moment(place / 10, "m") for place in range(40)] + [Moment(2.0, "5 % loss", "impairment")]
    figure = drawn(line_chart("T", "fps", TIMES, [Line("", [1.0, 1.0, 1.0, 1.0], "one")], moments, 4.0))
    (mark,) = figure.all("g", class_="impairment")
    assert float(mark.one("line").attributes["y2"]) == BOTTOM
    assert mark.one("title").text == "5 % loss"


def test_a_run_of_zeros_is_drawn_on_the_ground() -> None:
    figure = drawn(line_chart("T", "ratio", TIMES, [Line("", [0.0] * 4, "one")], [], 4.0))
    assert figure.one("path").attributes["d"].count(f"{BOTTOM:.1f}") == 4
