"""Which pictures are the worst of a run."""

from __future__ import annotations

from probe.measure.worst import MOST, Row, worst_of


def row(ssim: float, time: float = 2.0, *, who: str = "a", frame: int = 0, undamaged: bool = False) -> Row:
    return {
        "participant": who, "remote": "z", "topology": "sfu", "time_seconds": time, "frame": frame, "ssim": ssim,
        "undamaged": undamaged,
    }  # fmt: skip


def ssims(*rows: Row) -> list[float]:
    return [one["ssim"] for one in worst_of(rows)]


def test_the_lowest_come_first_and_few_of_them() -> None:
    rows = [row((90 - number) / 100, who=f"u{number}") for number in range(10)]
    assert ssims(*rows) == [0.81, 0.82, 0.83, 0.84, 0.85, 0.86]
    assert len(worst_of(rows)) == MOST
    assert worst_of([]) == []


def test_of_one_stream_two_and_not_of_the_same_moment() -> None:
    assert ssims(row(0.5, 2.0), row(0.4, 2.9), row(0.6, 3.8), row(0.7, 3.9), row(0.8, 9.0)) == [0.4, 0.7]
    assert ssims(row(0.5, 2.0), row(0.4, 2.9, who="b")) == [0.4, 0.5]


def test_what_the_encoder_made_is_shown_twice_at_most_and_each_picture_once() -> None:
    pure = [
        row(0.5 + 0.1 * frame, who=f"{who}{frame}", frame=frame, undamaged=True) for who in "ab" for frame in range(4)
    ]
    assert ssims(*pure, row(0.95, who="c", frame=0)) == [0.5, 0.6, 0.95]
    assert [one["participant"] for one in worst_of(pure)] == ["a0", "a1"]


def test_of_several_processes_as_of_one() -> None:
    rows = [row(0.01 * (number * 37 % 89), 1.5 * number, who=f"u{number % 5}") for number in range(60)]
    halves = [[one for one in rows if (int(one["participant"][1]) < 3) is first] for first in (True, False)]
    assert worst_of([*worst_of(halves[0]), *worst_of(halves[1])]) == worst_of(rows)
