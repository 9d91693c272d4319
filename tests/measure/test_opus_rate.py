"""The bitrate of speech, from headers: silence, other packet lengths and loss do not change it."""

from __future__ import annotations

import numpy as np
import pytest

from probe.measure.opus_rate import OpusRate

Packet = tuple[int, int, int]


def speech(first: int, count: int, *, start: int, size: int = 120, ticks: int = 960) -> list[Packet]:
    return [(first + n, start + n * ticks, size) for n in range(count)]


def rate(packets: list[Packet], cut: int = 0) -> OpusRate:
    found = OpusRate()
    for part in (packets[:cut], packets[cut:]):
        sequences, timestamps, sizes = zip(*part, strict=True) if part else ((),) * 3
        found.on_packets(np.array(sequences, np.int64), np.array(timestamps, np.int64), np.array(sizes, np.uint32))
    return found


@pytest.mark.parametrize("cut", [0, 1, 150, 151, 152, 170])
@pytest.mark.parametrize(
    "silence",
    [
        [(150 + n, 144_000 + n * 960, 1 + n % 3) for n in range(100)],  # comfort noise in every packet
        [(150 + n, 144_000 + 19_200 * (n + 1), 40) for n in range(15)],  # DTX: the background, once in 400 ms
        [],
    ],
)
def test_silence_is_no_worse_speech(silence: list[Packet], cut: int) -> None:
    before = speech(0, 150, start=0)
    first, start = (silence or before)[-1][:2]
    after = speech(first + 1, 150, start=start + 960)
    found = rate(before + silence + after, cut)
    assert found.take() == pytest.approx(48_000)
    assert found.take() == 0.0


@pytest.mark.parametrize(("ticks", "seconds"), [(120, 0.0025), (480, 0.01), (960, 0.02), (2880, 0.06), (5760, 0.12)])
def test_the_packet_s_length_is_that_between_neighbours(ticks: int, seconds: float) -> None:
    lossy = [packet for packet in speech(65_530, 50, start=2**32 - 9, ticks=ticks) if packet[0] % 7]
    found = rate(lossy)
    assert found.take() == pytest.approx(120 * 8 / seconds)
    assert found.packet_seconds == seconds


def test_a_clock_that_stands_or_jumps_says_nothing_of_the_length() -> None:
    assert rate(speech(0, 50, start=0, ticks=0)).take() == pytest.approx(48_000)
    assert rate(speech(0, 2, start=0) + speech(2, 2, start=961) + speech(4, 9, start=-(2**31))).take() == pytest.approx(
        48_000
    )


def test_nobody_talked() -> None:
    found = rate([(n, n * 960, 3) for n in range(50)])
    assert found.take() == 0.0
    assert found.packet_seconds == 0.02
