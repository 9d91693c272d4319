"""The virtual playout buffer, by hand (quality model 1.6)."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.measure.playout import (
    HISTORY,
    MAX_TARGET,
    MIN_TARGET,
    START_TARGET,
    STEADY,
    PlayoutBuffer,
    PlayoutWindow,
)
from probe.native.analysis import playout_buffer

PTIME = 0.02


def play(buffer: PlayoutBuffer, delays: dict[int, float], network: float = 0.05) -> None:
    """Packets by number, each with its extra delay over `network`, in order of arrival."""
    for arrival, sequence in sorted(
        (sequence * PTIME + network + extra, sequence) for sequence, extra in delays.items()
    ):
        buffer.on_packet(sequence, sequence * PTIME, arrival)


def test_a_perfect_path_waits_the_least() -> None:
    buffer = PlayoutBuffer()
    play(buffer, dict.fromkeys(range(100), 0.0))
    assert buffer.target_seconds == pytest.approx(MIN_TARGET)
    window = buffer.window(1000.0)
    assert (window.expected, window.lost, window.late, window.burst_ratio) == (100, 0, 0, 1.0)
    assert window.loss_ratio == 0.0
    # 24 packets waited for the start's target, then 76 for the least
    assert window.delay_seconds == pytest.approx((24 * START_TARGET + 76 * MIN_TARGET) / 100)
    play(buffer, dict.fromkeys(range(100, 200), 0.0))
    assert buffer.window(1000.0).delay_seconds == pytest.approx(MIN_TARGET)


def test_lost_and_late_are_told_apart_and_both_count_for_the_burst() -> None:
    buffer = PlayoutBuffer()
    play(buffer, {n: (0.3 if n == 52 else 0.0) for n in range(100) if n not in (50, 51, 70)})
    window = buffer.window(1000.0)
    assert (window.expected, window.lost, window.late, window.loss_runs) == (100, 3, 1, 2)
    assert window.loss_ratio == 0.04
    assert window.burst_ratio == window.burst_ratio_observed == pytest.approx(4 / 2 * 0.96)


def test_even_losses_are_below_one_only_as_observed() -> None:
    buffer = PlayoutBuffer()
    play(buffer, {n: 0.0 for n in range(101) if n % 4 != 2})
    window = buffer.window(1000.0)
    assert window.burst_ratio == 1.0
    assert window.burst_ratio_observed == pytest.approx(1 - 25 / 101)


def test_the_target_follows_the_97th_percentile() -> None:
    """100 extra delays 0 … 99 ms twice over: the 97 % rank of 200 is 96 ms, plus 20."""
    buffer = PlayoutBuffer()
    for sequence in range(200):
        buffer.on_packet(sequence, sequence * PTIME, sequence * PTIME + 0.05 + (sequence * 37 % 100) / 1000)
    assert buffer.target_seconds == pytest.approx(0.096 + 0.020)


def test_the_target_is_bounded() -> None:
    buffer = PlayoutBuffer()
    play(buffer, {n: (1.0 if n % 2 else 0.0) for n in range(200)})
    assert buffer.target_seconds == MAX_TARGET
    assert buffer.window(1000.0).late == 100


def test_late_is_beyond_the_target_not_at_it() -> None:
    for extra, late in ((MIN_TARGET - 1e-6, 0), (MIN_TARGET + 1e-6, 1)):
        buffer = PlayoutBuffer()
        play(buffer, {n: (extra if n == 60 else 0.0) for n in range(62)})
        assert buffer.window(1000.0).late == late


def test_only_what_is_due_is_judged() -> None:
    buffer = PlayoutBuffer()
    play(buffer, {n: 0.0 for n in range(100) if n != 10})
    assert buffer.window(0.0).expected == 0
    first = buffer.window(20 * PTIME + 0.05 + START_TARGET)
    assert (first.expected, first.lost) == (21, 1)
    assert buffer.window(20 * PTIME + 0.05 + START_TARGET).expected == 0
    rest = buffer.window(1000.0)
    assert (rest.expected, rest.lost) == (79, 0)


def test_losses_between_windows_are_counted_once() -> None:
    buffer = PlayoutBuffer()
    play(buffer, dict.fromkeys(range(50), 0.0))
    assert buffer.window(100.0).expected == 50
    play(buffer, dict.fromkeys(range(53, 60), 0.0))
    window = buffer.window(100.0)
    assert (window.expected, window.lost, window.loss_runs) == (10, 3, 1)
    buffer.on_packet(51, 51 * PTIME, 50.0)
    assert buffer.window(100.0).expected == 0, "judged is judged"


def test_after_the_last_packet_nothing_is_expected() -> None:
    assert PlayoutBuffer().window(5.0) == PlayoutWindow(0, 0, 0, 0, 1.0, START_TARGET, START_TARGET)


def test_duplicates_change_nothing() -> None:
    once, twice = PlayoutBuffer(), PlayoutBuffer()
    play(once, dict.fromkeys(range(60), 0.0))
    for n in range(60):
        twice.on_packet(n, n * PTIME, n * PTIME + 0.05)
        twice.on_packet(n, n * PTIME, n * PTIME + 0.5)
    assert once.window(100.0) == twice.window(100.0)


def test_the_base_is_forgotten_after_ten_seconds() -> None:
    """A path that becomes 100 ms longer: late at first, then the new fastest packet counts."""
    buffer = PlayoutBuffer()
    play(buffer, dict.fromkeys(range(100), 0.0))
    buffer.window(1000.0)
    play(buffer, dict.fromkeys(range(100, 110), 0.1))
    assert buffer.window(1000.0).late == 10
    play(buffer, dict.fromkeys(range(110, 800), 0.1))
    buffer.window(1000.0)
    play(buffer, dict.fromkeys(range(800, 900), 0.1))
    after = buffer.window(1000.0)
    assert after.late == 0
    assert after.target_seconds == pytest.approx(MIN_TARGET)


def test_a_new_media_clock_is_no_lateness() -> None:
    buffer = PlayoutBuffer()
    play(buffer, dict.fromkeys(range(100), 0.0))
    for n in range(100, 200):
        buffer.on_packet(n, n * PTIME - 5000.0, n * PTIME + 0.05)
    window = buffer.window(1000.0)
    assert (window.expected, window.lost, window.late, buffer.resyncs) == (200, 0, 0, 1)


def test_reset_begins_anew() -> None:
    buffer = PlayoutBuffer()
    play(buffer, dict.fromkeys(range(100), 0.0))
    buffer.reset()
    assert buffer.target_seconds == START_TARGET
    play(buffer, dict.fromkeys(range(50_000, 50_010), 0.0))
    window = buffer.window(5000.0)
    assert (window.expected, window.lost) == (10, 0)


def test_memory_is_bounded_even_if_nobody_asks() -> None:
    buffer = PlayoutBuffer()
    play(buffer, dict.fromkeys(range(5000), 0.0))
    window = buffer.window(1e6)
    assert (window.expected, window.lost) == (4096, 0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 30), st.floats(0, 0.5), st.floats(0, 0.3))
def test_windows_add_up_to_the_truth(seed: int, loss: float, jitter: float) -> None:
    rng = random.Random(seed)
    delays = {n: rng.uniform(0, jitter) for n in range(600) if rng.random() >= loss}
    buffer, windows = PlayoutBuffer(), []
    for arrival, n in sorted((n * PTIME + extra, n) for n, extra in delays.items()):
        buffer.on_packet(n, n * PTIME, arrival)
        if n % 97 == 0:
            windows.append(buffer.window(arrival))
    windows.append(buffer.window(1e6))
    expected = sum(window.expected for window in windows)
    heard = expected - sum(window.lost + window.late for window in windows)
    assert expected == (max(delays) - min(delays) + 1 if delays else 0)
    assert 0 <= heard <= len(delays)
    for window in windows:
        assert 0.0 <= window.loss_ratio <= 1.0
        assert window.burst_ratio >= 1.0
        assert 0.0 <= window.delay_seconds <= MAX_TARGET
        assert window.loss_runs <= window.lost + window.late


def stepped(buffer: PlayoutBuffer, step: float, count: int = 100) -> PlayoutWindow:
    """Two seconds; then the sender's clock is `step` further."""
    for n in range(100 + count):
        media = n * PTIME + (step if n >= 100 else 0.0)
        buffer.on_packet(n, media, n * PTIME + 0.05)
    return buffer.window(1000.0)


