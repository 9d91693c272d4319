"""Our peer connection against Chromium's: its SDP, its camera, its jitter buffer, and what its getStats() says of us.

The browser offers all of this machine's addresses, we only 127.0.0.1: every pair lies on this machine.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from probe.media.audio import EncodedAudio
from probe.media.video import EncodedVideo
from tests.interop.browser import open_page
from tests.interop.chromium_end import ChromiumEnd, assert_steady
from tests.interop.conftest import FPS
from tests.interop.lossy import Loss
from tests.interop.party import Party, Role, until

pytestmark = pytest.mark.timeout(90)

Prepare = Callable[[Party], None]


@asynccontextmanager
async def _call(
    videos: dict[str, EncodedVideo],
    audio: EncodedAudio,
    role: Role = "offer",
    codec: str = "VP8",
    prepare: Prepare = lambda ours: None,
) -> AsyncIterator[tuple[Party, ChromiumEnd]]:
    """A connected call; `role` is ours. `prepare` may tamper with our end before it gathers."""
    async with open_page("call.html") as page:
        theirs = ChromiumEnd(page)
        await theirs.begin(codec)
        async with Party(videos[codec], audio, role, codec) as ours:
            prepare(ours)
            await ours.call(theirs)
            yield ours, theirs


@pytest.mark.parametrize("codec", ["VP8", "H264"])
@pytest.mark.parametrize("role", ["offer", "answer"])
async def test_audio_and_video_flow_both_ways(
    videos: dict[str, EncodedVideo], audio: EncodedAudio, role: Role, codec: str
) -> None:
    async with _call(videos, audio, role, codec) as (ours, theirs):
        await ours.pictures(3 * FPS)
        await _we_see_their_camera(ours, codec)
        await _they_see_our_pictures(ours, theirs, codec)
        await _they_hear_us(ours, theirs)
        await _round_trips_agree(ours, theirs)
        assert ours.path.peer.selected_pair == ("host", "host")
        assert not ours.path.peer.malformed
        assert not ours.failures


async def _we_see_their_camera(ours: Party, codec: str) -> None:
    stream, receiver = ours.streams("video")[0], ours.receiver("video")
    assert stream.decoder is not None
    assert stream.decoder.errors == 0
    assert stream.frames[0].keyframe
    assert all(frame.decodable for frame in stream.frames)
    assert len(stream.pictures) == len(stream.frames)
    last = stream.pictures[-1]
    assert last.width / last.height == 4 / 3  # it may send less than 320x240, but not another shape
    assert (receiver.codec_name, receiver.frames_given_up, receiver.stream.lost_first) == (codec, 0, 0)
    assert receiver.stream.jitter_seconds < 0.05
    sound = ours.streams("audio")[0].packets
    assert len(sound) > 100
    assert {later.timestamp - before.timestamp for before, later in itertools.pairwise(sound)} == {960}


async def _they_see_our_pictures(ours: Party, theirs: ChromiumEnd, codec: str) -> None:
    found = await theirs.until(lambda s: s.get("framesDecoded", 0) >= 4 * FPS, f"{4 * FPS} of our frames decoded")
    sender, spec = ours.sender("video"), ours.video.spec
    assert found["ssrc"] == sender.ssrc
    assert found["rtxSsrc"] == sender.rtx_ssrc
    assert (found["frameWidth"], found["frameHeight"]) == (spec.width, spec.height)
    assert found["keyFramesDecoded"] >= 3  # one a second
    assert (found["packetsLost"], found["nackCount"], found["pliCount"]) == (0, 0, 0)
    assert_steady(found)
    await theirs.until(lambda s: FPS * 0.8 <= s.get("framesPerSecond", 0) <= FPS * 1.2, "our frame rate")
    assert found["totalInterFrameDelay"] / (found["framesDecoded"] - 1) == pytest.approx(1 / FPS, rel=0.1)
    assert 0 <= found["jitter"] < 0.05
    [used] = [entry for entry in await theirs.stats("codec") if entry["id"] == found["codecId"]]
    assert used["mimeType"] == f"video/{codec}"


async def _they_hear_us(ours: Party, theirs: ChromiumEnd) -> None:
    """Speech, not silence, and nothing made up in its place once the jitter buffer has filled."""
    found = await theirs.until(lambda s: s.get("totalAudioEnergy", 0) > 0.01, "the sound of our speech", kind="audio")
    assert found["ssrc"] == ours.sender("audio").ssrc
    assert found["packetsLost"] == 0
    assert found["concealedSamples"] < 0.1 * found["totalSamplesReceived"]


async def _round_trips_agree(ours: Party, theirs: ChromiumEnd) -> None:
    """Both ends measure the same loop: by our reports (RFC 3550 6.4.1) and by theirs."""
    await until(lambda: len(ours.round_trips("rtcp")) >= 3, "three RTCP round trips")
    assert min(ours.round_trips("rtcp")) >= 0
    assert sorted(ours.round_trips("rtcp"))[1] < 0.1
    assert 0 < min(ours.round_trips("stun")) < 0.1
    told = {entry["kind"]: entry for entry in await theirs.stats("remote-inbound-rtp")}
    assert set(told) == {"audio", "video"}
    for entry in told.values():
        assert entry["roundTripTimeMeasurements"] >= 1
        assert 0 <= entry["totalRoundTripTime"] / entry["roundTripTimeMeasurements"] < 0.1
        assert (entry["packetsLost"], entry["fractionLost"]) == (0, 0)
        assert 0 <= entry["jitter"] < 0.05  # our own jitter, as our report blocks carry it
    reported = {entry["kind"]: entry for entry in await theirs.stats("remote-outbound-rtp")}
    for kind, entry in reported.items():
        assert 0 < entry["packetsSent"] <= ours.sender(kind).packets  # from our sender reports
        assert 0 < entry["bytesSent"] <= ours.sender(kind).octets


async def test_candidates_may_trickle_in_later(videos: dict[str, EncodedVideo], audio: EncodedAudio) -> None:
    async with open_page("call.html") as page, Party(videos["VP8"], audio, "answer") as ours:
        theirs = ChromiumEnd(page)
        await theirs.begin("VP8", trickle=True)
        await ours.path.start()
        offer = await theirs.offer()
        await ours.hear("offer", offer)
        await theirs.accept(await ours.say())
        assert "a=candidate" not in offer
        await page.until("candidates.includes(null)")
        trickled: list[str | None] = await page.value("candidates")
        assert len(trickled) > 1
        for candidate in trickled:
            await ours.path.on_candidate(candidate)
        await ours.up()
        await ours.pictures(5)
        assert not ours.context.errors
        assert not any(".local" in candidate for candidate in trickled if candidate)


async def test_our_picture_loss_gets_their_keyframe(videos: dict[str, EncodedVideo], audio: EncodedAudio) -> None:
    async with _call(videos, audio) as (ours, theirs):
        stream = await ours.pictures(FPS)
        before = stream.keyframes
        ours.receiver("video").need_keyframe()
        await until(lambda: stream.keyframes > before, "a keyframe", 5.0)
        [told] = await theirs.stats("outbound-rtp", "video")
        assert told["pliCount"] == ours.receiver("video").plis == 1


async def test_their_picture_loss_gets_our_keyframe(videos: dict[str, EncodedVideo], audio: EncodedAudio) -> None:
    """They get our video from the middle of a group of pictures on, and nothing can be sent again."""
    loss = Loss(every=1)

    def forget(ours: Party) -> None:
        loss.outgoing(ours.path.peer)

    async with _call(videos, audio, prepare=forget) as (ours, theirs):
        await until(lambda: ours.sender("video").frames >= FPS // 4, "a quarter of a second of lost video")
        ours.sender("video")._history.clear()
        loss.active = False
        found = await theirs.until(lambda s: s.get("framesDecoded", 0) >= FPS, "decoded frames")
        assert ours.sender("video").plis >= found["pliCount"] >= 1


async def test_they_recover_what_we_lose_on_the_way_by_our_retransmissions(
    videos: dict[str, EncodedVideo], audio: EncodedAudio
) -> None:
    loss = Loss(every=12)
    async with _call(videos, audio, prepare=lambda ours: loss.outgoing(ours.path.peer)) as (ours, theirs):
        await until(lambda: ours.sender("video").retransmitted >= 15, "15 packets asked for and sent again")
        loss.active = False
        seen = ours.sender("video").frames
        await until(lambda: ours.sender("video").frames >= seen + FPS, "another second of frames")
        ours.publisher.close()
        all_but_two = ours.sender("video").frames - 2  # the last ones may wait in its jitter buffer for ever
        found = await theirs.until(lambda s: s.get("framesDecoded", 0) >= all_but_two, "every frame decoded")
        assert found["retransmittedPacketsReceived"] >= 10
        # Its counters of loss are those of the first transmission: what RTX repairs stays counted as lost.
        assert found["packetsLost"] >= found["retransmittedPacketsReceived"] * 0.8
        assert found["nackCount"] >= ours.sender("video").nacks > 0
        assert_steady(found)


async def test_we_recover_what_they_lose_on_the_way_by_their_retransmissions(
    videos: dict[str, EncodedVideo], audio: EncodedAudio
) -> None:
    loss = Loss(every=8)
    loss.active = False  # the very first packet must come: of a stream that begins later nobody knows what is missing
    async with _call(videos, audio, prepare=lambda ours: loss.incoming(ours.path.peer)) as (ours, theirs):
        stream = await ours.pictures(1)
        loss.active = True
        receiver = ours.receiver("video")
        await until(lambda: receiver.stream.recovered >= 10, "10 recovered packets", 30.0)
        loss.active = False
        seen = len(stream.frames)
        await until(lambda: len(stream.frames) >= seen + FPS, "another second of frames")
        snapshot = receiver.stream.snapshot(ours.context.clock.now())
        assert (receiver.frames_given_up, snapshot.lost_residual) == (0, 0)
        assert snapshot.recovered == snapshot.lost_first >= 10
        assert all(frame.decodable for frame in stream.frames)
        assert any(frame.recovered for frame in stream.frames)
        assert len(stream.pictures) == len(stream.frames)
        assert stream.decoder is not None
        assert stream.decoder.errors == 0
        [told] = await theirs.stats("outbound-rtp", "video")
        assert told["retransmittedPacketsSent"] >= snapshot.recovered
        assert told["nackCount"] == receiver.nacks


async def test_they_add_a_track_while_media_flows(videos: dict[str, EncodedVideo], audio: EncodedAudio) -> None:
    async with _call(videos, audio) as (ours, theirs):
        await ours.pictures(5)
        await theirs.page.call("addTrack")
        await ours.hear("offer", await theirs.offer())
        await theirs.accept(await ours.say())
        second = await ours.pictures(FPS, stream=1)
        assert second.frames[0].keyframe
        assert [t.current for t in ours.path.peer.transceivers] == ["sendrecv", "sendrecv", "recvonly"]
        seen = len(ours.streams("video")[0].pictures)
        await ours.pictures(seen + FPS)
        assert [receiver.stream.lost_first for receiver in ours.path.rtcp.receivers.values()] == [0, 0, 0]


async def test_sections_that_we_refuse_or_they_stop_keep_their_place(
    videos: dict[str, EncodedVideo], audio: EncodedAudio
) -> None:
    async with open_page("call.html") as page, Party(videos["VP8"], audio, "answer") as ours:
        theirs = ChromiumEnd(page)
        await theirs.begin("VP8")
        await page.value("void pc.createDataChannel('unwanted')")
        await ours.path.start()
        await _they_offer(ours, theirs)
        await ours.pictures(5)
        assert _sections(await ours.path.peer.create_offer()) == ["audio", "video", "application 0"]

        await page.call("addTrack")  # a third medium, behind the refused section
        await _they_offer(ours, theirs)
        await ours.pictures(5, stream=1)

        await page.value("pc.getTransceivers()[1].stop()")
        await _they_offer(ours, theirs)
        offer = await ours.path.peer.create_offer()
        assert _sections(offer) == ["audio", "video 0", "application 0", "video"]
        await ours.hear("answer", await theirs.answer(offer))

        await page.call("addTrack")  # takes the place of the stopped one
        await _they_offer(ours, theirs)
        await ours.pictures(5, stream=2)
        offer = await ours.path.peer.create_offer()
        assert _sections(offer) == ["audio", "video", "application 0", "video"]
        await ours.hear("answer", await theirs.answer(offer))
        assert len(ours.streams("audio")) == 1


async def _they_offer(ours: Party, theirs: ChromiumEnd) -> None:
    await ours.hear("offer", await theirs.offer())
    await theirs.accept(await ours.say())
    await ours.up()


def _sections(sdp: str) -> list[str]:
    """The kinds of the m-sections, with a 0 behind those that are refused."""
    words = [line.removeprefix("m=").split() for line in sdp.splitlines() if line.startswith("m=")]
    return [kind + (" 0" if port == "0" else "") for kind, port, *_ in words]


async def test_their_closing_is_noticed_by_us(videos: dict[str, EncodedVideo], audio: EncodedAudio) -> None:
    async with _call(videos, audio) as (ours, theirs):
        await ours.pictures(3)
        await theirs.page.value("pc.close()")
        await until(lambda: ours.failures, "a lost path", 5.0)
        assert [failure.phase for failure in ours.failures] == ["in_call"]


async def test_our_closing_is_noticed_by_them(videos: dict[str, EncodedVideo], audio: EncodedAudio) -> None:
    async with _call(videos, audio) as (ours, theirs):
        await theirs.until(lambda s: s.get("framesDecoded", 0) > 0, "a decoded frame")
        await ours.path.close()
        await theirs.page.until("pc.getSenders()[0].transport.state === 'closed'", 5.0)
        assert not ours.failures
