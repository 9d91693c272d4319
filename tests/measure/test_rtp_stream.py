"""The stream receiver against a brute-force model, and every trap of RFC 3550 appendix A."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.measure.rtp_stream import (
    MAX_DROPOUT,
    WINDOW,
    PacketFate,
    StreamReceiver,
    StreamSnapshot,
    burst_ratio,
    emodel_burst_ratio,
)
from probe.wire.rtcp import middle32


def feed(receiver: StreamReceiver, sequences: Iterable[int]) -> list[PacketFate]:
    """Packets 20 ms apart in order of the list, each stamped by its number."""
    fates = []
    for i, sequence in enumerate(sequences):
        fates.append(receiver.on_packet(sequence & 0xFFFF, sequence * 960 & 0xFFFFFFFF, i * 0.02, 100))
    return fates


def counts(receiver: StreamReceiver) -> tuple[int, int, int, int]:
    """(expected, lost by first transmission, duplicates, reordered)"""
    return receiver.expected, receiver.lost_first, receiver.duplicates, receiver.reordered


def runs_of(lost: list[bool]) -> int:
    return sum(1 for gone, _ in itertools.groupby(lost) if gone)


@pytest.mark.parametrize(
    ("sequences", "expected"),
    [
        ([], (0, 0, 0, 0)),
        ([7], (1, 0, 0, 0)),
        ([1, 2, 3], (3, 0, 0, 0)),
        ([1, 2, 5], (5, 2, 0, 0)),
        ([1, 3, 2], (3, 0, 0, 1)),
        ([1, 1, 2, 1, 2], (2, 0, 3, 0)),
        ([1, 3, 2, 2], (3, 0, 1, 1)),
        ([5, 3, 4, 6], (4, 0, 0, 2)),  # reordered at the start: the first to come was not the first
        ([5, 3, 6], (4, 1, 0, 1)),
        ([5, 3, 3, 4, 5], (3, 0, 2, 2)),
        ([65534, 65535, 65536, 65537], (4, 0, 0, 0)),
        ([65534, 65537, 65535], (4, 1, 0, 1)),
        ([65536, 65535, 65537], (3, 0, 0, 1)),  # 0, 65535, 1
        (range(65530, 65530 + 3 * 65536), (3 * 65536, 0, 0, 0)),
        ([0, MAX_DROPOUT - 1], (MAX_DROPOUT, MAX_DROPOUT - 2, 0, 0)),
        ([0, WINDOW, 1], (WINDOW + 1, WINDOW - 2, 0, 1)),
    ],
)
def test_counts(sequences: Iterable[int], expected: tuple[int, int, int, int]) -> None:
    receiver = StreamReceiver(1, 48000)
    feed(receiver, sequences)
    assert counts(receiver) == expected


def test_fates() -> None:
    assert feed(StreamReceiver(1, 48000), [65535, 65537, 65536, 65537]) == [
        PacketFate(65535, True, False, False),
        PacketFate(65537, True, False, False),
        PacketFate(65536, True, False, True),
        PacketFate(65537, False, True, False),
    ]


def test_size_counts_for_all_that_arrived() -> None:
    receiver = StreamReceiver(1, 48000)
    feed(receiver, [1, 1, 2, 40000])
    assert (receiver.packets, receiver.bytes) == (2, 400)


@pytest.mark.parametrize("restart", [40000, 10000, 65535, 20000 - WINDOW, 20099 + MAX_DROPOUT])
def test_a_restarted_stream_is_no_loss(restart: int) -> None:
    receiver = StreamReceiver(1, 48000)
    fates = feed(receiver, [*range(20000, 20100), *range(restart, restart + 100)])
    assert counts(receiver) == (200, 0, 0, 0)
    assert (receiver.restarts, receiver.strays) == (1, 0)
    assert fates[100] == PacketFate(fates[99].extended + (restart - 20099) % 65536, False, False, False)
    assert fates[101] == PacketFate(fates[100].extended + 1, True, False, False, True)
    assert [fate.extended for fate in fates] == sorted(fate.extended for fate in fates), "numbers only go up"
    assert fates[-1].extended % 65536 == (restart + 99) % 65536


def test_loss_around_a_restart_is_kept() -> None:
    receiver = StreamReceiver(1, 48000)
    feed(receiver, [1, 2, 5, 6, 30000, 30001, 30003, 30006])
    assert counts(receiver) == (6 + 7, 2 + 3, 0, 0)
    assert receiver.loss_runs == 3


def test_a_stray_packet_changes_nothing() -> None:
    receiver = StreamReceiver(1, 48000)
    feed(receiver, [1, 2, 40000, 3, 40001, 4, 50000, 50000, 5])
    assert counts(receiver) == (5, 0, 0, 0)
    assert (receiver.strays, receiver.restarts) == (4, 0)
    assert receiver.jitter_seconds < 0.02


def test_jitter_does_not_jump_at_a_restart() -> None:
    receiver = StreamReceiver(1, 90000)
    for i in range(100):
        receiver.on_packet(i, i * 3000, i / 30, 1)
    for i in range(100):  # two seconds off: no jump that could be told from a late packet
        receiver.on_packet(30000 + i, (160 + i) * 3000, (100 + i) / 30, 1)
    assert receiver.jitter_seconds < 1e-9


def test_jitter_does_not_jump_with_new_timestamps() -> None:
    receiver = StreamReceiver(1, 90000)
    for i in range(100):
        receiver.on_packet(i, i * 3000 + (2_000_000_000 if i >= 50 else 0), i / 30, 1)
    assert receiver.jitter_seconds < 1e-9


def test_jitter_is_rfc_3550_a8_in_seconds() -> None:
    """Two clocks, wrapped timestamps, reordered and duplicate packets: A.8 by hand over distinct packets."""
    rng = random.Random(5)
    base = (1 << 32) - 5 * 3000
    receiver = StreamReceiver(1, 90000)
    jitter, last = 0.0, None
    order = [0, 1, 3, 2, 2, 4, 6, 5, 5, 7, 8, 9, 10]
    seen = set()
    for position, i in enumerate(order):
        arrival = 100 + position / 30 + rng.uniform(0, 0.01)
        receiver.on_packet(65530 + i & 0xFFFF, base + i * 3000 & 0xFFFFFFFF, arrival, 1)
        if i in seen:
            continue
        seen.add(i)
        transit = arrival - i / 30
        if last is not None:
            jitter += (abs(transit - last) - jitter) / 16
        last = transit
    assert receiver.jitter_seconds == pytest.approx(jitter, rel=1e-9)
    assert receiver.report_block(0).jitter == int(receiver.jitter_seconds * 90000)


def test_padding_only_packets_count_as_packets() -> None:
    receiver = StreamReceiver(1, 90000)
    for sequence in range(4):  # a probe of padding repeats the timestamp
        receiver.on_packet(sequence, 3000, 0.0, 267)
    assert counts(receiver) == (4, 0, 0, 0)


def test_recovery() -> None:
    receiver = StreamReceiver(1, 90000)
    assert receiver.on_recovered(5) is None
    feed(receiver, [1, 2, 5])
    assert receiver.on_recovered(3) == PacketFate(3, True, False, False)
    assert receiver.on_recovered(3) == PacketFate(3, False, True, False)
    assert receiver.on_recovered(2) == PacketFate(2, False, True, False)
    assert receiver.on_recovered(6) is None, "not reached yet"
    assert receiver.on_recovered(0) is None, "before the stream"
    assert (receiver.lost_first, receiver.lost_residual, receiver.recovered, receiver.loss_runs) == (2, 1, 1, 1)
    late = receiver.on_packet(3, 0, 1.0, 1)
    assert late == PacketFate(3, False, False, True), "its content was there, but the path had not lost it"
    assert (receiver.lost_first, receiver.lost_residual, receiver.recovered) == (1, 1, 0)


def test_recovery_behind_the_window_is_too_late() -> None:
    receiver = StreamReceiver(1, 90000)
    feed(receiver, [0, *range(2, WINDOW + 1)])
    assert receiver.on_recovered(1) is not None
    feed(receiver, [WINDOW + 1, WINDOW + 3])
    assert receiver.on_recovered(1) is None


def test_a_packet_just_behind_the_window_is_a_stray() -> None:
    receiver = StreamReceiver(1, 90000)
    feed(receiver, [*range(1, 5000), 4999 - WINDOW])
    assert (receiver.strays, receiver.duplicates) == (1, 0)
    feed(receiver, [4999 - WINDOW + 1])
    assert (receiver.strays, receiver.duplicates) == (1, 1)


def test_recovered_packets_stay_lost_by_first_transmission_for_ever() -> None:
    receiver = StreamReceiver(1, 90000)
    feed(receiver, [1, 4])
    receiver.on_recovered(2)
    receiver.on_recovered(3)
    feed(receiver, range(5, 2 * WINDOW))
    assert (receiver.loss_runs, receiver.lost_first, receiver.lost_residual) == (1, 2, 0)


def test_report_block_of_an_interval() -> None:
    receiver = StreamReceiver(9, 48000)
    assert receiver.report_block(0.0).highest_sequence == 0
    feed(receiver, [65534, 65535, 65536, 65539])
    receiver.on_sender_report(3_976_000_000.5, arrival=10.0)
    block = receiver.report_block(11.5)
    assert (block.ssrc, block.fraction_lost, block.cumulative_lost) == (9, 2 / 6, 2)
    assert (block.highest_sequence, block.last_sr) == (65539, middle32(3_976_000_000.5))
    assert block.delay_since_last_sr == 1.5
    assert receiver.report_block(12.0).fraction_lost == 0.0, "nothing new: A.3"
    feed(receiver, [65540])
    assert receiver.report_block(12.0).fraction_lost == 0.0


def test_duplicates_make_the_cumulative_loss_negative() -> None:
    receiver = StreamReceiver(9, 48000)
    feed(receiver, [1, 2, 2, 2])
    block = receiver.report_block(0.0)
    assert (block.cumulative_lost, block.fraction_lost) == (-2, 0.0)
    assert block.last_sr == block.delay_since_last_sr == 0


def test_report_blocks_always_fit_their_packet() -> None:
    receiver = StreamReceiver(9, 90000)
    feed(receiver, [0, 65535])  # the highest number so far is 0, the first one -1
    receiver.jitter_seconds = 1e9
    assert len(receiver.report_block(1e6).to_bytes()) == 24


def test_snapshots_subtract() -> None:
    receiver = StreamReceiver(1, 48000)
    start = receiver.snapshot(0.0)
    assert start == StreamSnapshot(time=0.0)
    feed(receiver, range(10))
    middle = receiver.snapshot(1.0)
    assert receiver.snapshot(1.0) == middle, "reading changes nothing"
    feed(receiver, [10, 13, 15])
    window = receiver.snapshot(3.0).since(middle)
    assert (window.seconds, window.expected, window.packets, window.lost_first) == (2.0, 6, 3, 3)
    assert (window.loss_ratio, window.residual_loss_ratio, window.bitrate_bps) == (0.5, 0.5, 8 * 300 / 2)
    assert window.burst_ratio == pytest.approx(3 / 2 * 0.5)
    receiver.on_recovered(11)
    assert receiver.snapshot(3.0).since(middle).residual_loss_ratio == pytest.approx(2 / 6)
    assert middle.since(middle).bitrate_bps == 0.0
    before = receiver.snapshot(3.0)
    feed(receiver, [12])  # late: repairs the loss of the window before
    repaired = receiver.snapshot(4.0).since(before)
    assert (repaired.lost_first, repaired.loss_ratio, repaired.expected) == (-1, 0.0, 0)


@pytest.mark.parametrize(
    ("pattern", "ratio"),
    [("0000", 1.0), ("0100", 1 * 0.75), ("0110", 2 * 0.5), ("01101000", 1.5 * 5 / 8), ("0111011100", 3 * 0.4)],
)
def test_burst_ratio_of_a_pattern(pattern: str, ratio: float) -> None:
    """Quality model 1.2: (lost / runs) (1 - lost / expected)."""
    lost = [mark == "1" for mark in pattern]
    found = burst_ratio(sum(lost), runs_of(lost), len(lost))
    assert found == pytest.approx(ratio)
    assert emodel_burst_ratio(sum(lost), runs_of(lost), len(lost)) == max(1.0, found)
    receiver = StreamReceiver(1, 48000)
    feed(receiver, [i for i, gone in enumerate(lost) if not gone])
    assert receiver.snapshot(0.0).burst_ratio == pytest.approx(ratio)


def test_clock_rate_must_be_positive() -> None:
    with pytest.raises(ValueError, match="clock rate 0"):
        StreamReceiver(1, 0)


class Model:
    """What really happened, in sets: no windows, no wrapping."""

    def __init__(self, arrivals: list[int]) -> None:
        self.duplicates = self.reordered = 0
        self.seen: set[int] = set()
        highest = None
        for sequence in arrivals:
            if sequence in self.seen:
                self.duplicates += 1
                continue
            self.reordered += highest is not None and sequence < highest
            highest = sequence if highest is None else max(highest, sequence)
            self.seen.add(sequence)
        pattern = [n not in self.seen for n in range(min(self.seen), max(self.seen) + 1)]
        self.expected, self.lost, self.runs = len(pattern), sum(pattern), runs_of(pattern)


@settings(max_examples=60, deadline=None)
@given(
    start=st.integers(0, 0xFFFF) | st.integers(65000, 65535),
    count=st.integers(1, 4000),
    loss=st.sampled_from([0.0, 0.02, 0.3, 0.8]),
    stickiness=st.sampled_from([0.0, 0.5, 0.95]),
    duplication=st.sampled_from([0.0, 0.1]),
    spread=st.sampled_from([0, 3, 50, 400]),
    seed=st.integers(0, 1 << 30),
)
def test_agrees_with_the_model(
    start: int, count: int, loss: float, stickiness: float, duplication: float, spread: int, seed: int
) -> None:
    rng = random.Random(seed)
    arrivals, lost = [], False
    for sequence in range(start, start + count):
        lost = lost if rng.random() < stickiness else rng.random() < loss
        if not lost:
            arrivals += [sequence] * (1 + (rng.random() < duplication))
    arrivals = [sequence for _, sequence in sorted((n + rng.uniform(0, spread), n) for n in arrivals)]
    if not arrivals:
        return
    receiver = StreamReceiver(1, 48000)
    fates = feed(receiver, arrivals)
    model = Model(arrivals)
    assert counts(receiver) == (model.expected, model.lost, model.duplicates, model.reordered)
    assert receiver.packets == len(model.seen)
    assert receiver.loss_runs == model.runs
    assert receiver.strays == receiver.restarts == 0
    offset = fates[0].extended - arrivals[0]
    assert [fate.extended - offset for fate in fates] == arrivals
    recovered = [n for n in range(max(model.seen) - WINDOW + 1, max(model.seen)) if rng.random() < 0.5]
    news = sum(1 for n in recovered if (fate := receiver.on_recovered(n & 0xFFFF)) is not None and fate.new)
    holes = set(range(min(model.seen), max(model.seen) + 1)) - model.seen
    assert news == receiver.recovered == len(holes & set(recovered))
    assert receiver.lost_residual == model.lost - news
    assert receiver.loss_runs == model.runs, "recovery does not change what the path lost"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=300), st.integers(0, 3))
def test_no_sequence_of_packets_breaks_the_books(sequences: list[int], repeat: int) -> None:
    receiver = StreamReceiver(1, 48000)
    stretches = [number + i & 0xFFFF for number in sequences for i in range(repeat + 1)]
    fates = feed(receiver, stretches)
    new = [fate.extended for fate in fates if fate.new]
    assert len(new) == len(set(new)), "no number is new twice"
    assert receiver.packets - receiver.restarts == len(new), "only the held packet of a restart is counted unseen"
    assert receiver.packets + receiver.duplicates + receiver.strays == len(stretches)
    assert 0 <= receiver.lost_residual <= receiver.lost_first <= receiver.expected
    assert 0 <= receiver.loss_runs <= receiver.lost_first
    assert 0.0 <= receiver.report_block(0.0).fraction_lost <= 1.0