@pytest.mark.parametrize("step", [-4.0, -0.25, 0.25, 4.0, -6.0, 6.0])
def test_a_strangers_clock_that_steps_is_no_lateness(step: float) -> None:
    """Muted while its clock stood, or another source at the server: the delay is soon what it was before."""
    window = stepped(PlayoutBuffer(foreign=True), step)
    assert (window.expected, window.lost, window.late) == (200, 0, 0)
    assert window.target_seconds == pytest.approx(MIN_TARGET)
    if -5.0 < step < 0.0:
        assert stepped(PlayoutBuffer(), step).late == 100, "our own clocks do not step: that is the network"


def test_few_packets_show_no_step() -> None:
    assert stepped(PlayoutBuffer(foreign=True), -1.0, STEADY - 1).late == STEADY - 1
    assert stepped(PlayoutBuffer(foreign=True), -1.0, STEADY).late == 0


def test_a_stall_of_a_stranger_is_no_step() -> None:
    """Nothing for a second, then all that was held up at once: late is what no target bridges."""
    buffer = PlayoutBuffer(foreign=True)
    for n in range(200):
        buffer.on_packet(n, n * PTIME, max(n * PTIME, 3.0 if n >= 100 else 0.0) + 0.05)
    window = buffer.window(1000.0)
    assert (window.expected, window.lost, buffer.resyncs) == (200, 0, 0)
    assert 40 <= window.late <= 50


