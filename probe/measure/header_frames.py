"""Video frames from RTP headers alone: where one ends its marker tells, whether it is whole the sequence numbers tell.

A frame is whole when every number from the one after the previous frame's marker to its own marker has arrived; the
stream's first frame begins with the first packet seen. The timestamp, which all packets of a frame share (RFC 3550 section
5.1), tells the rest: of a sender that sets no marker (RFC 6184 section 5.1 forbids to rely on it) the next frame's first packet
shows the end, and what still comes with the timestamp of an ended frame, as padding does, belongs to none. Nothing is known
of payloads: whether a frame can be decoded is not asked. A hole is waited for as `probe.measure.assembly` does it, so that
both depths time a repaired frame alike.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from probe.measure.records import MARKER, RESTARTED, Records

PATIENCE = 0.5
"""Seconds of arrival time from the first packet behind a hole until the hole is given up."""
_MAX_WAITING = 4096
_SHORT = 12
"""Batches of fewer packets are faster taken one by one."""

_Row = tuple[int, float, float, int, int, int]
"""One record without its last field."""
_Found = tuple[int, float, float, float, int]
"""One frame, its fields as in Frames."""


class Frames(NamedTuple):
    """Whole frames, in order. `complete`: arrival of the packet that completed it, or of what it had to wait for, or the end
    of the wait; `first_arrival` of any of its packets; `capture`: the earliest that its packets tell, NaN without; all
    in monotonic seconds. `size`: bytes of payload. `timestamp`: RTP's."""

    timestamp: NDArray[np.uint32]
    complete: NDArray[np.float64]
    first_arrival: NDArray[np.float64]
    capture: NDArray[np.float64]
    size: NDArray[np.int64]


