"""What `probe.measure` works out from records, with the usual case compiled; the unusual is done by the classes themselves.

`header_frames()`, `media_timeline()` and so on make the compiled kind where there is one: same results, less CPU.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from probe.measure.frame_clock import FrameClock
from probe.measure.freeze import FreezeDetector
from probe.measure.header_frames import Frames, HeaderFrames
from probe.measure.playout import MAX_PENDING, MAX_TARGET, SHORT, PlayoutBuffer, PlayoutWindow
from probe.measure.records import Records
from probe.measure.rtp_stream import emodel_burst_ratio
from probe.measure.timeline import MediaTimeline
from probe.native import core

_EIGHT = 8
"""Bytes of a number."""


class NativeFrames(HeaderFrames):
    """Frames of an unbroken run are cut out in C."""

    def _run(self, records: Records) -> Frames | None:
        found = core.frames(
            records,
            self._next,
            self._clock,
            self._packets,
            self._first_arrival,
            self._capture,
            self._size,
            self._timestamp,
        )
        if found is None:
            return None
        columns, count, self._clock, self._next, self._packets, *opened = found
        self._first_arrival, self._capture, self._size, self._timestamp = opened
        if not count:
            return self.none()
        row = _EIGHT * count
        return Frames(
            np.frombuffer(columns, np.uint32, count, 4 * row),
            np.frombuffer(columns, np.float64, count),
            np.frombuffer(columns, np.float64, count, row),
            np.frombuffer(columns, np.float64, count, 2 * row),
            np.frombuffer(columns, np.int64, count, 3 * row),
        )


class NativeTimeline(MediaTimeline):
    """Whether media follow one on the other is seen in C."""

    def _follow(self, capture_times: NDArray[np.float64]) -> bool:
        before = self._captures[-1] if self._captures else -math.inf
        return bool(core.rising(capture_times, before, self._tolerance))


class NativeFrameClock(FrameClock):
    """Intervals are summed up in C."""

    __slots__ = ()

    def _sum_up(self, times: NDArray[np.float64], last: float) -> None:
        self._last, self._sum, self._squares, self._longest = core.rhythm(
            times, last, self._sum, self._squares, self._longest
        )


class NativeFreezes(FreezeDetector):
    """Intervals are measured in C."""

    def __init__(self) -> None:
        super().__init__()
        self._clock = NativeFrameClock()

    def _measure(self, times: NDArray[np.float64], last: int) -> list[int]:
        found: list[int]
        found, self._last = core.intervals(times, last)
        return found


class NativePlayout(PlayoutBuffer):
    """A steady run of packets, and what becomes due, in C."""

    def on_packets(
        self, sequences: NDArray[np.int64], media_times: NDArray[np.float64], arrivals: NDArray[np.float64]
    ) -> None:
        """As PlayoutBuffer.on_packets."""
        run = None
        usual = len(sequences) >= SHORT and len(self._sequences) + len(sequences) <= MAX_PENDING
        if usual and not (self._foreign and self._apart(media_times, arrivals) > MAX_TARGET):
            run = core.playout(
                sequences, media_times, arrivals, self._times, self._transits,
                self._newest, self._base, self._base_time, self.target_seconds, self._since_target,
            )  # fmt: skip
        if run is None:
            super().on_packets(sequences, media_times, arrivals)
            return
        times, transits, numbers, deadlines, waits, self._base, self._base_time, *target = run
        self.target_seconds, self._since_target = target
        self._times.frombytes(times)
        self._transits.frombytes(transits)
        self._sequences.frombytes(numbers)
        self._deadlines.frombytes(deadlines)
        self._waits.frombytes(waits)
        self._newest = self._sequences[-1]
        self._drop_old(self._times[-1])

    def window(self, now: float) -> PlayoutWindow:
        """As PlayoutBuffer.window."""
        due = core.judge(self._sequences, self._deadlines, self._waits, now, self._evaluated)
        if due is None:
            return super().window(now)
        last, expected, lost, late, runs, heard, *kept = due
        self._keep(last, *kept)
        return PlayoutWindow(
            expected=expected,
            lost=lost,
            late=late,
            loss_runs=runs,
            burst_ratio=emodel_burst_ratio(lost + late, runs, expected),
            delay_seconds=_EIGHT * math.fsum(memoryview(heard).cast("d")) / len(heard)
            if heard
            else self.target_seconds,
            target_seconds=self.target_seconds,
        )


def header_frames() -> HeaderFrames:
    """The quickest there is, as all of these."""
    return HeaderFrames() if core is None else NativeFrames()


def media_timeline() -> MediaTimeline:
    return MediaTimeline() if core is None else NativeTimeline()


def frame_clock() -> FrameClock:
    return FrameClock() if core is None else NativeFrameClock()


def freeze_detector() -> FreezeDetector:
    return FreezeDetector() if core is None else NativeFreezes()


def playout_buffer(*, foreign: bool = False) -> PlayoutBuffer:
    return PlayoutBuffer(foreign=foreign) if core is None else NativePlayout(foreign=foreign)