# many at once


def state(buffer: PlayoutBuffer) -> dict[str, object]:
    """All that it knows. How much of the past it still keeps beyond the last 10 s is its own affair."""
    found = {name: value.tolist() if hasattr(value, "tolist") else value for name, value in vars(buffer).items()}
    times = found.pop("_times")
    kept = sum(time >= times[-1] - HISTORY for time in times) if times else 0
    found["_transits"] = found["_transits"][len(times) - kept :]
    return found | {"times": times[len(times) - kept :]}


Maker = Callable[[], PlayoutBuffer]
makers = pytest.mark.parametrize("make", [PlayoutBuffer, playout_buffer])


def twins(
    make: Callable[..., PlayoutBuffer],
    packets: list[tuple[int, float, float]],
    cuts: list[int],
    windows: set[int],
    *,
    foreign: bool = False,
) -> tuple[PlayoutBuffer, PlayoutBuffer]:
    """The same packets one by one and in bulk, with a window after some of the cuts."""
    one, many = PlayoutBuffer(foreign=foreign), make(foreign=foreign)
    edges = sorted({0, len(packets), *(cut % (len(packets) + 1) for cut in cuts)})
    for turn, (first, last) in enumerate(itertools.pairwise(edges)):
        for packet in packets[first:last]:
            one.on_packet(*packet)
        numbers, media, arrivals = zip(*packets[first:last], strict=True)
        many.on_packets(np.array(numbers, np.int64), np.array(media), np.array(arrivals))
        assert state(many) == state(one)
        if turn in windows:
            now = packets[last - 1][2]
            assert many.window(now) == one.window(now)
    return one, many


@makers
@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 1 << 30),
    st.sampled_from([0.0, 0.0, 0.02, 0.3]),
    st.sampled_from([0.0, 0.001, 0.03, 0.4]),
    st.lists(st.integers(0, 1500), max_size=30),
    st.sets(st.integers(0, 30)),
    st.sampled_from([0.0, 0.001, 0.02]),
    st.booleans(),
)
def test_in_bulk_is_the_same(
    make: Maker, seed: int, loss: float, jitter: float, cuts: list[int], windows: set[int], odd: float, foreign: bool
) -> None:
    """Loss, reordering, duplicates, new clocks, stalls; over the forgetting of the base."""
    rng = random.Random(seed)
    packets, clock, delay = [], 0.0, 0.05
    for n in range(1500):
        clock -= rng.choice([0.0, 3.0, 100.0, -8.0]) if rng.random() < odd / 10 else 0.0
        delay += rng.choice([0.2, -0.01]) if rng.random() < odd else 0.0
        extra = rng.choice([0.0, rng.uniform(0, jitter)])
        packets += [(n, n * PTIME + clock, n * PTIME + delay + extra)] * (1 + (rng.random() < odd))
    in_order = jitter < PTIME or rng.random() < 0.5
    arrived = [packet for packet in packets if rng.random() >= loss]
    twins(make, sorted(arrived, key=lambda packet: packet[2]) if in_order else arrived, cuts, windows, foreign=foreign)


@makers
def test_in_bulk_memory_is_bounded_too(make: Maker) -> None:
    packets = [(n, n * PTIME, n * PTIME + 0.05) for n in range(5000)]
    one, many = twins(make, packets, list(range(0, 5000, 50)), set())
    assert many.window(1e6) == one.window(1e6)


@makers
def test_equal_delays_keep_the_base(make: Maker) -> None:
    """Exactly equal transit times, in binary fractions: the last of them is remembered longest."""
    packets = [(n, n / 64, n / 64 + (0.25 if n < 100 or n % 50 == 0 else 0.5)) for n in range(2000)]
    one, _ = twins(make, packets, list(range(0, 2000, 64)), {3, 9, 20})
    assert math.isclose(one._base, 0.25)