class HeaderFrames:
    """One video stream. `lost_frames` counts those of which a packet was seen and that were given up.

    What comes out does not depend on how the records are cut into batches.
    """

    def __init__(self) -> None:
        self.lost_frames = 0
        self._next: int | None = None  # the number to continue with
        self._gap = 0  # numbers given up just before it
        self._clock = -math.inf  # latest arrival, or end of a wait, up to `_next`
        self._waiting: dict[int, _Row] = {}  # behind a hole, in order of arrival
        self._timestamp = -1  # of the open frame; where none is, of the one that ended last
        self._close()

    def _close(self) -> None:
        """Behind a frame: the next packet begins another."""
        self._packets = self._size = 0
        self._first_arrival, self._capture = math.inf, math.nan
        self._torn = False  # something of the open frame is missing for good, or may be

    @property
    def waits(self) -> bool:
        """Whether packets wait behind a hole."""
        return bool(self._waiting)

    def add(self, records: Records) -> Frames:
        """The frames that these records (in order of arrival, following on the call before) make whole or set free."""
        if len(records) >= _SHORT and not (self._waiting or self._torn) and (run := self._run(records)) is not None:
            return run
        found: list[_Found] = []
        columns = [records[name].tolist() for name in ("sequence", "arrival", "capture", "timestamp", "size", "flags")]
        for row in zip(*columns, strict=True):
            self._add_row(row, found)
        return _frames(found)

    @staticmethod
    def none() -> Frames:
        """No frame."""
        return _frames([])

    def poll(self, now: float) -> Frames:
        """The frames set free by giving up what has been waited for in vain until `now`. Only for when nothing comes any
        more: `add` looks at the time itself, and the result is the same."""
        found: list[_Found] = []
        self._lose_patience(now, found)
        return _frames(found)

    # the usual: everything in order

    def _run(self, records: Records) -> Frames | None:
        """The frames of an unbroken run. None, and nothing is done, if these are none."""
        return self._add_run(records) if self._follows(records) else None

    def _follows(self, records: Records) -> bool:
        """Whether these are unbroken, in order, and directly behind what was before."""
        sequences = records["sequence"]
        first = sequences.item(0)
        if self._next not in (None, first):
            return False
        if sequences.tobytes() != np.arange(first, first + len(sequences)).tobytes():
            return False
        return not int(np.bitwise_or.reduce(records["flags"])) & RESTARTED and self._is_tidy(records)

    def _is_tidy(self, records: Records) -> bool:
        """Whether the timestamp changes behind each marker, and nowhere else."""
        timestamps, ends = records["timestamp"], (records["flags"] & MARKER) != 0
        if (timestamps.item(0) == self._timestamp) != (self._packets > 0):
            return False
        return not np.count_nonzero((timestamps[1:] != timestamps[:-1]) != ends[:-1])

    def _add_run(self, records: Records) -> Frames:
        arrivals, captures, sizes = records["arrival"], records["capture"], records["size"]
        clocks = np.maximum.accumulate(arrivals)
        if clocks.item(0) < self._clock:
            clocks = np.maximum(clocks, self._clock)
        self._clock, self._next = clocks.item(-1), records["sequence"].item(-1) + 1
        self._timestamp = records["timestamp"].item(-1)
        (ends,) = (records["flags"] & MARKER).nonzero()
        if not len(ends):
            self._open(records)
            return self.none()
        stop = ends.item(-1) + 1
        starts = np.empty_like(ends)
        starts[0], starts[1:] = 0, ends[:-1] + 1
        first = np.minimum.reduceat(arrivals[:stop], starts)
        capture = np.fmin.reduceat(captures[:stop], starts)
        size = np.add.reduceat(sizes[:stop], starts, dtype=np.int64)
        if self._packets:  # the first of them began before
            first[0] = min(first[0], self._first_arrival)
            capture[0] = np.fmin(capture[0], self._capture)
            size[0] += self._size
        self._close()
        if stop < len(records):
            self._open(records[stop:])
        return Frames(records["timestamp"][ends], clocks[ends], first, capture, size)

    def _open(self, records: Records) -> None:
        """Packets without a marker: a frame that is still coming in."""
        self._packets += len(records)
        self._first_arrival = min(self._first_arrival, records["arrival"].min().item())
        self._capture = float(np.fmin(self._capture, np.fmin.reduce(records["capture"])))
        self._size += int(records["size"].sum())

    # packet by packet

    def _add_row(self, row: _Row, found: list[_Found]) -> None:
        sequence, arrival = row[0], row[1]
        self._lose_patience(arrival, found)
        if row[5] & RESTARTED:
            self._restart(found)
        if self._next is None:
            self._next = sequence
        if sequence < self._next:  # given up, or before the stream's first
            return
        if sequence > self._next:
            self._waiting.setdefault(sequence, row)
            if len(self._waiting) > _MAX_WAITING:
                self._give_up(arrival, found)
            return
        self._take(row, found)
        self._drain(found)

    def _drain(self, found: list[_Found]) -> None:
        while self._next is not None and (row := self._waiting.pop(self._next, None)) is not None:
            self._take(row, found)

    def _take(self, row: _Row, found: list[_Found]) -> None:
        """The packet whose turn it is."""
        sequence, arrival, capture, timestamp, size, flags = row
        self._next = sequence + 1
        self._clock = max(self._clock, arrival)
        if timestamp == self._timestamp and not self._packets:
            self._gap = 0  # what is missing before it is of the ended frame's time too: no part of the next
            return
        if self._gap:
            self._cross_gap(timestamp)
        elif self._packets and timestamp != self._timestamp:
            self._end(found)
        self._packets += 1
        self._timestamp = timestamp
        self._size += size
        self._first_arrival = min(self._first_arrival, arrival)
        if capture == capture:
            self._capture = min(capture, self._capture) if self._capture == self._capture else capture
        if flags & MARKER:
            self._end(found)

    def _end(self, found: list[_Found]) -> None:
        """Of the open frame nothing more will come."""
        if self._torn:
            self.lost_frames += 1
        else:
            found.append((self._timestamp, self._clock, self._first_arrival, self._capture, self._size))
        self._close()

    def _cross_gap(self, timestamp: int) -> None:
        """Judge the first packet behind numbers that were given up: is it the beginning of a frame?

        Of another frame than the open one, with a single number missing between, it is: that was the open one's marker.
        """
        gap, self._gap = self._gap, 0
        begins = False
        if self._packets and self._timestamp != timestamp:
            self.lost_frames += 1
            self._close()
            begins = gap == 1
        self._torn = not begins

    def _lose_patience(self, now: float, found: list[_Found]) -> None:
        while self._waiting:
            # Dictionaries keep their order: the first came first.
            deadline = next(iter(self._waiting.values()))[1] + PATIENCE
            if now < deadline:
                return
            self._give_up(deadline, found)

    def _give_up(self, at: float, found: list[_Found]) -> None:
        """Continue behind the missing numbers that everything waits for; `at` is when that was decided."""
        first = min(self._waiting)
        self._clock = max(self._clock, at)
        self._gap, self._next = first - (self._next or 0), first
        self._drain(found)

    def _restart(self, found: list[_Found]) -> None:
        while self._waiting:
            self._give_up(self._clock, found)
        self.lost_frames += self._packets > 0
        self._close()
        self._next, self._timestamp = None, -1


def _frames(found: list[_Found]) -> Frames:
    timestamps, complete, first, captures, sizes = zip(*found, strict=True) if found else ((),) * 5
    return Frames(
        np.array(timestamps, np.uint32),
        np.array(complete, np.float64),
        np.array(first, np.float64),
        np.array(captures, np.float64),
        np.array(sizes, np.int64),
    )
