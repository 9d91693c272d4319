"""Cameras and microphones on the compiled pacer, beside Publisher: the same packets, captures and bills, whatever happens."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.client.fast_publisher import FastPublisher, Pacing, content
from probe.client.publisher import Publisher
from probe.measure.savings import SavingsLedger
from probe.media.audio import AudioCursor
from probe.media.video import VideoCursor
from probe.native import core
from probe.rtc.beat import PERIOD, Beat, on_the_beat
from probe.rtc.fast_sender import FastTrackSender
from probe.rtc.sender import TrackSender
from probe.rtc.transceiver import SenderInfo, Transceiver
from probe.rtc.wheel import Callback, TimerWheel
from probe.wire import extensions as ext
from probe.wire.payload import PayloadError
from probe.wire.sdp import OUR_AUDIO, OUR_VIDEO
from tests.client.fakes import START, FakeClock, FakeWheel
from tests.native.wire import Wire, audio_loop, video_loop
from tests.simulated import in_simulated_time

pytestmark = pytest.mark.skipif(core is None, reason="the compiled packet path is not built here")

VIDEO, AUDIO = video_loop(), audio_loop()


class HandWheel(TimerWheel):
    """The real wheel, turned by hand: `turn` does what a timer would, however late."""

    def __init__(self, clock: FakeClock) -> None:
        self.late: list[float] = []
        self.fake = clock
        super().__init__(clock, self.late.append)

    def _arm(self) -> None:
        pass

    def turn(self) -> None:
        self._run()


class Both:
    """The same participant twice: `slow` in Python, `fast` compiled."""

    def __init__(self, phase: float = 0.3, *, video: bool = True, audio: bool = True) -> None:
        self.clock = FakeClock()
        self.slow_wheel, self.fast_wheel = HandWheel(self.clock), HandWheel(self.clock)
        self.late: list[float] = []
        self.pacing = Pacing(self.clock, self.fast_wheel, self._on_late, self.clock.now)
        self.members = 1
        self.wire = Wire()
        self.slow = Publisher(
            self.clock, self.slow_wheel, video=VideoCursor(VIDEO, 1) if video else None, fps=10.0,
            audio=AudioCursor(AUDIO, 7) if audio else None, phase=phase, receivers=self._receivers,
        )  # fmt: skip
        self.fast = FastPublisher(
            self.clock, self.pacing, video=VideoCursor(VIDEO, 1) if video else None, fps=10.0,
            audio=AudioCursor(AUDIO, 7) if audio else None, phase=phase, receivers=self._receivers,
        )  # fmt: skip
        self.pairs: list[tuple[TrackSender, FastTrackSender | TrackSender]] = []
        self.sent: list[tuple[list[bytes], list[bytes]]] = []

    def _on_late(self, late: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
        self.late += late.tolist()

    def _receivers(self) -> int:
        return self.members

    def step(self, seconds: float) -> None:
        """Time passes, and nobody got to turn the wheels until now."""
        self.clock.time += seconds
        self.slow_wheel.turn()
        self.fast_wheel.turn()

    def attach(self, kind: str, via: str = "p2p", *, by_hand: bool = False) -> None:
        codecs, number = list(OUR_AUDIO if kind == "audio" else OUR_VIDEO), len(self.pairs)
        transceiver = Transceiver(
            kind, "sendonly", SenderInfo(2 * number + 1, 2 * number + 2, "c", ("s", "t")), mid=str(number),
            codecs=codecs, extensions={4: ext.MID, 9: ext.ABS_CAPTURE_TIME},
        )  # fmt: skip
        one: list[bytes] = []
        two: list[bytes] = []
        slow = TrackSender(transceiver, self.clock, one.append, self.slow.request_keyframe, random.Random(number))
        fast: FastTrackSender | TrackSender
        if by_hand:
            fast = TrackSender(transceiver, self.clock, two.append, self.fast.request_keyframe, random.Random(number))
        else:
            fast = FastTrackSender(
                transceiver,
                self.clock,
                self.wire.outlet(),
                two.append,
                self.fast.request_keyframe,
                random.Random(number),
            )
            fast.track.hear = two.append
        self.slow.attach(slow, via)  # type: ignore[arg-type]
        self.fast.attach(fast, via)  # type: ignore[arg-type]
        self.pairs.append((slow, fast))
        self.sent.append((one, two))

    def detach(self, number: int) -> None:
        slow, fast = self.pairs[number]
        self.slow.detach(slow)
        self.fast.detach(fast)

    def keyframe(self) -> None:
        self.slow.request_keyframe()
        self.fast.request_keyframe()

    def enter(self, members: int) -> None:
        self.members = members
        self.fast.members_changed()

    def agree(self) -> None:
        """All that went out, all that is reported, and the bill."""
        for (slow, fast), (one, two) in zip(self.pairs, self.sent, strict=True):
            assert two == one
            assert fast.report(self.clock.time) == slow.report(self.clock.time)
            assert (fast.packets, fast.frames, fast.wire_bytes) == (slow.packets, slow.frames, slow.wire_bytes)
        for index in range(len(VIDEO.frames)):
            for ago in (0.0, 0.35, 5.0, 8.0, 29.0):
                seen = self.clock.time - ago
                assert self.fast.captures.find(index, seen) == self.slow.captures.find(index, seen)
        self.fast._book()
        assert dict(self.fast._carried) == dict(self.slow._carried)

    def close(self) -> None:
        self.slow.close()
        self.fast.close()
        self.pacing.close()
        self.wire.close()


@pytest.fixture
async def both() -> AsyncIterator[Both]:
    made = Both()
    yield made
    made.close()


STEP = st.one_of(
    st.floats(0.0, 0.03).map(lambda seconds: ("step", seconds)),
    st.sampled_from([0.0004, 0.0006, 0.1, 0.199, 0.21, 0.22, 0.25, 0.9, 1.1, 1.2, 4.0, 31.0]).map(lambda s: ("step", s)),
    st.tuples(st.just("attach"), st.sampled_from(["audio", "video"]), st.sampled_from(["p2p", "sfu", "relay"]), st.booleans()),
    st.tuples(st.just("detach"), st.integers(0, 5)),
    st.just(("keyframe",)),
    st.tuples(st.just("enter"), st.integers(0, 4)),
)  # fmt: skip


@settings(max_examples=60)
@given(st.lists(STEP, max_size=60), st.floats(0.0, 0.99), st.booleans(), st.booleans())
async def test_whatever_happens_both_send_the_same(
    steps: list[tuple[str, ...]], phase: float, video: bool, audio: bool
) -> None:
    both = Both(phase, video=video, audio=audio)
    try:
        for name, *values in steps:
            if name == "attach" and len(both.pairs) < 6:
                both.attach(values[0], values[1], by_hand=bool(values[2]))
            elif name == "detach" and int(values[0]) < len(both.pairs):
                both.detach(int(values[0]))
            elif name not in ("attach", "detach"):
                getattr(both, name)(*values)
        both.agree()
    finally:
        both.close()


async def test_a_long_call_with_everything_in_it(both: Both) -> None:
    both.attach("video")
    both.attach("audio")
    rng, wire = random.Random(4), 0
    for number in range(4000):
        both.step(rng.choice((0.01, 0.02, 0.02, 0.021)) if number % 500 else 2.5)
        wire += len(both.wire.clear())  # the replay window is 128 packets: none may be lost or come twice
        if number in (700, 1900):
            both.attach("video", "sfu")
            both.attach("audio", "sfu", by_hand=number == 700)
        if number == 1100:
            both.detach(0)
        if number % 333 == 0:
            both.keyframe()
        if number % 1000 == 999:
            both.enter(number // 1000)
    both.agree()
    compiled = [
        len(two) for (_, fast), (_, two) in zip(both.pairs, both.sent, strict=True) if isinstance(fast, FastTrackSender)
    ]
    assert wire == sum(compiled) > 7000
    one, other = SavingsLedger(), SavingsLedger()
    both.slow.settle(one)
    both.fast.settle(other)
    assert other == one
    assert one.result() is not None
    both.fast.settle(one)
    assert other == one  # once


async def test_every_tick_tells_how_late_it_came(both: Both) -> None:
    both.attach("audio")
    for seconds in (0.05, 0.02, 0.02, 0.7, 0.02, 3.0):
        both.step(seconds)
    both.pacing.close()
    assert both.late == pytest.approx(both.slow_wheel.late)
    assert len(both.late) > 15


async def test_switched_off_it_sends_nothing_and_keeps_its_captures(both: Both) -> None:
    both.attach("video")
    for _ in range(20):
        both.step(0.1)
    both.slow.close()
    both.fast.close()
    count = len(both.sent[0][0])
    for _ in range(20):
        both.step(0.1)
    both.agree()
    assert len(both.sent[0][1]) == count > 0
    assert both.fast.captures.find(12, both.clock.time) is not None


async def test_kinds_and_a_camera_that_is_off(both: Both) -> None:
    silent = FastPublisher(both.clock, both.pacing, video=None, fps=10.0, audio=None, phase=0.0, receivers=lambda: 0)
    assert (both.fast.kinds, silent.kinds) == (both.slow.kinds, ()) == (("audio", "video"), ())
    assert silent.captures.find(0, START) is None
    silent.request_keyframe()
    silent.close()


async def test_a_loop_is_cut_once_for_each_codec() -> None:
    h264 = video_loop("H264")
    assert content(VIDEO, "VP8") is content(VIDEO, "vp8")
    assert content(AUDIO, "opus").packets == len(AUDIO.packets)
    assert content(h264, "H264").frames == len(h264.frames)
    with pytest.raises(PayloadError):
        content(VIDEO, "H264")


class Count(FakeWheel):
    """Counts wake-ups."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.woken = 0

    def at(self, due: float, callback: Callback) -> None:
        def woken(due: float) -> None:
            self.woken += 1
            callback(due)

        super().at(due, woken)


