"""Streams of which only headers are read: their records are left alone for a second, then looked at together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from probe.client.listening import Listening
from probe.measure.header_frames import Frames
from probe.measure.records import Records, joined
from probe.native.analysis import header_frames

LOOK = 1.95
"""Seconds between two looks at least: every other call of who calls once a second, now a little late, now less. Longer, and
figures would be stale; shorter, and they would cost more."""
MOST_HELD = 4096
"""Records of one stream that may wait: more than a minute's, if nobody asks."""
_UNREAD = 0.05
"""Seconds that a packet may lie in the kernel before we read it: patience with a hole ends by arrival times, and what came in
time must not be too late for our being busy."""
_Whose = TypeVar("_Whose")


class Media(NamedTuple):
    """Packets of audio, or whole frames of video, in the order in which they were there: `arrival` and `capture` (NaN
    where it is not told) in monotonic seconds, `size` in bytes of payload."""

    arrival: NDArray[np.float64]
    capture: NDArray[np.float64]
    size: NDArray[np.int64]

    @property
    def identity(self) -> NDArray[np.float64]:
        """What tells it from other media, on whatever path: the capture time, without one the arrival."""
        told = self.capture == self.capture
        return self.capture if np.count_nonzero(told) == len(told) else np.where(told, self.capture, self.arrival)

    @property
    def delay(self) -> NDArray[np.float64]:
        """One-way delays in seconds, of what tells its capture time."""
        delays = self.arrival - self.capture
        return np.maximum(delays[~np.isnan(delays)], 0.0)

    def at(self, places: NDArray[np.bool_] | NDArray[np.intp]) -> Media:
        """Some of it."""
        return Media(self.arrival[places], self.capture[places], self.size[places])


class Skimmed:
    """One stream. `pull` makes its receiver hand over by `put` what it holds back. Audio goes to `listening` too, packet by
    packet; without it the stream is video."""

    def __init__(self, listening: Listening | None, pull: Callable[[], None]) -> None:
        self.held = 0
        self._listening = listening
        self._pull = pull
        self._frames = header_frames()
        self._pending: list[Records] = []

    def put(self, records: Records) -> None:
        """Leave these for later."""
        self._pending.append(records)
        self.held += len(records)

    def take(self, now: float | None) -> list[Media]:
        """What has come since the last call. With `now`, frames that have been waiting in vain until then are set free."""
        self._pull()
        pending, self._pending, self.held = self._pending, [], 0
        found = []
        if pending:
            found.append(self._look(joined(pending)))
        if now is not None and self._frames.waits:
            found.append(_frames(self._frames.poll(now - _UNREAD)))
        return found

    def _look(self, records: Records) -> Media:
        if self._listening is None:
            return _frames(self._frames.add(records))
        self._listening.on_records(records)
        return Media(records["arrival"], records["capture"], records["size"])


def _frames(frames: Frames) -> Media:
    return Media(frames.complete, frames.capture, frames.size)


def by_arrival(batches: Iterable[tuple[_Whose, Media]]) -> Iterator[tuple[_Whose, Media]]:
    """The same media in order of arrival over all streams, cut into runs of one stream each: which path was the first
    to bring something must not depend on whom we asked first."""
    some = [(whose, media) for whose, media in batches if len(media.arrival)]
    if len(some) < 2:
        yield from some
        return
    owners = np.repeat(np.arange(len(some)), [len(media.arrival) for _, media in some])
    places = np.concatenate([np.arange(len(media.arrival)) for _, media in some])
    order = np.argsort(np.concatenate([media.arrival for _, media in some]), kind="stable")
    owners, places = owners[order], places[order]
    for run in np.split(np.arange(len(order)), np.flatnonzero(np.diff(owners)) + 1):
        whose, media = some[int(owners[run[0]])]
        yield whose, media.at(places[run])
