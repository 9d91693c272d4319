"""One direction of an emulated link: tells for each datagram when its copies come out, if any do.

The order of the pipeline, each step seeing what the one before let through:

1. blackout and loss. A lost packet takes no room in the queue, as one lost on the air before a router takes none.
2. the queue: drop-tail, then serialisation at the link's rate.
3. delay and jitter, counted from when the packet left the queue. Unless the jitter lets packets overtake, each waits
   for its predecessor.
4. duplication: the copy follows right behind.
5. holding back: each copy on its own may be delayed further, and then others overtake it.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from sfu_shim.core.link.impairment import INSTANT, Impairment, within
from sfu_shim.core.link.packets import Packet, identify
from sfu_shim.core.link.processes import Bottleneck, DelayProcess, LossProcess
from sfu_shim.core.link.schedule import Schedule, ScheduleReader
from sfu_shim.core.link.stream_truth import HISTORY
from sfu_shim.core.link.truth import LinkTruth

MAX_IN_FLIGHT = 1 << 16
"""Copies that one link holds at most; what comes beyond is dropped and counted (`overflow`)."""


class Copy(NamedTuple):
    """A datagram on its way: comes out at `release` (seconds), came in at `arrival`; `number` is the extended sequence
    number of RTP."""

    release: float
    data: bytes
    arrival: float
    packet: Packet
    number: int


class Link:
    """`offer` each datagram in order of arrival, let its copies out at their `release`, and tell by `note_released` or
    `note_unsent` what became of each. `truth` knows everything.

    `start`: the time (seconds) that the schedule counts from. Same impairment, same seed, same datagrams at the same
    times: same fates. Loss, delay, duplication and holding back draw from generators of their own, all from `rng`.
    """

    def __init__(
        self, impairment: Impairment | Schedule, rng: Random, start: float = 0.0, *, history: int = HISTORY
    ) -> None:
        self.schedule = impairment if isinstance(impairment, Schedule) else Schedule(impairment)
        self.start = start
        self.truth = LinkTruth(history)
        self.truth.blackouts += [(start + begin, start + end) for begin, end in self.schedule.blackouts]
        seeds = [rng.getrandbits(64) for _ in range(4)]
        self._reader = ScheduleReader(self.schedule)
        self._loss = LossProcess(Random(seeds[0]))
        self._delay = DelayProcess(Random(seeds[1]))
        self._duplicate = Random(seeds[2])
        self._reorder = Random(seeds[3])
        self._bottleneck = Bottleneck()
        self._last_release = 0.0
        self._in_flight = 0

    def impairment_at(self, now: float) -> Impairment:
        """What the schedule says for time `now`; blackouts apart."""
        return self._reader.at(now - self.start)

    def blackout(self, start: float, duration: float) -> None:
        """Let nothing through that comes within `duration` seconds from `start` on."""
        within("blackout", duration, INSTANT)
        self.truth.blackouts.append((start, start + duration))

    def offer(self, data: bytes, now: float) -> list[Copy]:
        """A datagram came at `now` (seconds). Returns its copies, none when it is lost."""
        impairment = self.impairment_at(now)
        packet = identify(data)
        number = self.truth.offered(packet, now)
        cause = self._lost(impairment, now)
        departure: float | None = None
        if not cause:
            departure = self._bottleneck.pass_through(packet.size, now, impairment.rate_bps, impairment.queue_limit)
        if departure is None:
            self.truth.dropped(packet, number, cause or "queue", now)
            return []
        release = departure + self._delay.draw(impairment.delay, impairment.jitter)
        if impairment.keeps_order:
            release = max(release, self._last_release)
        self._last_release = max(release, self._last_release)
        twice = impairment.duplicate > 0 and self._duplicate.random() < impairment.duplicate
        return [
            self._copy(impairment, release, data, now, packet, number, added=added)
            for added in ((False, True) if twice else (False,))
        ]

    def _lost(self, impairment: Impairment, now: float) -> str:
        """The cause, or nothing. The loss model steps on in a blackout too: it is a process of the link, not of what is
        sent through."""
        lost = self._loss.loses(impairment.loss)
        blackouts = self.truth.blackouts
        if blackouts and any(start <= now < end for start, end in blackouts):
            return "blackout"
        if lost:
            return "loss"
        return "overflow" if self._in_flight >= MAX_IN_FLIGHT else ""

    def _copy(
        self,
        impairment: Impairment,
        release: float,
        data: bytes,
        now: float,
        packet: Packet,
        number: int,
        *,
        added: bool,
    ) -> Copy:
        reorder = impairment.reorder
        held_back = reorder is not None and self._reorder.random() < reorder.ratio
        if reorder is not None and held_back:
            release += reorder.extra_delay
        self.truth.planned(packet, added=added, held_back=held_back)
        self._in_flight += 1
        return Copy(release, data, now, packet, number)

    def note_released(self, copy: Copy, actual: float) -> None:
        """`copy` left at `actual` (seconds). To be called in the order in which copies leave."""
        self._in_flight -= 1
        self.truth.released(copy.packet, copy.number, copy.arrival, copy.release, actual)

    def note_unsent(self, copy: Copy) -> None:
        """`copy` could not be sent on: the socket refused it, or nobody is there any more."""
        self._in_flight -= 1
        self.truth.dropped(copy.packet, copy.number, "unsent", copy.arrival)
