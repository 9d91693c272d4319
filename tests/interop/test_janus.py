"""Meetings in a real Janus VideoRoom: media both ways, publishers that come and go, refusals, and a server that dies."""

from __future__ import annotations

import asyncio
import statistics
import struct
from collections.abc import Callable
from typing import Literal

import pytest

from probe.client.participant import Participant
from probe.client.path import Path
from probe.measure.assembly import Frame
from probe.measure.join import PHASES
from probe.media.audio import EncodedAudio
from probe.media.video import EncodedVideo
from probe.model.errors import AccessDenied, ConfigError, ProbeError, ServerUnreachable
from probe.model.ice import Ice
from probe.model.scenario import Media, Observe, Scenario, VideoMedia
from probe.rtc.clock import Clock
from probe.rtc.peer import Peer, PeerConfig
from probe.rtc.receiver import ReceiverHooks
from probe.signalling import base
from probe.signalling.janus import SUBSCRIBE, JanusSignalling
from tests.bench.janus_server import ROOM
from tests.interop.conftest import FPS
from tests.interop.janus import Way, adapter, by_metric, chromium_with_layers, hold, open_janus, phases, stranger
from tests.interop.party import DEADLINE, until
from tests.interop.room import Room, frames_seen, room_on

pytestmark = pytest.mark.timeout(90)


async def _all_see_all(room: Room, frames: int = FPS) -> None:
    """Wait until each has so many more pictures (and packets of audio) of each other."""
    inside = [who for who in room.participants if who.left_at is None]
    before = {
        (a.participant, b.participant): frames_seen(a, b.participant) for a in inside for b in inside if a is not b
    }
    for who in inside:
        for other in inside:
            if who is other:
                continue
            pair = who.participant, other.participant
            await until(_enough(who, other.participant, before[pair] + frames), f"{frames} pictures of {pair}")
            assert who.views[other.participant].timelines["audio"].new > 0


def _enough(who: Participant, other: str, frames: int) -> Callable[[], bool]:
    return lambda: frames_seen(who, other) >= frames


def _values(room: Room, metric: str, **tags: str) -> list[float]:
    return [s.value for s in room.samples if s.metric == metric and tags.items() <= dict(s.tags).items()]


def _all_is_well(room: Room) -> None:
    assert not room.context.errors
    assert not [drop for who in room.participants for drop in who.drops]


@pytest.mark.parametrize(("way", "trickle"), [("ws", False), ("http", False), ("ws", True)])
async def test_three_meet_with_scores_and_bandwidth(
    videos: dict[str, EncodedVideo], audio: EncodedAudio, way: Way, trickle: bool
) -> None:
    async with open_janus(full_trickle=trickle) as janus:
        adapters: list[JanusSignalling] = []

        def enter() -> JanusSignalling:
            adapters.append(adapter(janus, way))
            return adapters[-1]

        async with room_on(enter, videos["VP8"], audio) as room:
            ours = [await room.enter(name) for name in ("ann", "ben", "cee")]
            assert [who.topology for who in ours] == ["sfu"] * 3
            assert [who.participant.partition("/")[0] for who in ours] == ["ann", "ben", "cee"]
            await _all_see_all(room, 3 * FPS)
            for who in ours:
                assert who.members == {other.participant for other in ours} - {who.participant}
                assert set(who.views) == who.members
            assert [each.heard["webrtcup"] for each in adapters] == [2, 2, 2]
            assert {each.heard["hangup"] for each in adapters} == {0}
        _all_is_well(room)
        assert _values(room, "connection_success_ratio", topology="sfu") == [1.0] * 6
        assert statistics.mean(_values(room, "video_quality_score")) > 4.0
        assert statistics.mean(_values(room, "audio_quality_score")) > 3.0
        assert statistics.mean(_values(room, "frame_rate")) == pytest.approx(FPS, rel=0.1)
        means = [statistics.mean(_values(room, f"{told}_bitrate_bps", kind="video")) for told in ("receive", "send")]
        assert means[0] == pytest.approx(2 * means[1], rel=0.3)
        assert max(_values(room, "packet_loss_ratio")) == 0.0
        # Frame IDs: both ends are ours, and Janus adds next to nothing on this machine.
        assert 0.0 < statistics.median(_values(room, "one_way_delay_seconds")) < 0.2
        for who in ours[1:]:
            clock = who.join_clock
            assert clock is not None
            assert clock.total is not None
            assert set(clock.durations()) >= {"signalling_connect", "room_join", "offer_answer", "first_decoded"}
            assert sum(clock.durations().values()) == pytest.approx(clock.total)


