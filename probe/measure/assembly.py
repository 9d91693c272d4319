"""From packets to frames: in order, whole, each with its times. The base of the frame-loss and freeze figures.

A frame is the packets of one RTP timestamp. A missing packet is waited for until `patience` has passed since the first
packet behind it came in; or until a whole keyframe stands behind the hole: then the decoder can continue there. The rest of
the last frame, behind which nothing has come, is waited for longer, for it delays nobody: of a screen that is sent once a second
only the next frame shows that something is missing. What is given up never comes back. (aiortc's jitter buffer can turn one
lost packet into seconds of stall: it can't serve here.)
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass
from statistics import median

from probe.wire.payload import PayloadError, PayloadFormat

TAIL = 3.0
"""Seconds since the last frame last grew until its rest is given up, where there is a picture to look at meanwhile (libwebrtc's
longest wait for a frame); where a keyframe is awaited, `patience`: another has to be asked for."""
_START_REACH = 64
"""Packets before a stream's first one that may still come in, if that one does not begin a frame."""


@dataclass(frozen=True, slots=True)
class MediaPacket:
    """`sequence` is extended (never wraps), `timestamp` in RTP units (32 bit or extended), `arrival` in seconds;
    `recovered`: came by retransmission; `capture_time` in seconds where the sender told it; `restarted`: the stream began anew
    here, and what was missing before will not come."""

    sequence: int
    timestamp: int
    marker: bool
    payload: bytes
    arrival: float
    recovered: bool = False
    capture_time: float | None = None
    restarted: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole frame. `complete` is the arrival of the packet that completed it, or of the one that ended the wait for
    what came before it; `decodable`: nothing is missing since the last keyframe."""

    timestamp: int
    data: bytes
    keyframe: bool
    first_arrival: float
    complete: float
    packets: int
    recovered: bool
    capture_time: float | None
    decodable: bool


class FrameAssembler:
    """Assembles one video stream.

    `lost_frames` counts frames sent but never put out, from the first one seen from its start on: those of which a
    packet was seen are counted exactly; those that vanished whole are counted by the gap in timestamps, in units of the
    stream's usual frame interval, and never more than the missing packets could hold.
    """

    def __init__(self, format: PayloadFormat, *, patience: float = 0.5, max_packets: int = 4096) -> None:
        self.lost_frames = 0
        self._format = format
        self._patience = patience
        self._max_packets = max_packets
        self._waiting: dict[int, tuple[MediaPacket, float]] = {}  # behind a hole: packet and when it was added
        self._order: list[int] = []  # heap of the waiting sequence numbers
        self._keyframes: set[int] = set()  # timestamps of waiting packets that begin a keyframe
        self._next: int | None = None  # the sequence number to continue with
        self._gap = 0  # sequence numbers given up since `_last`
        self._last: MediaPacket | None = None  # the last packet with a payload that was taken
        self._frame: list[MediaPacket] = []  # the frame being received, without holes
        self._progress = 0.0  # when it last grew
        self._closed: int | None = None  # timestamp of the frame last put out or given up: the rest of it is dropped
        self._clock = 0.0  # latest arrival, or end of a wait, up to `_next`
        self._begun = False
        self._intact = False  # nothing is missing since the last keyframe
        self._missing_keyframe = False
        self._intervals: deque[int] = deque(maxlen=9)  # timestamp steps between neighbouring frames

    @property
    def missing_keyframe(self) -> bool:
        """What comes next can't be decoded before a new keyframe: the receiver should ask for one (PLI)."""
        return self._missing_keyframe

    @property
    def buffered(self) -> int:
        """Packets held at the moment; never more than `max_packets` between calls."""
        return len(self._waiting) + len(self._frame)

    def add(self, packet: MediaPacket, now: float) -> list[Frame]:
        """Take a packet at `now` (seconds, not decreasing). The frames that it completes or sets free, in order.

        Duplicates and packets of what was given up are dropped. A sequence number further back than `max_packets` is
        taken as a restarted stream too.
        """
        frames = self.poll(now)  # first: what comes too late is too late, however seldom anybody polls
        if self._next is not None and (packet.restarted or packet.sequence < self._next - self._max_packets):
            frames += self._restart()
        if self._next is None and not packet.payload:
            return frames  # padding begins no stream
        if self._next is None:
            certain = self._format.surely_starts_frame(packet.payload)
            self._next = packet.sequence - (0 if certain else _START_REACH)
        if packet.sequence < self._next or packet.sequence in self._waiting:
            return frames
        if packet.sequence == self._next:
            frames += self._take(packet, now) + self._drain()
        else:
            self._wait(packet, now)
            if packet.timestamp in self._keyframes:
                frames += self._skip_to_keyframe(packet)
        return frames + self._make_room(now)

    def poll(self, now: float) -> list[Frame]:
        """Give up what has been waited for longer than `patience`, as of the moment in which that ran out. The frames set free,
        in order."""
        frames: list[Frame] = []
        while self.buffered and now >= (deadline := self._deadline()):
            frames += self._give_up(deadline)
        return frames

    def _wait(self, packet: MediaPacket, now: float) -> None:
        self._waiting[packet.sequence] = (packet, now)
        heapq.heappush(self._order, packet.sequence)
        if self._format.is_keyframe(packet.payload):
            self._keyframes.add(packet.timestamp)

    def _deadline(self) -> float:
        """When the wait for the hole ends, or that for the rest of the open frame if nothing has come behind it."""
        if self._waiting:
            # Dictionaries keep insertion order and `now` does not decrease: the first entry waits longest.
            return next(iter(self._waiting.values()))[1] + self._patience
        return self._progress + (max(TAIL, self._patience) if self._intact else self._patience)

    def _drain(self) -> list[Frame]:
        frames: list[Frame] = []
        while self._order and self._order[0] == self._next:
            packet, added = self._waiting.pop(heapq.heappop(self._order))
            frames += self._take(packet, added)
        return frames

    def _take(self, packet: MediaPacket, now: float) -> list[Frame]:
        """The packet whose turn it is."""
        self._next = packet.sequence + 1
        self._clock = max(self._clock, packet.arrival)
        if not packet.payload:  # padding alone, which congestion control probes with, belongs to no frame
            return []
        self._keyframes.discard(packet.timestamp)
        frames: list[Frame] = []
        if self._gap:
            self._cross_gap(packet)
        elif self._frame and self._frame[0].timestamp != packet.timestamp:  # a sender that sets no marker
            frames = self._finish()
        if packet.timestamp != self._closed:
            self._append(packet, now)
            frames += self._finish() if packet.marker else []
        self._last, self._gap = packet, 0
        return frames

    def _append(self, packet: MediaPacket, now: float) -> None:
        if not self._frame and not self._gap and self._last is not None:
            step = _step(self._last.timestamp, packet.timestamp)
            self._intervals.extend([step] if step > 0 else [])
        self._begun = True
        self._frame.append(packet)
        self._progress = max(self._progress, now)

    def _finish(self) -> list[Frame]:
        """Put out the frame received; what its format can't read counts as lost."""
        packets, self._frame = self._frame, []
        payloads = [packet.payload for packet in packets]
        self._closed = packets[0].timestamp
        try:
            data = self._format.assemble(payloads)
        except PayloadError:
            self._lose(1)
            return []
        keyframe = any(map(self._format.is_keyframe, payloads))
        self._intact = self._intact or keyframe
        self._missing_keyframe = not self._intact
        return [
            Frame(
                timestamp=packets[0].timestamp,
                data=data,
                keyframe=keyframe,
                first_arrival=min(packet.arrival for packet in packets),
                complete=self._clock,
                packets=len(packets),
                recovered=any(packet.recovered for packet in packets),
                capture_time=next((p.capture_time for p in packets if p.capture_time is not None), None),
                decodable=self._intact,
            )
        ]

    def _lose(self, frames: int) -> None:
        self.lost_frames += frames if self._begun else 0
        self._intact, self._missing_keyframe = False, True

    def _abandon_frame(self, at: float) -> None:
        """Give up the frame being received; packets of it that still come are dropped."""
        self._closed, self._frame = self._frame[0].timestamp, []
        self._clock = max(self._clock, at)
        self._lose(1)

    def _give_up(self, at: float) -> list[Frame]:
        """End the wait for whatever holds the buffered packets: a hole, or else the rest of the open frame."""
        if self._waiting:
            return self._give_up_hole(at)
        self._abandon_frame(at)
        return []

    def _give_up_hole(self, at: float) -> list[Frame]:
        """Continue behind the missing packets that everything waits for; `at` is when that was decided."""
        if self._frame:
            self._abandon_frame(at)
        self._clock = max(self._clock, at)
        self._gap += self._order[0] - (self._next or 0)
        self._next = self._order[0]
        self._lose(0)
        return self._drain()

    def _cross_gap(self, packet: MediaPacket) -> None:
        """Judge the first packet behind a gap: how many frames vanished in it, and does this one begin a frame?"""
        if packet.timestamp == self._closed:
            return
        starts = self._format.starts_frame(packet.payload)
        certain = self._format.surely_starts_frame(packet.payload)
        if self._last is not None:
            tail = 0 if self._last.marker else 1  # packets that the frame before the gap lacks at least
            vanished = self._vanished(packet, self._gap - tail - (0 if starts else 1))
            self._lose(vanished)
            # Formats that don't mark beginnings: if the others need all missing packets, this frame lacks none.
            certain = certain or (starts and len(self._intervals) > 0 and self._gap == tail + vanished)
        if not certain:
            self._closed = packet.timestamp
            self._lose(1)

    def _vanished(self, packet: MediaPacket, room: int) -> int:
        """Frames of which no packet was seen between `_last` and `packet`; at most one per missing packet (`room`)."""
        if self._last is None or not self._intervals:
            return 0
        frames = round(_step(self._last.timestamp, packet.timestamp) / median(self._intervals)) - 1
        return max(0, min(frames, room))

    def _skip_to_keyframe(self, packet: MediaPacket) -> list[Frame]:
        """If `packet` completes a keyframe behind the hole, give up everything missing before it."""
        last = packet.sequence
        while self._waits(last + 1, packet.timestamp):
            last += 1
        if not self._waiting[last][0].marker:
            return []
        first = packet.sequence
        while self._waits(first - 1, packet.timestamp):
            first -= 1
        if not self._format.surely_starts_frame(self._waiting[first][0].payload):
            return []
        frames: list[Frame] = []
        while first in self._waiting:
            frames += self._give_up_hole(packet.arrival)
        return frames

    def _waits(self, sequence: int, timestamp: int) -> bool:
        entry = self._waiting.get(sequence)
        return entry is not None and entry[0].timestamp == timestamp

    def _make_room(self, now: float) -> list[Frame]:
        frames: list[Frame] = []
        while self.buffered > self._max_packets:
            frames += self._give_up(now)
        return frames

    def _restart(self) -> list[Frame]:
        frames: list[Frame] = []
        while self.buffered:
            frames += self._give_up(self._clock)
        self._next, self._last, self._closed, self._gap = None, None, None, 0
        self._lose(0)
        return frames


def _step(before: int, after: int) -> int:
    """Timestamp difference, modulo 32 bit (RFC 3550 5.1): right for raw and for extended timestamps."""
    return (after - before + 2**31) % 2**32 - 2**31
