"""A virtual audio playout buffer: which packets a listener would have heard, and how long they waited.

aiortc's own jitter buffer distorts what comes after it, and real receivers' buffers differ; this one is simple and stated,
so that its discards and its delay can be checked by hand.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probe.measure.rtp_stream import burst_ratio, emodel_burst_ratio

HISTORY = 10.0
"""Seconds of arrivals that the fastest packet and the delay quantile are taken from."""
QUANTILE = 0.97
MARGIN = 0.020
MIN_TARGET = 0.020
MAX_TARGET = 0.200
START_TARGET = 0.080
"""Target before enough packets were seen."""
RESYNC = 5.0
"""A transit time this far from the fastest shows a new clock at the sender, not the network."""
STEADY = 10
"""Packets in a row, all too late for any target and within `EVEN` seconds of each other: no stall, for what was held up comes
faster than it was sent, but a sender whose clock stood still (muted) or was set back (another source at the server)."""
EVEN = 0.050
_RETARGET_EVERY = 25
MAX_PENDING = 4096
SHORT = 8
"""Batches of fewer packets are faster taken one by one."""


@dataclass(frozen=True, slots=True)
class PlayoutWindow:
    """What became due in one window: of `expected` packets, `lost` had not arrived by their playout and `late` had, but
    too late to be played; `loss_runs` and the raw `burst_ratio_observed` tell how those fell together, `burst_ratio` is
    the same as the E-model takes it (≥ 1). `delay_seconds`: mean wait of played packets in the buffer, to be added to
    the mean network delay; `target_seconds`: playout behind the fastest packet, at the window's end."""

    expected: int
    lost: int
    late: int
    loss_runs: int
    burst_ratio: float
    delay_seconds: float
    target_seconds: float

    @property
    def loss_ratio(self) -> float:
        """Lost and late together, of expected: what the E-model calls Ppl."""
        return (self.lost + self.late) / self.expected if self.expected else 0.0

    @property
    def burst_ratio_observed(self) -> float:
        return burst_ratio(self.lost + self.late, self.loss_runs, self.expected)


