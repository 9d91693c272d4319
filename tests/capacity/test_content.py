"""The reference work is what it says: so many packets of that size, through the packetiser that sends them."""

from __future__ import annotations

import pytest

from probe.capacity.content import AUDIO_PAYLOAD, frame_packets, payload_size, reference_audio, reference_video
from probe.capacity.work import VIDEO_BITRATE, VIDEO_PACKETS, Work
from probe.media.video import VideoSpec
from probe.model.errors import ConfigError
from probe.rtc.sender import MAX_PAYLOAD
from probe.wire.opus import packet_duration
from probe.wire.vp8 import Vp8Format, Vp8Payloader


@pytest.mark.parametrize(
    ("packets", "bitrate", "size"), [(VIDEO_PACKETS, VIDEO_BITRATE, 1090), (10, 40_000, 500), (300, 2_620_800, 1092)]
)
def test_video(packets: int, bitrate: int, size: int) -> None:
    video, payloader, form = reference_video(packets, bitrate), Vp8Payloader(), Vp8Format()
    second = [payloader.packetize(frame.data, MAX_PAYLOAD) for frame in video.frames[: video.gop]]
    assert sum(map(len, second)) == packets
    assert {len(payload) for payloads in second for payload in payloads} == {size}
    assert [form.is_keyframe(payloads[0]) for payloads in second] == [True] + [False] * (video.gop - 1)
    assert len(video.frames) == video.spec.length
    assert [frame.index for frame in video.frames] == list(range(video.spec.length))


def test_it_is_the_same_each_time() -> None:
    assert reference_video(57, VIDEO_BITRATE).frames == reference_video(57, VIDEO_BITRATE).frames
    assert reference_audio().packets == reference_audio().packets


def test_packets_are_spread_over_the_frames() -> None:
    assert sum(frame_packets(57)) == 57
    assert set(frame_packets(57)) == {1, 2}
    assert frame_packets(7) == [1] * 7


def test_audio() -> None:
    packets = reference_audio().packets
    assert len(packets) == 50
    assert {len(packet) for packet in packets} == {AUDIO_PAYLOAD}
    assert {packet_duration(packet) for packet in packets} == {0.02}


@pytest.mark.parametrize(("packets", "bitrate"), [(57, 600_000), (57, 100_000), (1, 20_000)])
def test_what_cannot_be_cut_so_is_told(packets: int, bitrate: int) -> None:
    with pytest.raises(ConfigError, match="video packets a second") as told:
        payload_size(packets, bitrate)
    assert "bytes can be made of" in told.value.hint


@pytest.mark.parametrize(
    ("changes", "who"),
    [
        ({"meeting_size": 1}, "--meeting-size"),
        ({"join_rate": 0.0}, "--join-rate"),
        ({"authenticate": 0.0}, "--authenticate"),
        ({"video_packets": 0}, "--video-packets"),
        ({"video_bitrate": 1}, "--video-bitrate"),
        ({"depth": "frames"}, "--depth"),
        ({"video_packets": 57, "video_bitrate": 90_000}, "--video-packets"),
    ],
)
def test_work_that_cannot_be_done_is_refused(changes: dict[str, object], who: str) -> None:
    with pytest.raises(ConfigError) as told:
        Work(**changes)  # type: ignore[arg-type]
    assert told.value.who == who


def test_work_survives_the_pipe_and_says_what_is_sent() -> None:
    for work in (Work(), Work(topology="sfu", depth="pictures", video=VideoSpec(320, 180, 15, 200_000))):
        assert Work.from_dict(work.to_dict()) == work
    assert Work().sent == "made-up video, 57 packets/s of 1090 B, and audio, 50 packets/s of 80 B"
    assert "VP8 640×360 at 30 fps" in Work(video=VideoSpec()).sent


def test_one_process_of_two_joins_at_half_the_rate() -> None:
    scenario = Work(join_rate=100.0).scenario(50, 2)
    assert (scenario.meetings, scenario.participants) == (50, 2)
    assert (scenario.join_spacing, scenario.meeting_spacing) == (0.02, 0.04)
    assert Work(topology="sfu").scenario(1).topology == "sfu"
