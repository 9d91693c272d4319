"""Streams as screens, wrapping counters and servers make them: the figures are those worked out by hand, at every depth."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from probe import native
from probe.client.context import Depth
from probe.native import analysis
from tests.client.fakes import START
from tests.client.switchboard import DELAY, DELTA, KEY, REST, Lane, Packet, Switchboard

Play = Callable[..., Switchboard]


@pytest.fixture(params=["frames", "headers", "compiled"])
def play(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Play:
    """What packets amount to, at depth `frames`, and at `headers` with and without the compiled path."""
    compiled = request.param == "compiled"
    if compiled and not native.available():
        pytest.skip("there is no compiled path")
    if not compiled:
        monkeypatch.setattr(analysis, "core", None)
    depth: Depth = "frames" if request.param == "frames" else "headers"
    return lambda packets, ours=False: Switchboard(depth, ours=ours, lane=Lane() if compiled else None).play(packets)


def even(frames: int, fps: float, start: float = 0.0) -> list[float]:
    return [start + number / fps for number in range(frames)]


def video(
    captured: list[float], *, size: int = 2, ssrc: int = 1, sequence: int = 0, timestamp: int = 0, step: float = 0.001
) -> list[Packet]:
    """Frames of `size` packets each, captured at these times, the first a keyframe."""
    return [
        Packet(
            arrival=time + DELAY + place * step,
            ssrc=ssrc,
            sequence=sequence + number * size + place,
            timestamp=timestamp + round(time * 90_000),
            payload=REST if place else DELTA if number else KEY,
            marker=place == size - 1,
            capture=time,
        )
        for number, time in enumerate(captured)
        for place in range(size)
    ]


def audio(packets: int, *, ssrc: int = 2, sequence: int = 0, timestamp: int = 0, start: float = 0.0) -> list[Packet]:
    return [
        Packet(start + number * 0.02 + DELAY, ssrc, sequence + number, timestamp + number * 960, bytes(100), 111)
        for number in range(packets)
    ]


def untold(packets: list[Packet]) -> list[Packet]:
    """Without capture times."""
    return [replace(packet, capture=None) for packet in packets]


def amounts(end: Switchboard) -> list[tuple[str, dict[str, str], float]]:
    return [(sample.metric, dict(sample.tags), round(sample.value, 9)) for sample in end.bench.samples]


# counters that wrap


def disturbed(packets: list[Packet], first: int) -> list[Packet]:
    """Some late, one in fifty twice, and behind the middle, where the counters wrap, some lost."""
    rng, found = random.Random(5), []
    for packet in packets:
        place = packet.sequence - first
        if place >= 4 and place % 41 == 0:
            continue
        late = rng.choice((0.03, 0.06)) if place >= 4 and rng.random() < 0.1 else 0.0
        found += [packet.later(late)] * (1 + (place % 50 == 7))
    return found


@pytest.mark.parametrize("damaged", [False, True])
@pytest.mark.parametrize(
    ("sequence", "timestamp"),
    [(65536 - 299, 2**32 - 449_000), (65536 - 120, 2**32 - 180_000), (65536 - 300, 0), (0, 2**32 - 1)],
    ids=["both in a frame", "both at a window's edge", "numbers", "times"],
)
async def test_counters_that_wrap_change_nothing(play: Play, sequence: int, timestamp: int, damaged: bool) -> None:
    def call(number: int, time: int) -> list[Packet]:
        heard, seen = audio(500, sequence=number, timestamp=time), video(even(300, 30), sequence=number, timestamp=time)
        return disturbed(heard, number) + disturbed(seen, number) if damaged else heard + seen

    wrapped, plain = (play(call(*origin), ours=True) for origin in ((sequence, timestamp), (1000, 1000)))
    assert amounts(wrapped) == amounts(plain)
    assert wrapped.values("packet_loss_ratio", kind="video") == [pytest.approx(14 / 600 if damaged else 0, abs=1e-6)]
    assert wrapped.values("packet_loss_ratio", kind="audio") == [pytest.approx(12 / 500 if damaged else 0, abs=1e-6)]
    assert sum(wrapped.values("packets_duplicated")) == (22 if damaged else 0)


# a screen


def by_hand(shown: list[float]) -> tuple[int, float]:
    """Freezes, and the share of time that they take, by the rule of docs/metrics.md."""
    instants = [round((START + time) * 1000) for time in shown]
    intervals = [after - before for before, after in pairwise(instants)]
    freezes = []
    for place, interval in enumerate(intervals):
        last = intervals[max(0, place - 29) : place + 1]
        average = sum(last) // len(last)
        if len(last) >= 5 and interval >= max(3 * average, average + 150):
            freezes.append(interval)
    return len(freezes), sum(freezes) / sum(intervals)


async def test_a_screen_that_changes_its_rate(play: Play) -> None:
    captured = [*even(150, 30), *even(50, 5, 5.0), *even(20, 1, 15.0), *even(20, 100, 35.0), *even(61, 30, 39.0)]
    end = play(video(captured), ours=True)
    count, share = by_hand([time + DELAY + 0.001 for time in captured])
    assert count == 9, "three when 30 a second become 5, five when these become 1, and one before the last"
    assert end.values("freeze_count") == [count]
    assert end.values("freeze_ratio") == [pytest.approx(share, abs=1e-5)]
    assert end.values("frame_rate") == [pytest.approx(300 / 41, abs=1e-5)]
    rates = end.values("window_frame_rate")
    assert rates[:5] == [pytest.approx(30)] * 5
    assert rates[5:15] == [pytest.approx(5)] * 10
    assert rates[15:35] == [pytest.approx(1)] * 20
    assert sum(rates) == pytest.approx(300, abs=0.01)
    if end.bench.context.depth == "frames":
        assert end.values("one_way_delay_seconds", kind="video") == [pytest.approx(DELAY + 0.001)] * 301


@pytest.mark.parametrize("fps", [1.0, 0.2])
async def test_slow_but_steady_is_no_freeze_and_seconds_without_packets_tell_no_jitter(play: Play, fps: float) -> None:
    end = play(untold(video(even(12, fps))))
    assert end.values("frame_rate") == [pytest.approx(fps)]
    assert end.values("freeze_count") == [0.0]
    assert len(end.values("jitter_seconds")) == 11


@pytest.mark.parametrize(("late", "asked"), [(0.3, 0), (0.7, 0), (1.05, 1)])
async def test_of_a_slow_screen_the_last_packet_of_a_frame_comes_late(play: Play, late: float, asked: int) -> None:
    packets = untold(video(even(15, 1), size=3))
    packets[7 * 3 + 2] = packets[7 * 3 + 2].later(late - 0.002)
    end = play(packets)
    assert end.values("frame_rate") == [pytest.approx(1.0)]
    assert (end.values("freeze_count"), end.values("pli_count")) == ([0.0], [0.0])
    assert (end.values("nack_count"), end.values("packets_reordered")) == ([asked], [asked])
    assert end.view.timelines["video"].new == (14 if asked else 15), "what the late frame held up was there with it"


# what servers do


async def test_half_of_the_frames_dropped_is_half_of_the_rate(play: Play) -> None:
    """A temporal layer less: numbers go on, picture ids (RFC 7741) leave gaps."""
    captured = [*even(90, 30), *even(46, 15, 3.0)]
    packets = [
        replace(packet, payload=b"\x90\x80" + bytes([0x80 | place // 256, place % 256]) + packet.payload[1:])
        for packet in untold(video(captured, size=1))
        for place in [round(packet.arrival * 30)]
    ]
    end = play(packets)
    assert [round(rate, 3) for rate in end.values("window_frame_rate")] == [30.0] * 3 + [15.0] * 3
    assert (end.values("packet_loss_ratio"), end.values("freeze_count"), end.values("pli_count")) == ([0], [0], [0])


@pytest.mark.parametrize("jump", [90_000, -400_000, 123_456_789, 2**31 - 450_000, 2**31 + 1])
async def test_another_layer_with_times_of_its_own(play: Play, jump: int) -> None:
    before, after = video(even(150, 30)), video(even(151, 30, 5.0), size=5, sequence=300, timestamp=jump)
    end = play(before + after)
    assert end.values("frame_rate") == [pytest.approx(300 / 10.003, abs=1e-4)], "the last packet is 3 ms further behind"
    assert (end.values("packet_loss_ratio"), end.values("freeze_count"), end.values("pli_count")) == ([0], [0], [0])
    assert end.view.timelines["video"].new == 301


def sources() -> list[Packet]:
    """Five seconds of one source of each kind, five of another, and again the first."""
    there = untold(video(even(150, 30)) + video(even(150, 30, 5.0), ssrc=3, sequence=777, timestamp=99))
    there += untold(video(even(151, 30, 10.0), sequence=300))
    there += audio(250) + audio(250, ssrc=4, sequence=9, start=5.0)
    return there + audio(250, sequence=250, timestamp=500 * 960, start=10.0)


@pytest.mark.parametrize("ours", [True, False])
async def test_a_source_gives_way_to_another_and_comes_back(play: Play, ours: bool) -> None:
    end = play(sources(), ours=ours)
    assert end.values("frame_rate") == [pytest.approx(30.0)]
    assert end.values("freeze_count") == [0.0]
    assert end.view.timelines["audio"].new == 750
    assert end.view.timelines["video"].new == 451
    assert end.values("packet_loss_ratio") == [0.0] * 4
    assert end.values("residual_loss_ratio") == [0.0] * 4
    assert end.values("audio_mos_lq") == [pytest.approx(4.4013, abs=1e-4)] * 2
    assert len(end.values("window_audio_score")) >= 7, "six of the first source, and of the second"


async def test_who_is_asked_for_a_keyframe_is_the_source_that_came_last() -> None:
    end = Switchboard("headers")
    asked = []

    def ask(due: float) -> None:
        receiver = end.readings.receiver("you", "video")
        asked.append(receiver.ssrc if receiver is not None else None)

    for time in (0.01, 4.0, 6.0, 12.0):
        end.bench.wheel.at(START + time, ask)
    end.play(sources())
    assert asked == [None, 1, 3, 1]


async def test_repairs_of_each_source_come_by_a_stream_of_their_own(play: Play) -> None:
    packets: list[Packet] = []
    for media, repairs, start in ((1, 11, 0.0), (3, 13, 5.0)):
        for packet in untold(video(even(150, 30, start), ssrc=media, sequence=100)):
            if packet.sequence % 40 == 30:
                body = struct.pack("!H", packet.sequence) + packet.payload
                packets.append(replace(packet.later(0.06), ssrc=repairs, payload=body, payload_type=97))
            else:
                packets.append(packet)
    end = play(packets)
    assert end.values("packet_loss_ratio") == [pytest.approx(8 / 300, abs=1e-6)] * 2
    assert end.values("residual_loss_ratio") == [0.0, 0.0]
    assert end.values("nack_count") == [8, 8]
    assert end.values("pli_count") == [0, 0]
    assert end.values("frame_rate") == [pytest.approx(30.0)]


def padding(ssrc: int, payload_type: int) -> list[Packet]:
    return [Packet(2.0 + at * 0.001, ssrc, at, 0, b"", payload_type, padding=200) for at in range(20)]


@pytest.mark.parametrize("payload_type", [96, 97, 49], ids=["media", "repairs", "unknown"])
async def test_probing_by_another_source_is_no_media(play: Play, payload_type: int) -> None:
    end = play(untold(video(even(151, 30))) + padding(31, payload_type))
    assert end.values("frame_rate") == [pytest.approx(30.0)]
    assert end.values("freeze_count") == [0.0]
    assert end.values("packet_loss_ratio")[0] == 0.0
    assert end.view.timelines["video"].new == 151


# frames


async def test_frames_of_one_timestamp_are_one_frame(play: Play) -> None:
    packets = [replace(packet, timestamp=packet.sequence // 4 * 6000) for packet in untold(video(even(150, 30)))]
    end = play(packets)
    assert end.values("frame_rate") == [pytest.approx(15.0)]
    assert end.values("packet_loss_ratio") == [0.0]


@pytest.mark.parametrize(("late", "new"), [(0.0, 150), (0.3, 141)])
async def test_a_frame_of_60_packets_whose_last_is_late(play: Play, late: float, new: int) -> None:
    packets = untold(video(even(150, 30), size=60, step=0.0002))
    packets[75 * 60 + 59] = packets[75 * 60 + 59].later(late)
    end = play(packets)
    assert end.values("frame_rate") == [pytest.approx(30.0)]
    assert end.view.timelines["video"].new == new, "nine that waited behind it came at one moment"
    assert end.values("freeze_count") == [float(late > 0)]
    assert end.values("freeze_ratio") == [pytest.approx((1 / 30 + 0.3) / (149 / 30) if late else 0, abs=1e-3)]
    assert (end.values("packets_reordered"), end.values("pli_count")) == ([float(late > 0)], [0])


async def test_frames_that_come_twice_count_once(play: Play) -> None:
    once = untold(video(even(150, 30)))
    end = play(once + [packet.later(0.005) for packet in once])
    assert end.values("frame_rate") == [pytest.approx(30.0)]
    assert end.values("packets_duplicated") == [300]
    assert end.values("packet_loss_ratio") == [0.0]