class PlayoutBuffer:
    """Adaptive buffer of one audio stream (quality model: with d = arrival − media time, the base is the least d of the last
    10 s, the target clamp(p97(d − base) + 20 ms, 20 ms, 200 ms); a packet is late if d − base exceeds the target).

    `foreign`: media times are a stranger's RTP timestamps, which may step: by more than a target can bridge the buffer begins anew,
    at once where they step ahead, and after `STEADY` packets where they step back.

    Arrays, not objects: a second of packets is taken at once where they come in order, with the same results.
    """

    def __init__(self, *, foreign: bool = False) -> None:
        self._foreign = foreign
        self._times = array("d")  # arrivals of the last 10 s; one that crosses another counts as the same instant
        self._transits = array("d")  # their d
        self._base = math.inf  # the least d of the last 10 s, and when it was
        self._base_time = -math.inf
        self._sequences = array("q")  # packets to be judged yet, in order of arrival
        self._deadlines = array("d")
        self._waits = array("d")  # below 0: late
        self._newest: float = -math.inf  # the highest number that is to be judged or was
        self._evaluated: int | None = None
        self._since_target = 0
        self.target_seconds = START_TARGET
        self.resyncs = 0

    def on_packet(self, sequence: int, media_time: float, arrival: float) -> None:
        """A distinct packet arrived: extended number, media time and arrival in seconds (of any two steady clocks).
        Duplicates, and packets whose window has been judged, change nothing."""
        if sequence <= self._newest and self._known(sequence):
            return
        transit = arrival - media_time
        if self._times and (
            abs(transit - self._base) > RESYNC or (self._foreign and transit < self._base - MAX_TARGET)
        ):
            self._resync()
        self._observe(transit, arrival)
        self._newest = max(self._newest, sequence)
        self._sequences.append(sequence)
        self._deadlines.append(media_time + self._base + self.target_seconds)
        self._waits.append(self._base + self.target_seconds - transit)
        if self._foreign and transit > self._base + MAX_TARGET:
            self._look_for_step()
        if len(self._sequences) > MAX_PENDING:
            self._forget(min(self._sequences))

    def on_packets(
        self, sequences: NDArray[np.int64], media_times: NDArray[np.float64], arrivals: NDArray[np.float64]
    ) -> None:
        """`on_packet` for each, in this order."""
        if not self._times and len(sequences):
            self.on_packet(sequences.item(0), media_times.item(0), arrivals.item(0))
            sequences, media_times, arrivals = sequences[1:], media_times[1:], arrivals[1:]
        while len(sequences) >= SHORT and self._steady(sequences, media_times, arrivals):
            count = len(sequences)
            if self._base_time < arrivals.item(-1) - HISTORY:  # the base is forgotten within
                count = int(np.argmax(arrivals - HISTORY > self._base_time))
            if count:
                self._take_run(sequences[:count], media_times[:count], arrivals[:count])
            if count == len(sequences):
                return
            self.on_packet(sequences.item(count), media_times.item(count), arrivals.item(count))
            sequences, media_times = sequences[count + 1 :], media_times[count + 1 :]
            arrivals = arrivals[count + 1 :]
        for packet in zip(sequences.tolist(), media_times.tolist(), arrivals.tolist(), strict=True):
            self.on_packet(*packet)

    def window(self, now: float) -> PlayoutWindow:
        """Judge all packets that became due since the last call (1–5 s before): numbers up to the highest arrived one whose
        playout time has passed. Without such a packet nothing is expected: after the last one heard, silence and loss
        look alike."""
        sequences = np.array(self._sequences)
        due = sequences[np.frombuffer(self._deadlines) <= now] if len(sequences) else sequences
        if not len(due):
            return PlayoutWindow(0, 0, 0, 0, 1.0, self.target_seconds, self.target_seconds)
        last = int(due.max())
        first = int(sequences.min()) if self._evaluated is None else self._evaluated + 1
        first = max(first, last - MAX_PENDING + 1)
        judged = (sequences >= first) & (sequences <= last)
        waits = np.frombuffer(self._waits)[judged]
        window = self._judge(sequences[judged] - first, waits, last - first + 1)
        self._forget(last)
        return window

    def reset(self) -> None:
        """The stream restarted: its numbers and media times begin anew."""
        self._newest, self._evaluated = -math.inf, None
        self._sequences, self._deadlines, self._waits = array("q"), array("d"), array("d")
        self._resync()

    def _known(self, sequence: int) -> bool:
        return (self._evaluated is not None and sequence <= self._evaluated) or sequence in self._sequences

    def _forget(self, last: int) -> None:
        """All numbers up to `last` are judged, or were never asked about in 80 s and count for nothing."""
        kept = np.array(self._sequences) > last
        columns = (np.array(column)[kept].tobytes() for column in (self._sequences, self._deadlines, self._waits))
        self._keep(last, *columns)

    def _keep(self, last: int, sequences: bytes, deadlines: bytes, waits: bytes) -> None:
        self._evaluated = last
        self._sequences, self._deadlines, self._waits = array("q", sequences), array("d", deadlines), array("d", waits)

    def _judge(self, places: NDArray[np.int64], waits: NDArray[np.float64], expected: int) -> PlayoutWindow:
        """`places` within the window of the packets that came, and how long they waited."""
        late, runs = int(np.count_nonzero(waits < 0)), 0
        lost = expected - len(waits)
        if lost or late:
            unheard = np.ones(expected + 1, bool)
            unheard[0] = False
            unheard[places[waits >= 0] + 1] = False
            runs = int(np.count_nonzero(unheard[1:] > unheard[:-1]))
        heard = waits[waits >= 0].tolist() if late else waits.tolist()
        return PlayoutWindow(
            expected=expected,
            lost=lost,
            late=late,
            loss_runs=runs,
            burst_ratio=emodel_burst_ratio(lost + late, runs, expected),
            delay_seconds=math.fsum(heard) / len(heard) if heard else self.target_seconds,
            target_seconds=self.target_seconds,
        )

    # the base and the target

    def _observe(self, transit: float, arrival: float) -> None:
        """Keep the last 10 s, their minimum, and every half second (at 50 packets/s) the target."""
        time = max(arrival, self._times[-1]) if self._times else arrival
        self._times.append(time)
        self._transits.append(transit)
        if transit <= self._base:
            self._base, self._base_time = transit, time
        elif self._base_time < time - HISTORY:
            self._find_base(time)
        self._since_target += 1
        if self._since_target >= _RETARGET_EVERY:
            self._since_target = 0
            self.target_seconds = self._target(time, len(self._times), self._base)
            self._drop_old(time)

    def _find_base(self, time: float) -> None:
        """The least d of the last 10 s; of equal ones the last, which is remembered longest."""
        self._drop_old(time)
        latest_first = np.array(self._transits)[::-1]
        place = len(latest_first) - 1 - int(np.argmin(latest_first))
        self._base, self._base_time = self._transits[place], self._times[place]

    def _drop_old(self, time: float) -> None:
        old = bisect_left(self._times, time - HISTORY)
        del self._times[:old], self._transits[:old]

    def _target(self, time: float, count: int, base: float) -> float:
        """After `count` of the packets that are kept, the last of them at `time`."""
        first = bisect_left(self._times, time - HISTORY)
        rank = max(0, math.ceil(QUANTILE * (count - first)) - 1)
        spread = float(np.partition(np.frombuffer(self._transits)[first:count], rank)[rank]) - base
        return min(MAX_TARGET, max(MIN_TARGET, spread + MARGIN))

    def _resync(self) -> None:
        self._times, self._transits = array("d"), array("d")
        self._base, self._base_time = math.inf, -math.inf
        self._since_target = 0
        self.target_seconds = START_TARGET
        self.resyncs += 1

    def _look_for_step(self) -> None:
        """If the last packets are the first of a stepped clock, begin anew with them: what is not judged yet is due by it."""
        times, transits = self._times[-STEADY:], self._transits[-STEADY:]
        if len(transits) < STEADY or min(transits) <= self._base + MAX_TARGET or max(transits) - min(transits) > EVEN:
            return
        self._resync()
        for transit, time in zip(transits, times, strict=True):
            self._observe(transit, time)
        reach = self._base + self.target_seconds
        for place in range(-min(STEADY, len(self._sequences)), 0):
            self._waits[place] = reach - transits[place]
            self._deadlines[place] = times[place] + self._waits[place]

    # many at once

    def _steady(
        self, sequences: NDArray[np.int64], media_times: NDArray[np.float64], arrivals: NDArray[np.float64]
    ) -> bool:
        """Whether these are new, in order, of one clock, and not too many: then one rule holds for all of them."""
        if not self._times or len(self._sequences) + len(sequences) > MAX_PENDING:
            return False
        if sequences.item(0) <= self._newest or arrivals.item(0) < self._times[-1]:
            return False
        if np.count_nonzero(sequences[1:] <= sequences[:-1]) or np.count_nonzero(arrivals[1:] < arrivals[:-1]):
            return False
        return self._apart(media_times, arrivals) <= (MAX_TARGET if self._foreign else RESYNC)

    def _apart(self, media_times: NDArray[np.float64], arrivals: NDArray[np.float64]) -> float:
        """By how much transit times and the base differ at most."""
        transits = arrivals - media_times
        lowest, highest = np.minimum.reduce(transits).item(), np.maximum.reduce(transits).item()
        return float(max(highest, self._base) - min(lowest, self._base))

    def _take_run(
        self, sequences: NDArray[np.int64], media_times: NDArray[np.float64], arrivals: NDArray[np.float64]
    ) -> None:
        """A steady run during which the base is not forgotten."""
        transits = arrivals - media_times
        before = len(self._times)
        self._times.frombytes(arrivals.tobytes())
        self._transits.frombytes(transits.tobytes())
        bases: NDArray[np.float64] | float = self._base
        lowest = np.minimum.reduce(transits)
        if lowest <= self._base:
            bases = np.minimum(np.minimum.accumulate(transits), self._base)
            self._base = float(lowest)
            self._base_time = arrivals.item(int((transits == lowest).nonzero()[0][-1]))
        targets = self._targets(arrivals, bases, before)
        self._newest = sequences.item(-1)
        self._sequences.frombytes(sequences.tobytes())
        self._deadlines.frombytes((media_times + bases + targets).tobytes())
        self._waits.frombytes((bases + targets - transits).tobytes())
        self._drop_old(arrivals.item(-1))

    def _targets(
        self, arrivals: NDArray[np.float64], bases: NDArray[np.float64] | float, before: int
    ) -> NDArray[np.float64]:
        """The target that holds for each packet of a run; `before` it, so many were kept."""
        targets = np.empty(len(arrivals))
        targets[:] = self.target_seconds
        turns = range(_RETARGET_EVERY - 1 - self._since_target, len(arrivals), _RETARGET_EVERY)
        for turn in turns:
            base = bases if isinstance(bases, float) else bases.item(turn)
            self.target_seconds = self._target(arrivals.item(turn), before + turn + 1, base)
            targets[turn:] = self.target_seconds
        self._since_target = (self._since_target + len(arrivals)) % _RETARGET_EVERY
        return targets
