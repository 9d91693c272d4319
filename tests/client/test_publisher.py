"""One camera and one microphone in simulated time, and what goes which way."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise

import pytest

from probe.client.publisher import Publisher
from probe.measure.savings import SavingsLedger
from probe.rtc.beat import on_the_beat
from probe.rtc.sender import TrackSender
from probe.rtc.transceiver import SenderInfo, Transceiver
from probe.wire.rtp import parse_header
from probe.wire.sdp import OUR_AUDIO, OUR_VIDEO
from tests.client.fakes import START, FakeClock, FakeWheel


@dataclass
class Frame:
    data: bytes
    keyframe: bool
    index: int


class Camera:
    """A keyframe every 30 frames, and when asked; a loop of 60."""

    def __init__(self) -> None:
        self.tick = 0
        self.asked = 0
        self._wanted = False

    def next(self) -> Frame:
        frame = Frame(b"v" * 100, self.tick % 30 == 0 or self._wanted, self.tick % 60)
        self.tick, self._wanted = self.tick + 1, False
        return frame

    def request_keyframe(self) -> None:
        self.asked += 1
        self._wanted = True


class Microphone:
    def next(self) -> bytes:
        return b"a" * 50


class Bench:
    def __init__(self, *, video: bool = True, audio: bool = True, phase: float = 0.0) -> None:
        self.clock = FakeClock()
        self.wheel = FakeWheel(self.clock)
        self.camera = Camera()
        self.receivers = 1
        self.publisher = Publisher(
            self.clock, self.wheel, video=self.camera if video else None, fps=30.0,
            audio=Microphone() if audio else None, phase=phase, receivers=lambda: self.receivers,
        )  # fmt: skip
        self.sent: dict[TrackSender, list[tuple[float, bytes]]] = {}

    def attach(self, kind: str, via: str = "p2p") -> TrackSender:
        codecs = list(OUR_AUDIO if kind == "audio" else OUR_VIDEO)
        number = len(self.sent) * 2 + 1
        transceiver = Transceiver(
            kind, "sendonly", SenderInfo(number, number + 1, "c", ("s", "t")), mid="0", codecs=codecs
        )
        found: list[tuple[float, bytes]] = []

        def keep(packet: bytes) -> None:
            found.append((self.clock.now(), packet))

        sender = TrackSender(transceiver, self.clock, keep, self.publisher.request_keyframe, random.Random(number))
        self.sent[sender] = found
        self.publisher.attach(sender, via)  # type: ignore[arg-type]
        return sender


@pytest.mark.parametrize(
    ("video", "audio", "kinds"),
    [(True, True, ("audio", "video")), (True, False, ("video",)), (False, True, ("audio",))],
)
def test_kinds(video: bool, audio: bool, kinds: tuple[str, ...]) -> None:
    assert Bench(video=video, audio=audio).publisher.kinds == kinds


def test_the_rhythm_is_that_of_the_media() -> None:
    bench = Bench(phase=0.5)
    video, audio = bench.attach("video"), bench.attach("audio")
    bench.wheel.run_until(START + 2.0)
    for sent, interval, count in ((video, 1 / 30, 60), (audio, 0.02, 100)):
        first = on_the_beat(START + 0.5 * interval)
        assert START + 0.5 * interval <= first < START + interval
        times = [time for time, _ in bench.sent[sent]]
        assert times == pytest.approx([first + n * interval for n in range(count)], abs=1e-6)


def test_every_frame_is_in_the_log_whoever_gets_it() -> None:
    bench = Bench()
    bench.wheel.run_until(START + 1.0)
    bench.attach("video")
    bench.wheel.run_until(START + 3.0)
    capture = bench.publisher.captures.find(10, START + 3.0)
    assert capture is not None
    assert capture.tick == 70
    assert capture.time == pytest.approx(START + 70 / 30)


def test_a_new_path_begins_with_a_keyframe_and_the_old_one_goes_on() -> None:
    bench = Bench(audio=False)
    old = bench.attach("video")
    bench.wheel.run_until(START + 0.5)
    new = bench.attach("video", "sfu")
    assert bench.camera.asked == 2
    bench.wheel.run_until(START + 0.99)
    assert len(bench.sent[old]) == 30
    assert len(bench.sent[new]) == 14
    bench.publisher.detach(old)
    bench.wheel.run_until(START + 1.99)
    assert (len(bench.sent[old]), len(bench.sent[new])) == (30, 44)
    old_stamps = [parse_header(packet).timestamp for _, packet in bench.sent[old]]
    assert {(b - a) & 0xFFFFFFFF for a, b in pairwise(old_stamps)} == {3000}


def test_bytes_are_counted_once_per_way() -> None:
    bench = Bench(audio=False)
    bench.receivers = 3
    for _ in range(3):
        bench.attach("video", "p2p")
    bench.wheel.run_until(START + 0.99)
    bench.receivers = 2
    bench.attach("video", "sfu")
    bench.wheel.run_until(START + 1.99)
    carried = dict(bench.publisher._carried)
    assert carried == {("p2p", 3, False): 3000, ("p2p", 2, False): 3000, ("sfu", 2, True): 3000}
    ledger, empty = SavingsLedger(), SavingsLedger()
    bench.publisher.settle(ledger)
    bench.publisher.settle(empty)
    assert ledger != empty or not bench.publisher._carried


def test_closing_switches_everything_off() -> None:
    bench = Bench()
    bench.attach("video")
    bench.wheel.run_until(START + 0.5)
    bench.publisher.close()
    ticks = bench.camera.tick
    bench.wheel.run_until(START + 2.0)
    assert bench.camera.tick == ticks