async def test_publishers_come_and_go_while_media_flows(videos: dict[str, EncodedVideo], audio: EncodedAudio) -> None:
    async with open_janus() as janus, room_on(lambda: adapter(janus), videos["VP8"], audio, "frames") as room:
        ann, ben, cee = [await room.enter(name) for name in ("ann", "ben", "cee")]
        await _all_see_all(room)
        path = ann.paths[SUBSCRIBE]
        await ben.leave()
        await until(lambda: ann.members == {cee.participant}, "ben's leave")
        await until(lambda: len([t for t in path.peer.transceivers if t.receives]) == 2, "sections that went quiet")
        await _all_see_all(room)
        dan = await room.enter("dan")
        await _all_see_all(room)
        assert ann.members == {cee.participant, dan.participant}
        assert ann.paths[SUBSCRIBE] is path
        # Janus gives the sections of who left to who comes.
        assert [(t.mid, t.current) for t in path.peer.transceivers] == [(str(n), "recvonly") for n in range(4)]
        assert set(ann.views) == ann.members
        for who in (cee, dan):
            await who.leave()
        await until(lambda: not ann.members, "an empty room")
        await until(lambda: not [t for t in path.peer.transceivers if t.receives], "sections that went quiet")
        eve = await room.enter("eve")
        await _all_see_all(room)
        assert ann.members == {eve.participant}
        _all_is_well(room)


async def test_who_leaves_but_keeps_its_connection_is_unsubscribed_from(
    videos: dict[str, EncodedVideo], audio: EncodedAudio
) -> None:
    async with open_janus() as janus, room_on(lambda: adapter(janus), videos["VP8"], audio, "frames") as room:
        async with stranger(janus) as other:
            entering = asyncio.create_task(room.enter("ann"))  # which waits for media: there will be some of another
            await until(lambda: room.participants and SUBSCRIBE in room.participants[0].paths, "a subscriber")
            [ann] = room.participants
            path = ann.paths[SUBSCRIBE]
            await until(lambda: [t.current for t in path.peer.transceivers] == ["recvonly"] * 2, "a subscription")
            [name] = ann.members
            assert name.startswith("publisher/")
            await other.leave_room()
            await until(lambda: not ann.members, "the leave")
            await until(lambda: [t.current for t in path.peer.transceivers] == ["inactive"] * 2, "an unsubscription")
        ben = await room.enter("ben")
        await entering
        await _all_see_all(room)
        assert ann.members == {ben.participant}
        _all_is_well(room)


async def test_a_layer_is_chosen_of_what_comes_in_layers() -> None:
    """Janus takes the choice."""
    async with open_janus() as janus, stranger(janus, layered=True):
        ann = adapter(janus, "ws", f"room={ROOM}&substream=0")
        peer = Peer(PeerConfig(), label="ann", controlling=False, clock=Clock())
        await ann.connect()
        [other] = (await ann.join("", "ann")).members
        while not isinstance(event := await ann.next_event(), base.RemoteDescription):
            pass
        assert set(event.tracks.values()) == {other}
        assert ann._feeds.layered(other) == ["1"]
        await ann.send_description(SUBSCRIBE, "answer", await peer.accept_offer(event.sdp))
        await ann.choose_layer(other, 1, 2)
        told: list[tuple[str, tuple[int, str] | None]] = []
        async with asyncio.timeout(DEADLINE):
            while len(told) < 3:
                message = await ann._session.incoming()
                told += [(message.subject, message.error)] if message.subject else []
        assert sorted(told) == [("start", None), (SUBSCRIBE, None), (SUBSCRIBE, None)]  # in whatever order
        await ann.leave()
        await peer.close()


