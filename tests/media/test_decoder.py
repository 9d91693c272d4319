from __future__ import annotations

import random

import pytest

from probe.media.decoder import VideoDecoder
from probe.media.encoder import encode_gop
from probe.media.scene import Scene
from probe.media.video import CODECS, VideoSpec
from probe.media.yuv import digest
from probe.model.errors import MediaError


@pytest.fixture(scope="module")
def gops() -> dict[str, list[bytes]]:
    scene = Scene(160, 90, 20)
    specs = [VideoSpec(width=160, height=90, fps=20, bitrate_bps=100_000, codec=codec) for codec in CODECS]
    return {spec.codec: [data for data, _ in encode_gop(spec, map(scene.render, range(20)))] for spec in specs}


def test_an_unknown_codec_is_an_error() -> None:
    with pytest.raises(MediaError, match="AV1"):
        VideoDecoder("AV1")


@pytest.mark.parametrize("codec", CODECS)
def test_nothing_comes_out_before_a_keyframe(codec: str, gops: dict[str, list[bytes]]) -> None:
    decoder = VideoDecoder(codec)
    assert [decoder.decode(data) for data in gops[codec][1:4]] == [[], [], []]
    assert decoder.errors > 0
    assert len(decoder.decode(gops[codec][0])) == 1


@pytest.mark.parametrize("codec", CODECS)
def test_empty_and_meaningless_data_is_counted(codec: str) -> None:
    decoder = VideoDecoder(codec)
    for number, data in enumerate((b"", b"\xff" * 40, b"\x00\x00\x01\x67"), start=1):
        assert decoder.decode(data) == []
        assert decoder.errors == number


@pytest.mark.parametrize("codec", CODECS)
def test_it_survives_damage_and_recovers_at_the_next_keyframe(codec: str, gops: dict[str, list[bytes]]) -> None:
    rng = random.Random(5)
    whole = VideoDecoder(codec)
    expected = [digest(whole.decode(data)[0]) for data in gops[codec]]
    decoder = VideoDecoder(codec)
    for _ in range(8):
        for data in gops[codec]:
            # The head stays: SRTP lets no wrong bit through, and who believes a wrong SPS may wait for more pictures.
            damaged = bytearray(data)
            for _ in range(rng.randrange(1, 20) if len(data) > 60 else 0):
                damaged[rng.randrange(60, len(damaged))] = rng.randrange(256)
            decoder.decode(bytes(damaged[: rng.randrange(1, len(damaged) + 1)]))
    shown = [frames for frames in map(decoder.decode, gops[codec]) if frames]
    assert [digest(frames[-1]) for frames in shown][-len(expected) :] == expected
