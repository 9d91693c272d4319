"""Our peer connection against aiortc's: negotiated by its SDP, received by its receiver, fed by its encoders."""

from __future__ import annotations

import asyncio
import itertools
import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aioice import ice
from av import AudioFrame

from probe.media.audio import EncodedAudio
from probe.media.picture import PictureScorer
from probe.media.video import EncodedVideo
from probe.rtc.sender import MediaUnit, TrackSender
from tests.interop.aiortc_end import HEIGHT, WIDTH, AiortcEnd, Bars
from tests.interop.conftest import FPS
from tests.interop.party import DEADLINE, Party, Role, until

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """aioice leaves 127.0.0.1 out; here it is the only address, so that nothing leaves this machine."""
    monkeypatch.setattr(ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


@asynccontextmanager
async def _call(
    videos: dict[str, EncodedVideo], audio: EncodedAudio, role: Role = "offer", codec: str = "VP8"
) -> AsyncIterator[tuple[Party, AiortcEnd]]:
    """A connected call; `role` is ours."""
    async with Party(videos[codec], audio, role, codec) as ours, AiortcEnd(codec) as theirs:
        theirs.add_camera_and_microphone()
        await ours.call(theirs)
        yield ours, theirs


@pytest.mark.parametrize("codec", ["VP8", "H264"])
@pytest.mark.parametrize("role", ["offer", "answer"])
async def test_audio_and_video_flow_both_ways(
    videos: dict[str, EncodedVideo], audio: EncodedAudio, role: Role, codec: str
) -> None:
    async with _call(videos, audio, role, codec) as (ours, theirs):
        stream = await ours.pictures(2 * FPS)
        assert stream.decoder is not None
        assert stream.decoder.errors == 0
        assert {(picture.width, picture.height) for picture in stream.pictures} == {(WIDTH, HEIGHT)}
        assert stream.frames[0].keyframe
        assert all(frame.decodable for frame in stream.frames)
        receiver = ours.receiver("video")
        assert (receiver.codec_name, receiver.frames_given_up, receiver.stream.lost_first) == (codec, 0, 0)
        assert receiver.stream.jitter_seconds < 0.05
        steps = [later.timestamp - earlier.timestamp for earlier, later in itertools.pairwise(stream.frames)]
        assert statistics.median(step % (1 << 32) for step in steps) == 90_000 / FPS
        sound = ours.streams("audio")[0].packets
        assert len(sound) > 50
        assert {later.timestamp - before.timestamp for before, later in itertools.pairwise(sound)} == {960}
        await _they_see_our_pictures(theirs, ours)
        await _they_hear_us(theirs)
        assert ours.path.peer.selected_pair == ("host", "host")
        assert not ours.path.peer.malformed


async def _they_see_our_pictures(theirs: AiortcEnd, ours: Party) -> None:
    """Theirs decoded what our encoder made, bit for bit and in order."""
    scorer = PictureScorer(ours.video)
    readings = [scorer.score(await theirs.picture()) for _ in range(FPS)]
    assert all(reading.identical for reading in readings)
    indexes = [reading.index for reading in readings if reading.index is not None]
    length = len(ours.video.frames)
    assert [(later - earlier) % length for earlier, later in itertools.pairwise(indexes)] == [1] * (FPS - 1)


async def _they_hear_us(theirs: AiortcEnd) -> None:
    track = next(track for track in theirs.tracks if track.kind == "audio")
    loudest = 0.0
    async with asyncio.timeout(DEADLINE):
        for _ in range(100):
            frame = await track.recv()
            assert isinstance(frame, AudioFrame)
            assert (frame.sample_rate, frame.samples) == (48_000, 960)
            loudest = max(loudest, float(abs(frame.to_ndarray().astype(float)).max()))
    assert loudest > 1000  # of 32768


async def test_their_receiver_reports_give_round_trips_and_their_counts_are_ours(
    videos: dict[str, EncodedVideo], audio: EncodedAudio
) -> None:
    async with _call(videos, audio) as (ours, theirs):
        await until(lambda: len(ours.round_trips("rtcp")) >= 4, "four RTCP round trips")
        assert min(ours.round_trips("rtcp")) >= 0
        assert statistics.median(ours.round_trips("rtcp")) < 0.1
        assert 0 < min(ours.round_trips("stun")) < 0.1
        assert ours.path.rtcp.received["ReceiverReport"] >= 2
        assert ours.path.rtcp.received["SenderReport"] >= 2
        ours.publisher.close()  # the counters stand still
        await asyncio.sleep(0.2)
        stats = await theirs.pc.getStats()
        inbound = {entry.ssrc: entry for entry in stats.values() if entry.type == "inbound-rtp"}
        for kind in ("audio", "video"):
            sender = ours.sender(kind)
            assert (inbound[sender.ssrc].packetsReceived, inbound[sender.ssrc].packetsLost) == (sender.packets, 0)
        told = [entry for entry in stats.values() if entry.type == "remote-inbound-rtp"]
        assert {entry.packetsLost for entry in told} == {0}
        assert all(0 <= entry.roundTripTime < 0.1 for entry in told)


async def test_their_picture_loss_gets_our_keyframe(videos: dict[str, EncodedVideo], audio: EncodedAudio) -> None:
    async with _call(videos, audio) as (ours, theirs):
        await ours.pictures(3)
        await theirs.picture()
        receiver = next(t.receiver for t in theirs.pc.getTransceivers() if t.kind == "video")
        sender = ours.sender("video")
        sent: list[bool] = []
        send = sender.send

        def watched(unit: MediaUnit) -> None:
            sent.append(unit.keyframe)
            send(unit)

        sender.send = watched  # type: ignore[method-assign]
        await until(lambda: len(sent) % FPS == 5 and not any(sent[-4:]), "the middle of a GOP")
        before = len(sent)
        await receiver._send_rtcp_pli(sender.ssrc)
        await until(lambda: len(sent) >= before + 4, "four more frames")
        assert sender.plis == 1
        assert any(sent[before : before + 3])


async def test_our_picture_loss_gets_their_keyframe(videos: dict[str, EncodedVideo], audio: EncodedAudio) -> None:
    async with _call(videos, audio) as (ours, _):
        stream = await ours.pictures(FPS)
        before = stream.keyframes
        ours.receiver("video").need_keyframe()
        await until(lambda: stream.keyframes > before, "a keyframe", 2.0)
        assert ours.receiver("video").plis >= 1


async def test_their_closing_is_noticed_by_us(videos: dict[str, EncodedVideo], audio: EncodedAudio) -> None:
    async with _call(videos, audio) as (ours, theirs):
        await ours.pictures(3)
        await theirs.pc.close()
        await until(lambda: ours.failures, "a lost path", 3.0)
        assert [failure.phase for failure in ours.failures] == ["in_call"]
        assert not ours.path.up


async def test_our_closing_is_noticed_by_them(videos: dict[str, EncodedVideo], audio: EncodedAudio) -> None:
    async with _call(videos, audio) as (ours, theirs):
        await theirs.picture()
        await ours.path.close()
        await until(lambda: theirs.states[-1] == "closed", "the end of their connection", 3.0)
        assert not ours.failures


async def test_they_add_a_track_while_media_flows(videos: dict[str, EncodedVideo], audio: EncodedAudio) -> None:
    async with _call(videos, audio) as (ours, theirs):
        first = await ours.pictures(5)
        lost_before = ours.receiver("video").stream.lost_first
        theirs.add(Bars())
        await ours.hear("offer", await theirs.offer())
        await theirs.accept(await ours.say())
        second = await ours.pictures(FPS, stream=1)
        assert second.frames[0].keyframe
        assert [t.current for t in ours.path.peer.transceivers] == ["sendrecv", "sendrecv", "recvonly"]
        seen = len(first.pictures)
        await ours.pictures(seen + FPS)
        assert ours.receiver("video").stream.lost_first == lost_before == 0
        assert len(ours.streams("video")) == 2
        assert len(ours.streams("audio")) == 1


async def test_we_add_a_track_while_media_flows(videos: dict[str, EncodedVideo], audio: EncodedAudio) -> None:
    async with _call(videos, audio) as (ours, theirs):
        await theirs.picture()
        peer = ours.path.peer
        added = peer.add_transceiver("video", "sendonly", ("ours", "second"))
        await ours.hear("answer", await theirs.answer(await peer.create_offer()))
        assert added.current == "sendonly"
        context = ours.context
        second = TrackSender(added, context.clock, peer.send_rtp, ours.publisher.request_keyframe, context.rng)
        ours.publisher.attach(second, "p2p")
        scorer = PictureScorer(ours.video)
        readings = [scorer.score(await theirs.picture(position)) for position in (0, 1) for _ in range(FPS)]
        assert all(reading.identical for reading in readings)