async def test_chromium_s_layers_switch_as_they_are_chosen(
    videos: dict[str, EncodedVideo], audio: EncodedAudio
) -> None:
    async with open_janus() as janus, chromium_with_layers(janus):
        entering = adapter(janus, "ws", f"room={ROOM}&substream=0")
        async with room_on(lambda: entering, videos["VP8"], audio, "frames") as room:
            joining = asyncio.create_task(room.enter("ann"))
            await until(lambda: room.participants, "ann")
            [ann] = room.participants
            sizes = _watch_sizes(ann)
            await joining
            await until(lambda: ann.members, "Chromium")
            [member] = ann.members
            await until(lambda: sizes[-1:] == [(240, 135)], "the lowest layer")
            for substream, size in ((2, (960, 540)), (1, (480, 270))):
                # Janus asks for no second keyframe within a second, and switches with the next one.
                await until(_enough(ann, member, frames_seen(ann, member) + 30), "media of the layer before")
                await entering.choose_layer(member, substream)
                await until(_ends_with(sizes, size), f"layer {substream}", 25.0)
        _all_is_well(room)


def _ends_with(sizes: list[tuple[int, int]], size: tuple[int, int]) -> Callable[[], bool]:
    return lambda: sizes[-1] == size


def _watch_sizes(who: Participant) -> list[tuple[int, int]]:
    """The sizes of the keyframes (VP8, RFC 6386 section 9.1) that it is to receive."""
    sizes: list[tuple[int, int]] = []
    inner = who.hooks

    def hooks(path: Path, remote: str, kind: str, codec: str) -> ReceiverHooks:
        found = inner(path, remote, kind, codec)
        told = found.frame

        def on_frame(frame: Frame) -> None:
            if frame.keyframe and len(frame.data) > 10:
                width, height = struct.unpack_from("<HH", frame.data, 6)
                sizes.append((width & 0x3FFF, height & 0x3FFF))
            told(frame)

        found.frame = on_frame
        return found

    who.hooks = hooks  # type: ignore[method-assign]
    return sizes


async def test_twenty_join_one_room_and_each_phase_of_it_is_timed() -> None:
    media = Media(video=VideoMedia(width=160, height=90, fps=10, bitrate_bps=60_000, seconds=3))
    scenario = Scenario(
        name="twenty", topology="sfu", participants=20, join_spacing=0.2, settle=3.0, after=0.0, media=media,
        observe=Observe(depth="headers"),
    )  # fmt: skip
    async with open_janus() as janus:
        meeting, samples = await hold(janus, scenario)
    assert [entry.error for entry in meeting.entries] == [None] * 20
    assert all(len(entry.participant.members) == 19 for entry in meeting.entries)
    assert not [drop for entry in meeting.entries for drop in entry.participant.drops]
    values = by_metric(samples)
    assert values["join_success_ratio"] == [1.0] * 20
    assert values["connection_success_ratio"] == [1.0] * 40
    assert len(values["packet_loss_ratio"]) == 2 * 20 * 19
    assert min(values["frame_rate"]) > 8.0
    print(phases(samples))
    timed = {phase for entry in meeting.entries[1:] for phase in _durations(entry.participant)}
    assert timed == set(PHASES) - {"first_keyframe"}  # which headers do not tell


def _durations(who: Participant) -> dict[str, float]:
    assert who.join_clock is not None
    return who.join_clock.durations()


async def test_an_emulated_network_lies_in_front_of_both_paths() -> None:
    media = Media(video=VideoMedia(width=160, height=90, fps=10, bitrate_bps=60_000, seconds=3))
    slow = {"up": {"delay": 0.1}, "down": {"delay": 0.05}}
    scenario = Scenario(
        name="slow", topology="sfu", participants=2, settle=3.0, after=0.0, media=media, observe=Observe(depth="pictures"),
        network=slow,
    )  # fmt: skip
    async with open_janus() as janus:
        meeting, samples = await hold(janus, scenario)
    assert [entry.error for entry in meeting.entries] == [None] * 2
    assert statistics.median(by_metric(samples)["one_way_delay_seconds"]) == pytest.approx(0.15, abs=0.03)
    assert statistics.median(by_metric(samples)["round_trip_time_seconds"]) == pytest.approx(0.15, abs=0.03)