def microphones(pacing: Pacing, sources: int) -> None:
    """That many, their phases spread evenly over 20 ms."""
    for number in reversed(range(sources)):
        pacing.add(core.Source(content(AUDIO, "opus"), 0.02, "audio"), START + number * 0.02 / sources)


def test_without_a_beat_each_source_is_on_time() -> None:
    clock = FakeClock()
    wheel, late = Count(clock), list[float]()
    pacing = Pacing(clock, wheel, lambda found: late.extend(found.tolist()), clock.now)
    microphones(pacing, 10)
    wheel.run_until(START + 1.0 - 1e-6)
    assert wheel.woken <= 500 + 10  # each new source that is due before the others sets the timer anew
    pacing.close()
    assert len(late) == 500
    assert max(late) == pytest.approx(0.0, abs=1e-9)
    woken = wheel.woken
    wheel.run_until(START + 2.0)
    assert wheel.woken <= woken + 1
    assert len(late) == 500


def test_sources_are_placed_on_the_beat_and_where_there_is_room() -> None:
    clock = FakeClock()
    beat = Beat(clock)
    pacing, half = Pacing(clock, Count(clock), lambda found: None, clock.now, beat), PERIOD / 2
    rng, places = random.Random(1), list[int]()
    for number in range(1200):
        wanted = START + rng.random()
        due = pacing.place(wanted)
        assert beat.period == (PERIOD if number < 320 else half)
        assert -1e-8 <= due - wanted < PERIOD + 1e-8
        places.append(round(due / half))
        assert due / half == pytest.approx(places[-1], abs=1e-4)
        pacing.add(core.Source(content(AUDIO, "opus"), 0.02, "audio"), due)
    off = [place % 2 for place in places]
    assert off[:640] == [0] * 320 + [1] * 320
    assert sum(off) == 600
    pacing.close()


