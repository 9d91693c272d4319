"""Frame rates second by second, exactly."""

from __future__ import annotations

import math
import random

import pytest

from probe.measure.frame_seconds import FrameSeconds


def rates(times: list[float], until: float | None = None) -> list[float]:
    seconds = FrameSeconds()
    found = [rate for time in times for rate in seconds.on_frame(time)]
    return found + (seconds.stood_until(until) if until is not None else [])


@pytest.mark.parametrize("fps", [1, 24, 29.97, 30, 60])
@pytest.mark.parametrize("start", [0.0, 1234.567])
def test_an_even_stream_reads_its_rate_wherever_the_seconds_begin(fps: float, start: float) -> None:
    found = rates([start + n / fps for n in range(round(10.5 * fps))])
    assert len(found) == (10 if fps > 1 else 9)
    assert found == [pytest.approx(fps)] * len(found)


def test_a_freeze_is_spread_over_the_seconds_it_takes() -> None:
    """Frames each 0.1 s up to 1.0, the next at 3.5, then again each 0.1 s."""
    times = [n / 10 for n in range(11)] + [3.5 + n / 10 for n in range(16)]
    found = rates(times)
    assert found == pytest.approx([10, 0.4, 0.4, 0.2 + 5, 10])
    assert math.fsum(found) == pytest.approx(len(times) - 1)


def test_a_freeze_that_nothing_ends_has_no_frames() -> None:
    assert rates([n / 10 for n in range(16)], until=4.2) == pytest.approx([10, 5, 0, 0])


def test_nothing_comes_of_nothing() -> None:
    assert rates([]) == rates([], until=9.0) == rates([5.0]) == []
    assert rates([5.0], until=7.5) == [0, 0]


def test_a_late_frame_is_counted_where_time_stands() -> None:
    assert rates([0.0, 0.6, 0.5, 1.0]) == pytest.approx([3])


def test_no_frame_is_lost_or_made_up() -> None:
    rng = random.Random(1)
    times = [0.0]
    while times[-1] < 60:
        times.append(times[-1] + rng.expovariate(25))
    whole = math.floor(times[-1])
    inside = sum(1 for time in times[1:] if time <= whole)
    found = rates(times)
    assert len(found) == whole
    assert math.fsum(found) == pytest.approx(inside, abs=1)
