"""A look at the pictures of one stream, in simulated time: a real camera's loop, a real receiver, decoding on the spot."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from probe.client.path import Path
from probe.client.picture_sample import SHORTEST, PictureSample, look_at
from probe.client.publisher import Publisher
from probe.measure.observed import PICTURE_MILLISECONDS, PICTURE_SAMPLES
from probe.media.decode_pool import DecodePool
from probe.media.prepare import prepare_video
from probe.media.video import EncodedVideo, VideoCursor, VideoSpec
from probe.rtc.receiver import ReceiverHooks, TrackReceiver
from probe.rtc.sender import TrackSender
from probe.rtc.transceiver import SenderInfo, Transceiver
from probe.wire import extensions as ext
from probe.wire.rtcp import PictureLoss, RtcpPacket
from probe.wire.rtp import parse_header
from probe.wire.sdp import OUR_VIDEO
from tests.client.fakes import Bench

FPS = 10


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EncodedVideo]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEETPROBE_CACHE", str(tmp_path_factory.mktemp("media-cache")))
        yield prepare_video(VideoSpec(width=320, height=180, fps=FPS, bitrate_bps=300_000, seconds=3))


class StrawPool:
    """Decodes on the spot; while `full` it refuses."""

    def __init__(self) -> None:
        self.full = False
        self.known: set[Hashable] = set()

    def submit(self, key: Hashable, fn: Callable[..., Any], *args: Any, done: Callable[[Any], object]) -> bool:
        if not self.full:
            self.known.add(key)
            done(fn(*args))
        return not self.full

    def forget(self, key: Hashable) -> None:
        self.known.discard(key)


@dataclass
class Call:
    """One camera, and one who reads its headers. What is `cut` is lost; feedback counts only while `answers`."""

    video: EncodedVideo
    cut: bool = False
    answers: bool = True
    keyframes: int = 0
    records: int = 0
    bench: Bench = field(init=False)

    def __post_init__(self) -> None:
        self.pool = StrawPool()
        self.bench = Bench("headers", video=self.video, pool=cast(DecodePool, self.pool))
        codecs, ids = list(OUR_VIDEO), {1: ext.MID, 2: ext.ABS_CAPTURE_TIME}
        ours = Transceiver(
            "video", "sendonly", SenderInfo(111, 222, "c", ("s", "t")), mid="0", codecs=codecs, extensions=ids
        )
        theirs = Transceiver("video", "recvonly", mid="0", codecs=codecs, extensions=ids)
        self.publisher = Publisher(
            self.bench.clock, self.bench.wheel, video=VideoCursor(self.video, 0), fps=FPS, audio=None, phase=0.0,
            receivers=lambda: 1,
        )  # fmt: skip
        self.bench.context.captures["you"] = self.publisher.captures
        hooks = ReceiverHooks(lambda time: None, lambda packet: None, lambda frame: None, self._feedback, self._note)
        self.receiver = TrackReceiver(theirs, 111, 999, self.bench.clock, hooks, frames=False)
        self.sender = TrackSender(ours, self.bench.clock, self._deliver, lambda: None, random.Random(2))
        self.publisher.attach(self.sender, "p2p")

    def _deliver(self, packet: bytes) -> None:
        if not self.cut:
            self.receiver.on_packet(packet, parse_header(packet), self.bench.clock.now())

    def _feedback(self, packets: list[RtcpPacket]) -> None:
        if self.answers and any(isinstance(packet, PictureLoss) for packet in packets):
            self.keyframes += 1
            self.publisher.request_keyframe()

    def _note(self, records: Any) -> None:
        self.records += len(records)

    def look(self) -> PictureSample:
        return PictureSample(self.bench.context, "me", "you", "p2p", self.receiver)

    async def go_on(self, seconds: float) -> None:
        """Frames come, who misses something is asked, and the loop does what the decoder's thread left to it."""
        end = self.bench.clock.now() + seconds
        while self.bench.clock.now() < end - 1e-9:
            self.bench.wheel.run_until(min(end, self.bench.clock.now() + 0.02))
            self.receiver.poll(self.bench.clock.now(), 0.0)
            await asyncio.sleep(0)

    def value(self, metric: str) -> float:
        [found] = self.bench.values(metric, topology="p2p")
        return found

    @property
    def seconds(self) -> float:
        return self.bench.context.observed[PICTURE_MILLISECONDS] / 1000


async def test_what_is_seen_is_scored(video: EncodedVideo) -> None:
    call = Call(video)
    await call.go_on(2.35)
    sample = call.look()
    await call.go_on(4.0)
    sample.end()
    assert call.keyframes == 1
    assert 4.0 < call.value("video_quality_score") <= 5.0
    assert call.value("frame_id_unread_ratio") == call.value("frame_id_wrong") == 0.0
    assert len(call.bench.values("video_psnr_db")) == len(call.bench.values("video_ssim")) == 40
    assert min(call.bench.values("video_ssim")) > 0.9
    assert all(3.5 < value <= 5.0 for value in call.bench.values("video_mos", topology="p2p"))
    assert len(call.bench.values("video_mos")) == 3  # seconds seen whole
    assert call.seconds == pytest.approx(3.9)  # of 40 pictures, the last of which stands no more
    assert call.bench.context.observed[PICTURE_SAMPLES] == 1
    assert {sample.detail["remote"] for sample in call.bench.samples if sample.metric == "video_ssim"} == {"you"}


