"""Media of several streams in one order."""

from __future__ import annotations

import numpy as np

from probe.client.skimming import Media, Skimmed, by_arrival
from probe.measure.records import MARKER, RECORD


def media(*arrivals: float) -> Media:
    times = np.array(arrivals)
    return Media(times, times - 1, (times * 10).astype(np.int64))


def test_one_stream_goes_through_as_it_is() -> None:
    only = media(3.0, 1.0, 2.0)
    assert list(by_arrival([("b", media()), ("a", only)])) == [("a", only)]
    assert list(by_arrival([])) == []


def test_several_streams_are_cut_into_runs() -> None:
    runs = by_arrival([("a", media(1.0, 2.0, 5.0, 6.0)), ("b", media(3.0, 4.0, 5.0)), ("c", media(9.0))])
    assert [(whose, *(column.tolist() for column in run)) for whose, run in runs] == [
        ("a", [1.0, 2.0], [0.0, 1.0], [10, 20]),
        ("b", [3.0, 4.0], [2.0, 3.0], [30, 40]),
        ("a", [5.0, 6.0][:1], [4.0], [50]),
        ("b", [5.0], [4.0], [50]),
        ("a", [6.0], [5.0], [60]),
        ("c", [9.0], [8.0], [90]),
    ]


def test_video_is_frames_and_the_last_ones_come_with_time() -> None:
    pulls: list[bool] = []
    stream = Skimmed(None, lambda: pulls.append(True))
    rows = [(n, n / 100, n / 100 - 0.01, n // 2, 100, n % 2 * MARKER, 0) for n in range(8) if n != 2]
    for first, last in ((0, 3), (3, 7)):
        stream.put(np.array(rows[first:last], RECORD))
    assert stream.held == 7
    found, none = stream.take(0.4)
    assert len(none.arrival) == 0
    assert (found.arrival.tolist(), found.capture.tolist(), found.size.tolist()) == ([0.01], [-0.01], [200])
    assert stream.held == 0
    assert stream.take(None) == []
    (late,) = stream.take(9.0)
    assert late.arrival.tolist() == [0.53, 0.53]
    assert len(pulls) == 3
