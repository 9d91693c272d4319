"""The reference against the probe's own readers, in simulated time: two ways to the same figures."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.calibrate.reference import (
    Arrived,
    Shown,
    first_arrivals,
    frame_rate,
    frames_lost,
    freezes,
    longest_gap,
    never_arrived,
    shown_frames,
)
from probe.calibrate.sent_log import SentFrame, SentPacket, SentStream
from probe.measure.assembly import FrameAssembler, MediaPacket
from probe.measure.freeze import FreezeDetector
from probe.measure.rtp_stream import StreamReceiver
from probe.wire.payload import format_for
from sfu_shim.core.link.impairment import Impairment, Jitter, RandomLoss, Reorder
from sfu_shim.core.link.link import Link
from tests.sfu_shim.core.link.simulate import carry, stream

TICK = 1 / 1024
"""Times on this grid are exact in floating point, and so are the deadlines half a second later."""
STEP = 3000
BEGIN, DELTA = b"\x10\x00", b"\x10\x01"
"""VP8 payload descriptors with S set: the first byte of a key frame has bit 0 clear (RFC 7741 section 4.3)."""
REST = b"\x00\x01"


def camera(sizes: list[int], keyframes: set[int]) -> list[SentFrame]:
    """Frames of so many packets each, numbered from 100 on."""
    found, number = [], 100
    for position, size in enumerate(sizes):
        found.append(SentFrame(position * STEP, number, number + size - 1, position in keyframes, position / 30, b""))
        number += size
    return found


def packet(frame: SentFrame, number: int, time: float) -> MediaPacket:
    head = (BEGIN if frame.keyframe else DELTA) if number == frame.first else REST
    return MediaPacket(number, frame.timestamp, number == frame.last, head, time)


def assembled(frames: list[SentFrame], arrivals: list[Arrived], end: float, poll_every: int) -> list[Shown]:
    """What the probe's assembler shows, polled at every `poll_every`-th tick."""
    assembler, found = FrameAssembler(format_for("VP8")), []
    by_number = {number: frame for frame in frames for number in range(frame.first, frame.last + 1)}
    position_of = {frame.timestamp: position for position, frame in enumerate(frames)}
    waiting = list(arrivals)
    for tick in range(round(end / TICK) + 301):
        out = assembler.poll(tick * TICK) if tick % poll_every == 0 else []
        while waiting and waiting[0].time == tick * TICK:
            time, number = waiting.pop(0)
            out += assembler.add(packet(by_number[number], number, time), time)
        found += [Shown(position_of[frame.timestamp], frame.complete) for frame in out if frame.decodable]
    return found


@st.composite
def calls(draw: st.DrawFn) -> tuple[list[SentFrame], list[Arrived]]:
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=25))
    frames = camera(sizes, {0} | draw(st.sets(st.integers(1, 24), max_size=3)))
    arrivals = []
    for position, frame in enumerate(frames):
        for number in range(frame.first, frame.last + 1):
            late = draw(st.sampled_from([0, 0, 0, 0, 0, 0, 1, 7, 100, 400, 700, None]))
            if late is not None:
                arrivals.append(Arrived((position * 34 + late) * TICK, number))
    return frames, sorted(arrivals)


@settings(max_examples=300, deadline=None)
@given(calls(), st.sampled_from([1, 20, 300]))
def test_reference_and_assembler_show_the_same_frames_at_the_same_times_however_seldom_it_is_polled(
    call: tuple[list[SentFrame], list[Arrived]], poll_every: int
) -> None:
    frames, arrivals = call
    assert shown_frames(frames, arrivals, 3.0) == assembled(frames, arrivals, 3.0, poll_every)


def test_a_frame_behind_a_hole_waits_for_the_repair() -> None:
    frames = camera([1, 2, 1], {0})
    arrivals = [Arrived(0.0, 100), Arrived(0.1, 101), Arrived(0.2, 103), Arrived(0.3, 102)]
    assert shown_frames(frames, arrivals, 9.0) == [Shown(0, 0.0), Shown(1, 0.3), Shown(2, 0.3)]


def test_what_is_not_repaired_in_time_ends_at_the_next_keyframe() -> None:
    frames = camera([1, 1, 1, 1], {0, 3})
    arrivals = [Arrived(0.0, 100), Arrived(0.1, 102), Arrived(0.2, 103), Arrived(0.3, 101)]
    assert shown_frames(frames, arrivals, 9.0) == [Shown(0, 0.0), Shown(3, 0.2)]
    assert frames_lost([Shown(0, 0.0), Shown(3, 0.2)]) == 2