async def test_the_worst_pictures_are_kept_to_be_shown(video: EncodedVideo) -> None:
    call = Call(video)
    sample = call.look()
    await call.go_on(4.0)
    sample.end()
    rows = call.bench.context.worst.draw(video)
    later = call.bench.values("video_ssim")[FPS:]
    assert rows[0]["ssim"] == min(later)
    assert [(row["participant"], row["remote"], row["topology"]) for row in rows] == [("me", "you", "p2p")] * len(rows)
    assert all(1.0 <= row["time_seconds"] <= 4.1 and row["undamaged"] for row in rows)
    assert rows[0]["psnr_db"] == video.reconstruction_score(rows[0]["frame"]).psnr_db


async def test_the_wait_for_the_keyframe_is_no_freeze(video: EncodedVideo) -> None:
    call, other = Call(video), Call(video)
    for each in (call, other):
        await each.go_on(1.35)
    one, two = call.look(), other.look()
    call.answers = False
    await call.go_on(0.55)  # no frame of this GOP can be decoded
    assert call.bench.values("video_ssim") == []
    call.answers = True
    for each in (call, other):
        await each.go_on(4.0)
    one.end()
    two.end()
    assert call.value("video_quality_score") == pytest.approx(other.value("video_quality_score"), abs=0.1)
    assert call.seconds == pytest.approx(3.9, abs=0.5)


async def test_a_standing_picture_is_a_freeze(video: EncodedVideo) -> None:
    even, standing = Call(video), Call(video)
    looks = [call.look() for call in (even, standing)]
    for call in (even, standing):
        await call.go_on(2.0)
        call.cut = call is standing
        await call.go_on(2.1)
        call.cut = False
        await call.go_on(2.0)
    for look in looks:
        look.end()
    assert standing.value("video_quality_score") < even.value("video_quality_score") - 0.5
    assert standing.seconds == pytest.approx(even.seconds, abs=0.6)
    assert standing.keyframes > even.keyframes  # with a hole before them pictures are no use


async def test_too_short_a_look_has_no_score(video: EncodedVideo) -> None:
    call = Call(video)
    look = call.look()
    await call.go_on(SHORTEST - 0.3)
    look.end()
    assert call.bench.values("video_quality_score") == []
    assert call.bench.values("video_ssim") != []
    assert call.bench.context.observed[PICTURE_SAMPLES] == 1


async def test_the_end_is_once_and_what_the_decoder_still_brings_counts_no_more(video: EncodedVideo) -> None:
    call = Call(video)
    look = call.look()
    await call.go_on(3.0)
    assert call.pool.known == {("me", "you", "p2p sample")}
    call.bench.wheel.run_until(call.bench.clock.now() + 0.1)  # decoded, but the loop had no turn yet
    before = len(call.bench.values("video_ssim"))
    look.end()
    told = len(call.bench.samples)
    look.end()
    await call.go_on(2.0)
    assert len(call.bench.values("video_ssim")) == before
    assert len(call.bench.samples) == told
    assert call.pool.known == set()
    assert call.bench.context.observed[PICTURE_SAMPLES] == 1
    call.receiver.pull()
    assert call.records == call.sender.packets  # of every packet, whether somebody looked or not


async def test_nothing_seen_is_nothing_told(video: EncodedVideo) -> None:
    call = Call(video)
    await call.go_on(0.5)
    call.cut = True
    look = call.look()
    await call.go_on(3.0)
    look.end()
    assert call.bench.samples == []
    assert not call.bench.context.observed


async def test_decoders_that_are_busy_are_told_and_a_keyframe_helps(video: EncodedVideo) -> None:
    call = Call(video)
    look = call.look()
    await call.go_on(2.0)
    asked = call.keyframes
    call.pool.full = True
    await call.go_on(0.3)
    call.pool.full = False
    seen = len(call.bench.values("video_ssim"))
    await call.go_on(3.0)
    look.end()
    assert call.bench.context.health.verdict().decode_overload >= 3
    assert not call.bench.context.health.verdict().trustworthy
    assert call.keyframes > asked
    assert len(call.bench.values("video_ssim")) > seen + 25
    assert call.value("frame_id_wrong") == 0.0


async def test_a_foreign_picture_is_wrong(video: EncodedVideo) -> None:
    call = Call(video)
    call.bench.context.captures["you"] = cast(Any, SimpleNamespace(find=lambda index, seen: None))
    look = call.look()
    await call.go_on(2.5)
    look.end()
    assert call.bench.context.worst.draw(video) == []
    assert call.value("frame_id_wrong") == pytest.approx(25, abs=1)


class StrawReceiver:
    """Knows who taps it."""

    codec_name = "VP8"

    def __init__(self) -> None:
        self.taps: list[bool] = []

    def tap(self, listener: object) -> None:
        self.taps.append(listener is not None)

    def need_keyframe(self) -> None:
        pass

    def needs_attention(self) -> None:
        pass


async def test_all_of_ours_are_looked_at_on_the_newest_path(video: EncodedVideo) -> None:
    bench = Bench("headers", video=video, pool=cast(DecodePool, StrawPool()))
    bench.context.captures |= {"ben": cast(Any, None), "cleo": cast(Any, None)}
    old, new, cleo, foreign, down = (StrawReceiver() for _ in range(5))

    def path(kind: str, up: bool, *streams: tuple[str, StrawReceiver]) -> Path:
        return cast(Path, SimpleNamespace(kind=kind, up=up, readings=SimpleNamespace(streams=lambda kind: streams)))

    looks = look_at(
        bench.context,
        "me",
        [
            path("p2p", True, ("ben", old)),
            path("sfu", True, ("ben", new), ("cleo", cleo), ("stranger", foreign)),
            path("sfu", False, ("ben", down)),
        ],
    )
    assert len(looks) == 2
    for look in looks:
        look.end()
    assert [receiver.taps for receiver in (old, new, cleo, foreign, down)] == [[], [True, False], [True, False], [], []]
    assert bench.samples == []
