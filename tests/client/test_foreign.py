"""Somebody else's video, frame by frame: latency where the stream carries a clock, and no figure where it does not."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from probe.client.foreign import Foreign
from probe.client.skimming import Media
from probe.measure.assembly import Frame
from probe.measure.capture_clock import SENDING, WHY_NOT
from probe.measure.observed import CLOCK, FOREIGN, statement
from probe.measure.timeline import MediaTimeline
from tests.client.fakes import START, Bench

THEIRS = 5000.0
"""Their NTP clock is so many seconds behind ours."""
DELAY = 0.06
FPS = 10


class Stream:
    """One frame each 0.1 s, there 60 ms after its capture."""

    def __init__(self) -> None:
        self.bench = Bench("pictures")
        self.foreign = Foreign(self.bench.context, "me", "cam", "sfu", "VP8")

    def ntp(self, monotonic: float) -> float:
        return self.bench.clock.to_ntp(monotonic)

    def frame(self, number: int, size: tuple[int, int] = (640, 360)) -> None:
        captured = START + number / FPS
        seen = captured + DELAY
        self.bench.clock.time = seen
        frame = Frame(number * 9000, b"x", number == 0, seen - 0.02, seen - 0.01, 1, False, None, True)
        self.foreign.on_shown(frame, cast(Any, SimpleNamespace(width=size[0], height=size[1])), seen)

    def clock(self, number: int, *, report: bool = True, trip: float | None = 0.02) -> None:
        """What comes with that frame: its capture, a report of that moment which took 10 ms, a round trip."""
        captured = START + number / FPS
        self.foreign.clock.on_capture(number * 9000, self.ntp(captured) - THEIRS, 0.0)
        if report:
            self.foreign.clock.on_sender_report(self.ntp(captured) - THEIRS, number * 9000, self.ntp(captured + 0.01))
        if trip is not None:
            self.foreign.clock.on_round_trip(trip, self.ntp(captured))

    def values(self, metric: str, **tags: str) -> list[float]:
        return self.bench.values(metric, **tags)


def test_latency_by_the_stream_s_own_clock() -> None:
    stream = Stream()
    for number in range(20):
        if number % 10 == 0:
            stream.clock(number)
        stream.frame(number)
        if number % 10 == 9:
            stream.foreign.window()
    stream.foreign.finish()
    assert stream.values("one_way_delay_seconds", kind="video", topology="sfu") == pytest.approx([DELAY] * 20, abs=1e-5)
    error = pytest.approx([0.01 + SENDING] * 2, abs=2e-4)
    assert stream.values("capture_clock_error_seconds", source="estimated") == error
    assert stream.values("capture_clock_ratio", source="estimated") == [1.0]
    words = "by abs-capture-time; the sender's clock is set against ours by its sender reports, ± 20 ms"
    assert dict(stream.bench.context.observed) == {f"{FOREIGN}VP8 640×360": 1, f"{CLOCK}{words}": 1}


def test_the_method_is_told_with_the_largest_error() -> None:
    stream = Stream()
    stream.clock(0, trip=0.2)
    stream.frame(0)
    stream.clock(1, trip=0.02)
    stream.frame(1)
    stream.foreign.finish()
    words = "by abs-capture-time; the sender's clock is set against ours by its sender reports, ± 200 ms"
    assert stream.bench.context.observed[CLOCK + words] == 1


@pytest.mark.parametrize(("carries", "source"), [(False, "none"), (True, "unset")])
def test_no_latency_is_made_up(carries: bool, source: str) -> None:
    stream = Stream()
    if carries:
        stream.clock(0, report=False)
    for number in range(20):
        stream.frame(number)
    stream.foreign.window()
    stream.foreign.finish()
    assert stream.values("one_way_delay_seconds") == stream.values("capture_clock_error_seconds") == []
    assert stream.values("capture_clock_ratio", source=source) == [0.0]
    assert stream.bench.context.observed[CLOCK + WHY_NOT[source]] == 1


def test_at_headers_nobody_looks_at_the_clock() -> None:
    stream = Stream()
    stream.foreign.on_skimmed(20)
    stream.foreign.finish()
    assert stream.values("capture_clock_ratio", source="headers") == [0.0]
    assert dict(stream.bench.context.observed) == {f"{FOREIGN}VP8": 1, CLOCK + WHY_NOT["headers"]: 1}


def test_a_stream_without_a_picture_says_nothing() -> None:
    stream = Stream()
    stream.foreign.window()
    stream.foreign.finish()
    assert stream.bench.samples == []
    assert not stream.bench.context.observed


def test_pictures_that_change_are_named_but_are_not_one_size() -> None:
    stream = Stream()
    assert stream.foreign.pictures is None
    stream.frame(0)
    assert stream.foreign.pictures == ("VP8", 640, 360)
    stream.frame(1, (320, 180))
    assert stream.foreign.pictures is None
    for number in range(2, 20):
        stream.frame(number, (number * 2, 54))
    stream.foreign.finish()
    [name] = [name for name in stream.bench.context.observed if name.startswith(FOREIGN)]
    assert name == f"{FOREIGN}VP8 640×360, 320×180, 4×54, 6×54"


def test_a_frame_is_known_by_its_capture_between_those_that_are_told() -> None:
    stream = Stream()
    frame = Frame(9000, b"x", False, START, START, 1, False, None, True)
    assert stream.foreign.identity(frame) is None
    stream.clock(0)
    assert stream.foreign.identity(frame) == pytest.approx(START + 0.1 - THEIRS, abs=1e-5)


@pytest.mark.parametrize("resolution", [math.inf, 1.0])
def test_frames_of_a_clock_that_stands_are_frames_all_the_same(resolution: float) -> None:
    """Cameras without a clock write 0, some count whole seconds."""
    stream, whole, skimmed = Stream(), MediaTimeline(), MediaTimeline()
    arrivals, captures = [], []
    for number in range(30):
        captured = 0.0 if resolution == math.inf else stream.ntp(START) // 1 + number // FPS
        stream.foreign.clock.on_capture(number * 9000, captured, None)
        arrivals.append(START + number / FPS)
        captures.append(stream.bench.clock.from_ntp(captured))
        frame = Frame(number * 9000, b"x", True, arrivals[-1], arrivals[-1], 1, False, captures[-1], True)
        identity = stream.foreign.identity(frame)
        whole.on_media(arrivals[-1] if identity is None else identity, arrivals[-1], "path")
    assert whole.new == 30
    other = Stream().foreign
    for first in range(0, 30, 7):
        some = slice(first, first + 7)
        media = Media(np.array(arrivals[some]), np.array(captures[some]), np.ones(len(arrivals[some]), np.int64))
        skimmed.on_many(other.identities(media), media.arrival, "path")
    assert skimmed.new == 30


def test_frames_by_headers_are_known_by_their_capture_on_both_paths() -> None:
    arrivals = np.array([START, START + 0.1, START + 0.2])
    media = Media(arrivals, np.array([START - 1.0, math.nan, START - 0.8]), np.ones(3, np.int64))
    expected = [START - 1.0, START + 0.1, START - 0.8]
    assert Stream().foreign.identities(media).tolist() == Stream().foreign.identities(media).tolist() == expected


def test_the_sentences_about_streams_of_others() -> None:
    assert statement(
        {f"{FOREIGN}VP8 640×360": 2, f"{CLOCK}{WHY_NOT['none']}": 1, f"{CLOCK}by abs-capture-time": 1}
    ) == [
        "2 streams of others: VP8 640×360, no source to compare the pictures with",
        "frame latency of 1 stream of others: by abs-capture-time",
        "frame latency of 1 stream of others: the stream carries no clock",
    ]