def test_without_a_beat_each_source_goes_to_the_beat_that_others_keep() -> None:
    clock = FakeClock()
    pacing = Pacing(clock, Count(clock), lambda found: None, clock.now)
    assert pacing.place(START + 0.001) == on_the_beat(START + 0.001)


@in_simulated_time
async def test_with_the_beat_all_sources_share_its_wake_ups(clock: FakeClock) -> None:
    beat, wheel, late = Beat(clock), Count(clock), list[float]()
    pacing = Pacing(clock, wheel, lambda found: late.extend(found.tolist()), clock.now, beat)
    beat.start()
    microphones(pacing, 400)
    await asyncio.sleep(1.0)
    assert not wheel._due
    assert wheel.woken == 0
    pacing.close()
    beat.stop()
    assert len(late) == pytest.approx(50 * 400, abs=400)
    assert min(late) >= 0
    assert max(late) <= PERIOD + 1e-6


@in_simulated_time
async def test_sources_go_on_by_their_own_timer_when_the_beat_ends(clock: FakeClock) -> None:
    beat, wheel, times = Beat(clock), TimerWheel(clock, lambda late: None), list[float]()
    pacing = Pacing(clock, wheel, lambda found: None, clock.now, beat)
    source = core.Source(content(AUDIO, "opus"), 0.02, "audio")
    source.attach(lambda frame, time, position: times.append(time))
    pacing.add(source, START)
    for change in (beat.start, beat.stop, beat.start, beat.stop):
        await asyncio.sleep(0.2)
        change()
    await asyncio.sleep(0.2)
    pacing.close()
    wheel.close()
    assert np.diff(times) == pytest.approx(0.02, abs=1e-6)
    assert len(times) == pytest.approx(50, abs=1)


def test_a_tick_that_raises_stops_only_itself() -> None:
    clock = FakeClock()
    wheel = FakeWheel(clock)
    pacing = Pacing(clock, wheel, lambda found: None, clock.now)
    source, times = core.Source(content(AUDIO, "opus"), 0.02, "audio"), list[float]()

    def once(frame: int, time: float, position: int) -> None:
        times.append(time)
        if len(times) == 1:
            raise KeyError("mine")

    source.attach(once)
    pacing.add(source, START)
    with pytest.raises(KeyError, match="mine"):
        wheel.run_until(START + 1.0)
    wheel.run_until(START + 0.05)
    assert times == pytest.approx([START, START + 0.02, START + 0.04])


@in_simulated_time
async def test_between_helpings_what_came_is_read(clock: FakeClock) -> None:
    read: list[int] = []
    beat, wheel, late = Beat(clock), TimerWheel(clock, lambda late: None), list[float]()
    pacing = Pacing(
        clock, wheel, lambda found: late.extend(found.tolist()), clock.now, beat, lambda: read.append(len(sent))
    )
    sent: list[float] = []
    for _ in range(1000):
        source = core.Source(content(AUDIO, "opus"), 0.02, "audio")
        source.attach(lambda frame, time, position: sent.append(time))
        pacing.add(source, START)
    beat.start()
    await asyncio.sleep(0.01)
    pacing.close()
    beat.stop()
    wheel.close()
    assert len(sent) == 1000
    assert 5 <= len(read) <= 40
    assert np.diff([0, *read, 1000]).max() <= 200
