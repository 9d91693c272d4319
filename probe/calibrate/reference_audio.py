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


class _Played(NamedTuple):
    packet: Heard
    deadline: float
    wait: float


class Mos(NamedTuple):
    """Mean opinion scores of a call, listening and conversing."""

    lq: float
    cq: float


def heard_packets(sent: SentStream, truth: LinkTruth) -> list[Heard]:
    """In order of arrival."""
    by_number = {packet.number: packet for packet in sent.packets}
    origin = sent.packets[0].timestamp
    found = []
    for release in truth.streams[sent.ssrc].releases:
        packet = by_number[release.number]
        if release.first and packet.capture is not None:
            media = ((packet.timestamp - origin) & 0xFFFFFFFF) / sent.clock_rate
            found.append(Heard(packet.number, media, packet.capture, release.released, len(packet.payload)))
    return found


def _played(packets: Sequence[Heard]) -> list[_Played]:
    """When each packet was due, by the target that held when it came, and how long it waited (below 0: it was late)."""
    found, target = [], 0.080
    for position, packet in enumerate(packets):
        recent = [p.arrival - p.media for p in packets[: position + 1] if p.arrival >= packet.arrival - HISTORY]
        fastest = min(recent)
        if (position + 1) % RETARGET == 0:
            quantile = sorted(recent)[max(0, math.ceil(0.97 * len(recent)) - 1)]
            target = min(0.200, max(0.020, quantile - fastest + 0.020))
        deadline = packet.media + fastest + target
        found.append(_Played(packet, deadline, deadline - packet.arrival))
    return found


def mos(packets: Sequence[Heard], ticks: Sequence[float], end: float) -> Mos | None:
    """The call's scores; None where it was too short. `ticks`: when windows may end, seconds: the first one 2 s or more after
    a window's begin ends it, and at `end` one that has lasted a second."""
    windows = _windows(packets[0].arrival, ticks, end)
    played = _played(packets)
    judged: int | None = None
    bitrate = seconds = lq = cq = 0.0
    for start, stop in windows:
        here = [p for p in packets if p.arrival <= stop and (p.arrival > start or start == windows[0][0])]
        bitrate = sum(p.size for p in here) * 8 / (len(here) * PACKET) if here else bitrate
        in_time = [p for p in played if p.packet.arrival <= stop and (judged is None or p.packet.number > judged)]
        due = [p.packet.number for p in in_time if p.deadline <= stop]
        if not due:
            continue
        first = judged + 1 if judged is not None else min(p.packet.number for p in in_time)
        judged = max(due)
        fine = {p.packet.number: p.wait for p in in_time if p.packet.number <= judged and p.wait >= 0}
        gone = [number not in fine for number in range(first, judged + 1)]
        loss = sum(gone) / len(gone)
        runs = sum(lost and (not at or not gone[at - 1]) for at, lost in enumerate(gone))
        burst = max(1.0, sum(gone) / runs * (1 - loss)) if runs else 1.0
        one_way = sum(p.arrival - p.capture for p in here) / len(here) if here else 0.0
        wait = sum(fine.values()) / len(fine) if fine else 0.0
        score = audio_score("opus", bitrate, loss, burst, one_way + CODEC_DELAY + wait)
        lq += score.r_lq * (stop - start)
        cq += score.r_cq * (stop - start)
        seconds += stop - start
    return Mos(mos_from_r(lq / seconds / _R_SCALE), mos_from_r(cq / seconds / _R_SCALE)) if seconds else None


def _windows(begin: float, ticks: Sequence[float], end: float) -> list[tuple[float, float]]:
    found, start = [], begin
    for tick in ticks:
        if tick - start >= 2.0:
            found.append((start, tick))
            start = tick
    if end - start >= 1.0:
        found.append((start, end))
    return found