@pytest.mark.parametrize("depth", ["pictures", "headers"])
async def test_where_udp_is_blocked_media_goes_over_tcp(depth: Literal["pictures", "headers"]) -> None:
    media = Media(video=VideoMedia(width=160, height=90, fps=10, bitrate_bps=60_000, seconds=3))
    scenario = Scenario(
        name="tcp", topology="sfu", participants=3, join_spacing=0.2, settle=3.0, after=0.0, media=media,
        observe=Observe(depth=depth), ice=Ice(udp=False),
    )  # fmt: skip
    async with open_janus(tcp=True) as janus:
        meeting, samples = await hold(janus, scenario)
    assert [entry.error for entry in meeting.entries] == [None] * 3
    assert not [drop for entry in meeting.entries for drop in entry.participant.drops]
    connects = [sample for sample in samples if sample.metric == "connect_duration_seconds"]
    assert [sample.tags["pair"] for sample in connects] == ["host-tcp/host"] * 6
    values = by_metric(samples)
    assert values["connection_success_ratio"] == [1.0] * 6
    assert max(values["packet_loss_ratio"]) == 0.0
    assert statistics.mean(values["frame_rate"]) == pytest.approx(10, rel=0.1)
    assert statistics.mean(values["audio_quality_score"]) > 4.0


# what goes wrong


async def _refused(signalling: JanusSignalling, room: str = "meeting") -> ProbeError:
    """Why it can't enter."""
    try:
        await signalling.connect()
        with pytest.raises(ProbeError) as caught:
            await signalling.join(room, "ann")
    finally:
        await signalling.leave()
    return caught.value


@pytest.mark.parametrize("way", ["ws", "http"])
async def test_a_wrong_room_is_named_with_what_to_do(way: Way) -> None:
    async with open_janus() as janus:
        error = await _refused(adapter(janus, way, "room=99"))
        assert isinstance(error, AccessDenied)
        assert error.phase == "room_join"
        assert "there is no such room (error 426: No such room (99))" in str(error)
        assert "create=1" in error.hint
        words = await _refused(adapter(janus, way, ""), "standup")
        assert isinstance(words, ConfigError)
        assert "error 430" in str(words)


async def test_a_room_is_created_where_that_was_asked_for() -> None:
    async with open_janus() as janus:
        first, second = adapter(janus, "ws", "create=1"), adapter(janus, "http", "create=1")
        for each in (first, second):
            await each.connect()
            assert (await each.join("standup", "ann")).members == ()
        for each in (first, second):
            await each.leave()


async def test_a_topology_that_janus_has_not_is_refused() -> None:
    async with open_janus() as janus:
        ann = adapter(janus)
        await ann.connect()
        await ann.join("", "ann")
        await ann.force_topology("sfu")
        await ann.force_topology(None)
        with pytest.raises(ConfigError, match=r"topology p2p can't be had: Janus is an SFU.*--topology sfu"):
            await ann.force_topology("p2p")
        await ann.leave()


@pytest.mark.parametrize("way", ["ws", "http"])
async def test_nobody_there_is_said_at_once(way: Way) -> None:
    async with open_janus() as janus:
        ann = adapter(janus, way)
    with pytest.raises(ServerUnreachable, match="is Janus running"):
        await ann.connect()
    await ann.leave()


@pytest.mark.parametrize("way", ["ws", "http"])
async def test_a_janus_that_dies_is_a_drop(videos: dict[str, EncodedVideo], audio: EncodedAudio, way: Way) -> None:
    async with open_janus() as janus, room_on(lambda: adapter(janus, way), videos["VP8"], audio, "frames") as room:
        ann, ben = await room.enter("ann"), await room.enter("ben")
        await _all_see_all(room)
        await janus.process.kill()
        await until(lambda: ann.lost and ben.lost, "the loss of the signalling")
        for who in (ann, ben):
            assert len(who.drops) >= 1
            assert "Janus" in who.drops[0][1]
            assert isinstance(await who._signalling.next_event(), base.SignallingLost)
