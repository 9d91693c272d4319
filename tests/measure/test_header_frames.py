"""Frames from headers: against a plain model that looks at one packet at a time, however the records are cut."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.measure.header_frames import PATIENCE, Frames, HeaderFrames
from probe.measure.records import MARKER, RECORD, RESTARTED, Records
from probe.native.analysis import header_frames

STEP = 3000


@dataclass
class Packet:
    sequence: int
    arrival: float
    timestamp: int
    marker: bool = False
    size: int = 100
    capture: float = math.nan
    restarted: bool = False


def records(packets: list[Packet]) -> Records:
    rows = [
        (p.sequence, p.arrival, p.capture, p.timestamp, p.size, p.marker * MARKER | p.restarted * RESTARTED, 0)
        for p in packets
    ]
    return np.array(rows, RECORD)


def stream(sizes: list[int], *, first: int = 0, start: float = 0.0, interval: float = 0.04) -> list[Packet]:
    """Frames of so many packets each, a millisecond between packets."""
    packets: list[Packet] = []
    for number, size in enumerate(sizes):
        captured = start + number * interval
        packets += [
            Packet(
                first + len(packets) + place,
                captured + place * 0.001,
                number * STEP,
                place == size - 1,
                100 + place,
                captured - 0.01,
            )
            for place in range(size)
        ]
    return packets


Row = tuple[int, float, float, float, int]


def rows(frames: Frames) -> list[Row]:
    """NaN as -1, so that rows compare."""
    captures = np.nan_to_num(frames.capture, nan=-1.0)
    columns = (frames.timestamp, frames.complete, frames.first_arrival, captures, frames.size)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@dataclass
class Model:
    """The rule, plainly: all packets are kept, and after each arrival everything is judged anew."""

    came: dict[int, Packet] = field(default_factory=dict)  # not judged yet, in order of arrival
    next: int | None = None
    clock: float = -math.inf
    frame: list[Packet] = field(default_factory=list)
    ended: int | None = None  # the timestamp of the frame before
    whole: bool = True
    lost: int = 0
    out: list[Row] = field(default_factory=list)

    def add(self, packet: Packet) -> None:
        self.wait(packet.arrival)
        if packet.restarted:
            while self.came:
                self.skip(self.clock)
            self.lost += bool(self.frame)
            self.frame, self.whole, self.next, self.ended = [], True, None, None
        self.next = packet.sequence if self.next is None else self.next
        if packet.sequence >= self.next and packet.sequence not in self.came:
            self.came[packet.sequence] = packet
            self.go_on()

    def wait(self, now: float) -> None:
        while self.came and now >= next(iter(self.came.values())).arrival + PATIENCE:
            self.skip(next(iter(self.came.values())).arrival + PATIENCE)

    def skip(self, at: float) -> None:
        assert self.next is not None
        first = min(self.came)
        missing, self.next = first - self.next, first
        self.clock = max(self.clock, at)
        behind = self.came[first].timestamp
        if self.frame or behind != self.ended:
            another = bool(self.frame) and self.frame[-1].timestamp != behind
            if another:
                self.lost += 1
                self.frame = []
            self.whole = another and missing == 1
        self.go_on()

    def go_on(self) -> None:
        while self.next in self.came:
            packet = self.came.pop(self.next)
            self.next += 1
            self.clock = max(self.clock, packet.arrival)
            if not self.frame and packet.timestamp == self.ended:
                continue
            if self.frame and packet.timestamp != self.frame[-1].timestamp:
                self.close()
            self.frame.append(packet)
            if packet.marker:
                self.close()

    def close(self) -> None:
        if self.whole:
            told = [p.capture for p in self.frame if not math.isnan(p.capture)]
            first = min(p.arrival for p in self.frame)
            size = sum(p.size for p in self.frame)
            self.out.append((self.frame[-1].timestamp, self.clock, first, min(told, default=-1.0), size))
        self.lost += not self.whole
        self.ended = self.frame[-1].timestamp
        self.frame, self.whole = [], True


Maker = Callable[[], HeaderFrames]
makers = pytest.mark.parametrize("make", [HeaderFrames, header_frames])


def watch(
    packets: list[Packet], cuts: list[int] | None = None, end: float | None = None, make: Maker = HeaderFrames
) -> tuple[list[Row], int]:
    frames, found = make(), []
    edges = sorted({0, len(packets), *(cut % (len(packets) + 1) for cut in cuts or [])})
    for first, last in itertools.pairwise(edges):
        found += rows(frames.add(records(packets[first:last])))
    if end is not None:
        found += rows(frames.poll(end))
    return found, frames.lost_frames


def expect(packets: list[Packet], end: float | None = None) -> tuple[list[Row], int]:
    model = Model()
    for packet in packets:
        model.add(packet)
    if end is not None:
        model.wait(end)
    return model.out, model.lost


@makers
def test_undisturbed(make: Maker) -> None:
    found, lost = watch(stream([3, 1, 2] * 10), make=make)
    assert lost == 0
    assert len(found) == 30
    assert found[0] == (0, 0.002, 0.0, -0.01, 303)
    assert found[1] == (STEP, 0.04, 0.04, 0.03, 100)
    assert found[5] == (5 * STEP, 0.2 + 0.001, 0.2, 0.19, 201)


@makers
def test_a_sender_without_markers_ends_frames_by_the_next_timestamp(make: Maker) -> None:
    packets = stream([2] * 30)
    for packet in packets:
        packet.marker = False
    found, lost = watch(packets, make=make)
    assert [row[0] // STEP for row in found] == list(range(29)), "nothing has shown the end of the last"
    assert found[3][1:3] == (packets[8].arrival, packets[6].arrival)
    assert found[3][4] == 201
    assert lost == 0


@makers
def test_one_missing_marker_makes_no_frame_of_two(make: Maker) -> None:
    packets = stream([2] * 30)
    packets[9].marker = False
    found, lost = watch(packets, make=make)
    assert [row[0] // STEP for row in found] == list(range(30))
    assert [row[1] for row in found[3:6]] == [packets[n].arrival for n in (7, 10, 11)]
    assert lost == 0


@makers
@pytest.mark.parametrize("gone", [None, 21])
def test_padding_behind_a_frame_belongs_to_none(make: Maker, gone: int | None) -> None:
    """Probes for bandwidth repeat the timestamp; one that is lost costs no frame."""
    before, after = stream([2] * 30)[:20], stream([2] * 30, first=3)[20:]
    probes = [Packet(20 + n, before[-1].arrival + 0.001, before[-1].timestamp, size=255) for n in range(3)]
    packets = [packet for packet in before + probes + after if packet.sequence != gone]
    found, lost = watch(packets, make=make)
    assert [row[0] // STEP for row in found] == list(range(30))
    assert found[10][2] == after[0].arrival
    assert {row[4] for row in found} == {201}
    assert lost == 0


def test_nothing_and_half_a_frame() -> None:
    assert rows(HeaderFrames().add(records([]))) == []
    assert watch(stream([20])[:-1]) == ([], 0)


def test_a_repaired_frame_holds_up_those_behind_it() -> None:
    packets = stream([2] * 10)
    late = packets.pop(4)  # of the third frame
    late.arrival = 0.3
    found, lost = watch([*packets, late])
    assert lost == 0
    assert [row[1] for row in found] == [0.001, 0.041] + [0.3] * 6 + [0.321, 0.361]
    assert found[2][2] == 0.081


def test_a_hole_is_given_up_after_its_time() -> None:
    packets = stream([2] * 30)
    gone = packets.pop(5)  # the third frame's marker: the fourth frame begins beyond doubt
    found, lost = watch(packets)
    assert lost == 1
    assert [row[0] // STEP for row in found] == [n for n in range(30) if n != 2]
    waited = found[2][1]
    assert waited == packets[5].arrival + PATIENCE == pytest.approx(gone.arrival + 0.039 + PATIENCE)
    assert found[3][1] == waited


@pytest.mark.parametrize(
    ("missing", "lost"),
    [
        ([4], [2]),  # the first packet of a frame
        ([5], [2]),  # its last: of the next frame nothing is missing
        ([5, 6], [2, 3]),  # the end of one and the beginning of the next
        ([4, 5], [3]),  # a whole frame: nobody saw it, and the next may lack its beginning
        ([4, 7], [2, 3]),
    ],
)
def test_which_frames_a_hole_costs(missing: list[int], lost: list[int]) -> None:
    packets = [packet for packet in stream([2] * 30) if packet.sequence not in missing]
    found, count = watch(packets)
    assert count == len(lost)
    gone = set(range(30)) - {row[0] // STEP for row in found}
    assert gone == set(lost) | ({2} if missing == [4, 5] else set())


def test_what_waits_at_the_end_comes_by_polling() -> None:
    packets = [packet for packet in stream([2] * 4) if packet.sequence != 3]
    frames = HeaderFrames()
    assert len(rows(frames.add(records(packets)))) == 1
    assert frames.waits
    first_behind = packets[3].arrival
    assert rows(frames.poll(first_behind + PATIENCE - 0.01)) == []
    freed = rows(frames.poll(first_behind + 9.0))
    assert [row[:2] for row in freed] == [(n * STEP, first_behind + PATIENCE) for n in (2, 3)]
    assert not frames.waits


def test_a_late_packet_of_what_was_given_up_changes_nothing() -> None:
    packets = stream([2] * 30)
    late = packets.pop(4)
    late.arrival = 1.5
    assert watch([*packets, late]) == watch(packets)


def test_a_restart_begins_anew_and_waits_for_nothing() -> None:
    before = [packet for packet in stream([2] * 10) if packet.sequence != 7]
    after = stream([2] * 10, first=40_000, start=0.42)
    after[0].restarted = True
    found, lost = watch(before + after)
    assert lost == 1
    assert len(found) == 19
    assert found[-1][1] == after[-1].arrival


def test_memory_is_bounded_behind_a_hole() -> None:
    packets = [Packet(n, n * 1e-5, n, True) for n in range(20_000) if n != 1]
    frames = HeaderFrames()
    frames.add(records(packets))
    assert len(frames._waiting) <= 4096
    assert frames.lost_frames == 1


@makers
@settings(deadline=None, max_examples=200)
@given(
    st.integers(0, 1 << 30),
    st.floats(0, 0.2),
    st.floats(0, 0.3),
    st.lists(st.integers(0, 400), max_size=12),
    st.sampled_from([0.0, 0.0, 0.02]),
)
def test_equals_the_model_however_it_is_cut(
    make: Maker, seed: int, loss: float, jitter: float, cuts: list[int], restarts: float
) -> None:
    rng = random.Random(seed)
    packets = stream([rng.choice([1, 1, 2, 3, 8]) for _ in range(60)], first=rng.choice([0, -5, 65_500]))
    for packet in packets:
        packet.capture = packet.capture if rng.random() < 0.8 else math.nan
        packet.size = rng.choice([0, 80, 1090])
        packet.marker = packet.marker and rng.random() >= loss / 4
        packet.arrival += rng.uniform(0, jitter) if rng.random() < jitter else 0.0
        packet.restarted = rng.random() < restarts
        packet.arrival += rng.choice([0.0, 0.0, 0.0, 0.7]) if rng.random() < loss / 4 else 0.0  # came by retransmission
    packets = sorted((p for p in packets if rng.random() >= loss), key=lambda p: p.arrival)
    for packet in packets:  # stamps of the kernel may cross
        packet.arrival += rng.choice([0.0, 0.0, -2e-5])
    assert watch(packets, cuts, make=make) == expect(packets)
    assert watch(packets, cuts, end=5.0, make=make) == expect(packets, end=5.0)


@makers
@given(st.lists(st.tuples(st.integers(0, 25), st.floats(0, 2), st.booleans(), st.booleans()), max_size=60))
def test_any_nonsense_equals_the_model(make: Maker, raw: list[tuple[int, float, bool, bool]]) -> None:
    """Numbers that repeat, arrivals in any order."""
    packets = [Packet(n, at, n // 3, marker, restarted=restarted) for n, at, marker, restarted in raw]
    assert watch(packets, [7, 20, 33], make=make) == expect(packets)
