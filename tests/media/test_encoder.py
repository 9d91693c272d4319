from __future__ import annotations

import re

import pytest

from probe.media.decoder import VideoDecoder
from probe.media.encoder import encode_gop
from probe.media.scene import Scene
from probe.media.video import CODECS, VideoSpec
from probe.media.yuv import Picture
from probe.model.errors import MediaError


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    scene = Scene(320, 180, 60)
    return [scene.render(index) for index in range(30)]


def spec(codec: str, bitrate: int = 300_000) -> VideoSpec:
    return VideoSpec(width=320, height=180, bitrate_bps=bitrate, codec=codec)


def nal_types(access_unit: bytes) -> list[int]:
    return [match[1][0] & 0x1F for match in re.finditer(rb"\x00\x00\x01(.)", access_unit, re.DOTALL)]


@pytest.mark.parametrize("codec", CODECS)
def test_one_keyframe_and_every_picture_comes_out_at_once(codec: str, pictures: list[Picture]) -> None:
    encoded = encode_gop(spec(codec), pictures)
    assert [keyframe for _, keyframe in encoded] == [True] + [False] * 29
    decoder = VideoDecoder(codec)
    assert [len(decoder.decode(data)) for data, _ in encoded] == [1] * 30
    assert decoder.errors == 0


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("bitrate", [150_000, 600_000])
def test_the_bitrate_is_about_what_was_asked(codec: str, bitrate: int, pictures: list[Picture]) -> None:
    sent = 8 * sum(len(data) for data, _ in encode_gop(spec(codec, bitrate), pictures))
    assert 0.7 * bitrate < sent < 1.15 * bitrate


def test_vp8_keyframes_say_so(pictures: list[Picture]) -> None:
    encoded = encode_gop(spec("VP8"), pictures[:5])
    assert [data[0] & 1 for data, _ in encoded] == [0, 1, 1, 1, 1]  # RFC 6386 9.1: 0 is a key frame
    assert encoded[0][0][3:6] == b"\x9d\x01\x2a"


def test_h264_is_constrained_baseline_with_its_parameter_sets_in_the_keyframe(pictures: list[Picture]) -> None:
    encoded = encode_gop(spec("H264"), pictures[:5])
    key = encoded[0][0]
    assert nal_types(key) == [7, 8, 5]  # SPS, PPS, IDR; no SEI, no delimiter
    assert [nal_types(data) for data, _ in encoded[1:]] == [[1]] * 4
    sps = key[key.index(b"\x00\x00\x01\x67") + 4 :]
    assert sps[0] == 66
    assert sps[1] & 0x40  # constraint_set1: constrained baseline (H.264 A.2.1.1)


@pytest.mark.parametrize("codec", CODECS)
def test_the_same_pictures_give_the_same_bytes(codec: str, pictures: list[Picture]) -> None:
    assert encode_gop(spec(codec), pictures[:10]) == encode_gop(spec(codec), pictures[:10])


def test_an_empty_gop_is_an_error() -> None:
    with pytest.raises(MediaError):
        encode_gop(spec("VP8"), [])


@pytest.mark.parametrize("codec", CODECS)
def test_a_scene_cut_makes_no_keyframe(codec: str, pictures: list[Picture]) -> None:
    other = Scene(320, 180, 60, seed=5).render(0)[::-1].copy()
    encoded = encode_gop(spec(codec), [*pictures[:5], *[other] * 5, *pictures[5:10]])
    assert [keyframe for _, keyframe in encoded] == [True] + [False] * 14