def test_patience_ends_after_half_a_second() -> None:
    frames = camera([1, 1, 1], {0, 2})
    late = [Arrived(0.0, 100), Arrived(0.1, 102)]
    assert shown_frames(camera([1, 1, 1], {0}), late, 9.0) == [Shown(0, 0.0)]
    assert shown_frames(frames, late, 9.0) == [Shown(0, 0.0), Shown(2, 0.1)]
    assert shown_frames(camera([1, 1, 1], {0}), [*late, Arrived(0.59, 101)], 9.0)[1:] == [
        Shown(1, 0.59),
        Shown(2, 0.59),
    ]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 500), min_size=1, max_size=80), st.integers(0, 2000))
def test_freezes_are_those_of_the_probe(intervals: list[int], open_end: int) -> None:
    times = [sum(intervals[:n]) / 1000 for n in range(len(intervals) + 1)]
    end = times[-1] + open_end / 1000
    detector = FreezeDetector()
    for time in times:
        detector.on_frame(time)
    count, seconds = detector.count, detector.total_seconds
    if (still := detector.open_freeze(end)) > 0:
        count, seconds = count + 1, seconds + still
    found = freezes(times, end)
    assert abs(found.freezes - count) <= found.undecided
    if not found.undecided:
        assert seconds == pytest.approx(found.seconds, abs=1e-9)


def test_rate_and_gap() -> None:
    assert frame_rate([0.0, 0.1, 0.2, 0.4]) == pytest.approx(7.5)
    assert longest_gap([0.0, 1.0, 1.5, 4.0], 1.2, 1.4) == 0.5
    assert longest_gap([4.0, 1.0, 1.5], 1.2, 2.0) == 2.5
    assert longest_gap([], 0.0, 1.0) == 0.0


# packets: a link's truth against the receiver


@st.composite
def impairments(draw: st.DrawFn) -> Impairment:
    jitter = draw(st.sampled_from([None, Jitter("uniform", 0.02, keep_order=False), Jitter("pareto", 0.01)]))
    return Impairment(
        delay=0.05,
        jitter=jitter,
        loss=RandomLoss(draw(st.sampled_from([0.0, 0.02, 0.3]))),
        duplicate=draw(st.sampled_from([0.0, 0.1])),
        reorder=draw(st.sampled_from([None, Reorder(0.1, 0.05)])),
    )


@settings(max_examples=60, deadline=None)
@given(impairments(), st.integers(0, 1000))
def test_a_link_knows_what_the_receiver_behind_it_reads(impairment: Impairment, seed: int) -> None:
    link = Link(impairment, Random(seed))
    receiver = StreamReceiver(7, 90_000)
    for copy in carry(link, stream(400)):
        receiver.on_packet(copy.packet.sequence, copy.packet.timestamp, copy.release, copy.packet.size)
    truth = link.truth.streams[7]
    seen, read = truth.observed(), receiver.snapshot(9.0)
    assert (seen.packets, seen.lost, seen.duplicates) == (read.packets, read.lost_first, read.duplicates)
    assert seen.reordered == read.reordered
    assert seen.burst_ratio == pytest.approx(read.burst_ratio)
    assert truth.jitter_seconds(90_000) == pytest.approx(read.jitter_seconds)


def test_retransmissions_bring_content_too() -> None:
    """Packets 0, 3, 6 … are lost; the one retransmission brings number 6."""
    link = Link(Impairment(), Random(1))
    media = [item for n, item in enumerate(stream(12, ssrc=7)) if n % 3 or n == 0]
    carry(link, media)
    carry(link, [(0.5, stream(1, ssrc=8)[0][1])])
    sent = SentStream("video", "VP8", 90_000, 7, 8, None, float)
    sent.packets = [SentPacket(n, n * 900, True, b"", 100, None) for n in range(12)]
    sent.repairs = {0: 6}
    arrivals = first_arrivals(sent, link.truth)
    assert arrivals[-1] == Arrived(0.5, 6)
    assert all(a <= b for a, b in pairwise(arrivals))
    assert never_arrived(sent, link.truth) == 2  # 3 and 9
