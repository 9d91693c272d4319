"""What a listener must have heard: the stated playout rule over actual release times, and the E-model on top of it.

As plain as `reference.py`. The E-model itself is held against published vectors elsewhere (tests/measure/test_emodel.py); here it
is the formula to which the true figures go.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from probe.calibrate.sent_log import SentStream
from probe.measure.audio_quality import audio_score
from probe.measure.emodel import mos_from_r
from sfu_shim.core.link.truth import LinkTruth

HISTORY = 10.0
RETARGET = 25
START_TARGET = 0.080
WINDOW = 2.0
EARLY = 0.05
"""A window may be that much shorter, for who asks once a second asks a little late, now more, now less; seconds."""
PACKET = 0.02
CODEC_DELAY = PACKET + 0.0065
"""Packetisation and Opus look-ahead, seconds (docs/metrics.md)."""
_R_SCALE = 1.48


class Heard(NamedTuple):
    """One audio packet: extended `number`, `media` time and `capture` (seconds), first `arrival` at the far end, `size` of
    the Opus payload in bytes."""

    number: int
    media: float
    capture: float
    arrival: float
    size: int


class Tick(NamedTuple):
    """A moment at which a window may end, and how many packets had been read from the socket by then: what the kernel holds
    is heard in the next one."""

    time: float
    packets: int


class _Played(NamedTuple):
    packet: Heard
    deadline: float
    wait: float
    target: float


class Mos(NamedTuple):
    """Mean opinion scores of a call, listening and conversing."""

    lq: float
    cq: float


def heard_packets(sent: SentStream, truth: LinkTruth) -> list[Heard]:
    """In order of arrival. The media time is the capture time: what was sent late is not what the network delayed."""
    by_number = {packet.number: packet for packet in sent.packets}
    found = []
    for release in truth.streams[sent.ssrc].releases:
        packet = by_number[release.number]
        if release.first and packet.capture is not None:
            found.append(Heard(packet.number, packet.capture, packet.capture, release.released, len(packet.payload)))
    return found


def _play(known: list[_Played], packet: Heard) -> None:
    """When the packet is due, by the target that holds once it is in, and how long it waits (below 0: it is late)."""
    recent = [p.packet.arrival - p.packet.media for p in known if p.packet.arrival >= packet.arrival - HISTORY]
    recent.append(packet.arrival - packet.media)
    fastest, target = min(recent), known[-1].target if known else START_TARGET
    if (len(known) + 1) % RETARGET == 0:
        quantile = sorted(recent)[max(0, math.ceil(0.97 * len(recent)) - 1)]
        target = min(0.200, max(0.020, quantile - fastest + 0.020))
    deadline = packet.media + fastest + target
    known.append(_Played(packet, deadline, deadline - packet.arrival, target))


def mos(packets: Sequence[Heard], ticks: Sequence[Tick], end: float) -> Mos | None:
    """The call's scores; None where it was too short. The first tick two seconds or more (but for `EARLY`) after a window's begin ends
    it, and `end` one that has lasted a second."""
    known: list[_Played] = []
    judged, read = -1, 0
    bitrate = one_way = seconds = lq = cq = 0.0
    for start, stop in _windows(packets[0].arrival, ticks, end):
        here, read = packets[read : stop.packets], min(stop.packets, len(packets))
        for packet in here:
            if packet.number > judged:  # else it comes after its time was judged: lost, and of no consequence
                _play(known, packet)
        bitrate = sum(p.size for p in here) * 8 / (len(here) * PACKET) if here else bitrate
        in_time = [p for p in known if p.packet.number > judged]
        due = [p.packet.number for p in in_time if p.deadline <= stop.time]
        if not due:
            continue
        first = judged + 1 if judged >= 0 else min(p.packet.number for p in in_time)
        judged = max(due)
        fine = {p.packet.number: p.wait for p in in_time if p.packet.number <= judged and p.wait >= 0}
        loss, burst = _losses([number not in fine for number in range(first, judged + 1)])
        one_way = sum(p.arrival - p.capture for p in here) / len(here) if here else one_way
        wait = sum(fine.values()) / len(fine) if fine else known[-1].target  # nothing was played: what it would be
        score = audio_score("opus", bitrate, loss, burst, one_way + CODEC_DELAY + wait)
        lq += score.r_lq * (stop.time - start)
        cq += score.r_cq * (stop.time - start)
        seconds += stop.time - start
    return Mos(mos_from_r(lq / seconds / _R_SCALE), mos_from_r(cq / seconds / _R_SCALE)) if seconds else None


def _losses(gone: Sequence[bool]) -> tuple[float, float]:
    """Loss ratio and burst ratio, the latter not below 1."""
    loss = sum(gone) / len(gone)
    runs = sum(lost and (not at or not gone[at - 1]) for at, lost in enumerate(gone))
    return loss, max(1.0, sum(gone) / runs * (1 - loss)) if runs else 1.0


def _windows(begin: float, ticks: Sequence[Tick], end: float) -> list[tuple[float, Tick]]:
    """(begin, end) of each."""
    found, start = [], begin
    for tick in ticks:
        if tick.time - start >= WINDOW - EARLY:
            found.append((start, tick))
            start = tick.time
    if end - start >= 1.0:
        found.append((start, Tick(end, 1 << 62)))
    return found
