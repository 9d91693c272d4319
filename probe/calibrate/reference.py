"""What a receiver must have read of a video stream, worked out from what was sent and what the link let through.

Deliberately plain, and without any code of the probe's own readers: all is at hand, nothing has to be bounded, incremental
or fast. Times are seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from probe.calibrate.sent_log import SentFrame, SentStream, frame_of
from sfu_shim.core.link.truth import LinkTruth

PATIENCE = 0.5
"""How long the probe waits for a hole (docs/metrics.md, `probe/measure/assembly.py`)."""
START_REACH = 64
"""For how many packets before the first it waits, where that one does not begin a frame."""


class Arrived(NamedTuple):
    """Content of packet `number` reached the far end at `time`, for the first time."""

    time: float
    number: int


class Shown(NamedTuple):
    """Frame number `position` of the sender could be decoded, and was whole at `time`."""

    position: int
    time: float


def first_arrivals(sent: SentStream, truth: LinkTruth) -> list[Arrived]:
    """When the content of each packet came first, be it by retransmission, in order of time."""
    found: dict[int, float] = {}
    media, repair = truth.streams.get(sent.ssrc), truth.streams.get(sent.rtx_ssrc)
    for stream, translate in ((media, None), (repair, sent.repairs)):
        for release in stream.releases if stream is not None else ():
            number = release.number if translate is None else translate[release.number]
            found[number] = min(release.released, found.get(number, release.released))
    return sorted(Arrived(time, number) for number, time in found.items())


def never_arrived(sent: SentStream, truth: LinkTruth) -> int:
    """Packets between the lowest and the highest that came by first transmission which came neither so nor by
    retransmission: what residual loss means."""
    media = truth.streams[sent.ssrc]
    numbers = {release.number for release in media.releases}
    came = {arrived.number for arrived in first_arrivals(sent, truth)}
    return sum(number not in came for number in range(min(numbers), max(numbers) + 1))


def shown_frames(
    frames: Sequence[SentFrame], arrivals: Iterable[Arrived], end: float, patience: float = PATIENCE
) -> list[Shown]:
    """The frames that a receiver can show, by the rules that docs/metrics.md states: a frame is whole when all of it is in
    and everything before it is in or given up; a hole is given up after `patience`, or when a whole keyframe stands
    behind it; after a hole nothing is shown before the next keyframe. Up to time `end`."""
    return _Watcher(list(frames), patience).watch(arrivals, end)


class _Watcher:
    """Plays the arrivals through, packet by packet."""

    def __init__(self, frames: list[SentFrame], patience: float) -> None:
        self._frames = frames
        self._patience = patience
        self._waiting: dict[int, float] = {}  # packets in, not in order yet: number and arrival, in order of arrival
        self._next: int | None = None
        self._open: list[int] = []  # packets in order of the frame that is coming in
        self._grown = 0.0
        self._clock = 0.0
        self._intact = False
        self._shown: list[Shown] = []

    def watch(self, arrivals: Iterable[Arrived], end: float) -> list[Shown]:
        for time, number in arrivals:
            if time > end:
                break
            self._lose_patience(time)
            self._arrive(number, time)
        self._lose_patience(end)
        return self._shown

    def _arrive(self, number: int, time: float) -> None:
        if self._next is None:
            begins = self._frame(number).first == number
            self._next = number if begins else number - START_REACH
        if number < self._next:
            return
        self._waiting[number] = time
        self._go_on()
        frame = self._frame(number)
        whole = all(n in self._waiting for n in range(frame.first, frame.last + 1))
        if frame.keyframe and whole:
            while self._next <= frame.last:
                self._give_up(time)

    def _frame(self, number: int) -> SentFrame:
        return self._frames[frame_of(self._frames, number)]

    def _go_on(self) -> None:
        """Take all packets whose turn it is."""
        assert self._next is not None
        while self._next in self._waiting:
            number = self._next
            arrival = self._waiting.pop(number)
            self._next += 1
            self._clock = max(self._clock, arrival)
            self._take(number, arrival)

    def _take(self, number: int, arrival: float) -> None:
        frame = self._frame(number)
        if not self._open and number != frame.first:
            self._intact = False  # its beginning was given up
            return
        self._open.append(number)
        self._grown = max(self._grown, arrival)
        if number == frame.last:
            self._open = []
            self._intact = self._intact or frame.keyframe
            if self._intact:
                self._shown.append(Shown(frame_of(self._frames, number), self._clock))

    def _lose_patience(self, now: float) -> None:
        while self._waiting or self._open:
            since = [next(iter(self._waiting.values()))] if self._waiting else []
            since += [self._grown] if self._open else []
            deadline = min(since) + self._patience
            if deadline > now:
                return
            self._give_up(deadline)

    def _give_up(self, at: float) -> None:
        """End the wait for what is missing."""
        self._open = []
        self._intact = False
        self._clock = max(self._clock, at)
        if self._waiting:
            self._next = min(self._waiting)
            self._go_on()


# what follows from when frames were shown


def frame_rate(times: Sequence[float]) -> float:
    """Frames per second between the first and the last."""
    return (len(times) - 1) / (times[-1] - times[0])


def frames_lost(shown: Sequence[Shown]) -> int:
    """Frames that the sender sent between the first and the last one shown, and that were not."""
    positions = {one.position for one in shown}
    return max(positions) - min(positions) + 1 - len(positions)


class Freezes(NamedTuple):
    """`undecided`: intervals so near to the rule's threshold that a millisecond decides, `doubtful` seconds in all."""

    freezes: int
    seconds: float
    undecided: int
    doubtful: float


def freezes(times: Sequence[float], end: float, doubt: float = 0.002) -> Freezes:
    """libwebrtc's rule on every interval, and on the last frame's up to `end`: frozen is one of at least
    max(3 · avg, avg + 150 ms), avg being the mean of the last 30, this one included, once there are five."""
    intervals = [later - earlier for earlier, later in pairwise([*times, end])]
    count = undecided = 0
    seconds = doubtful = 0.0
    for position, interval in enumerate(intervals):
        recent = intervals[max(0, position - 29) : position + 1]
        if len(recent) < 5:
            continue
        mean = sum(recent) / len(recent)
        excess = interval - max(3 * mean, mean + 0.150)
        undecided += abs(excess) <= doubt
        doubtful += interval if abs(excess) <= doubt else 0.0
        if excess >= 0:
            count += 1
            seconds += interval
    return Freezes(count, seconds, undecided, doubtful)


def longest_gap(times: Iterable[float], start: float, end: float) -> float:
    """Longest time without anything new that overlaps [start, end]."""
    return max((b - a for a, b in pairwise(sorted(times)) if a < end and b > start), default=0.0)
