from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from probe.media import cache
from probe.media.cache import cache_root
from probe.media.decoder import VideoDecoder
from probe.media.prepare import content_id, prepare_video
from probe.media.strip import read_strip, split_frame_id
from probe.media.video import CODECS, EncodedVideo, VideoCursor, VideoSpec
from probe.media.yuv import digest, frame_luma, split_planes
from tests.media.conftest import SMALL

TINY = VideoSpec(width=96, height=54, fps=4, bitrate_bps=40_000, seconds=2)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEETPROBE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def entry_of(folder: Path) -> Path:
    (entry,) = folder.iterdir()
    return entry


def same(one: EncodedVideo, two: EncodedVideo) -> bool:
    return (
        one.frames == two.frames
        and tuple(one.reconstructions) == tuple(two.reconstructions)
        and one.content_id == two.content_id
        and np.array_equal(one.references, two.references)
    )


def test_every_frame_carries_its_own_index_and_is_worth_something(small_video: EncodedVideo) -> None:
    assert [frame.index for frame in small_video.frames] == list(range(30))
    for index in range(30):
        value = read_strip(split_planes(small_video.reference_picture(index))[0])
        assert value == small_video.strip_value(index)
        score = small_video.reconstruction_score(index)
        assert score.psnr_db > 35
        assert 0.9 < score.ssim < 1
    assert len({score.digest for score in small_video.reconstructions}) == 30


@pytest.mark.parametrize("codec", CODECS)
def test_a_jump_from_any_frame_to_any_gop_decodes_to_the_known_pictures(codec: str) -> None:
    video = prepare_video(replace(SMALL, codec=codec))
    decoder, cursor = VideoDecoder(codec), VideoCursor(video)
    for step in range(120):
        if step % 7 == 6:
            cursor.request_keyframe()
        frame = cursor.next()
        (picture,) = decoder.decode(frame.data)
        assert digest(picture) == video.reconstruction_score(frame.index).digest
        value = read_strip(frame_luma(picture))
        assert value is not None
        assert split_frame_id(value) == (video.content_id, frame.index)
    assert decoder.errors == 0


def test_the_second_time_it_comes_from_the_cache(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = prepare_video(TINY)
    assert isinstance(first.references, np.memmap)
    monkeypatch.setattr("probe.media.prepare._make", lambda spec: pytest.fail("made again"))
    assert same(first, prepare_video(TINY))
    assert cache_root() == own_cache


@pytest.mark.parametrize("file", ["meta.json", "frames.bin", "references.bin"])
@pytest.mark.parametrize("damage", ["deleted", "emptied", "cut", "changed"])
def test_a_damaged_entry_is_made_anew(
    own_cache: Path, file: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    first = prepare_video(TINY)
    frames = first.frames
    path = entry_of(own_cache) / file
    data = path.read_bytes()
    if damage == "deleted":
        path.unlink()
    else:
        path.unlink()  # not in place: `first` has the old file mapped
        changed = data[:50] + bytes([data[50] ^ 1]) + data[51:]
        path.write_bytes({"emptied": b"", "cut": data[:-1], "changed": changed}[damage])
    with caplog.at_level(logging.WARNING):
        assert prepare_video(TINY).frames == frames
    assert "damaged" in caplog.text
    assert (entry_of(own_cache) / file).read_bytes() == data


def test_an_entry_of_other_length_is_not_taken(own_cache: Path) -> None:
    prepare_video(TINY)
    meta = entry_of(own_cache) / "meta.json"
    wrong = json.loads(meta.read_text())
    wrong["reconstructions"].pop()
    meta.write_text(json.dumps(wrong))
    assert len(prepare_video(TINY).reconstructions) == 8


def test_a_disk_that_takes_nothing_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    monkeypatch.setenv("MEETPROBE_CACHE", str(in_the_way))
    video = prepare_video(TINY)
    assert len(video.frames) == 8
    assert not isinstance(video.references, np.memmap)
    assert not video.reference_picture(0).flags.writeable
    assert "not kept" in caplog.text


def test_nothing_is_left_aside_and_old_entries_go(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_ENTRIES", 2)
    for rate in (20_000, 30_000, 40_000):
        prepare_video(replace(TINY, bitrate_bps=rate))
    assert len(list(own_cache.iterdir())) == 2


def test_the_content_id_follows_the_content_not_the_encoding() -> None:
    assert content_id(SMALL) == content_id(replace(SMALL, codec="H264", bitrate_bps=1_000_000))
    others = [replace(SMALL, fps=12), replace(SMALL, seconds=4), replace(SMALL, file=Path("clip.mp4")), TINY]
    assert all(content_id(SMALL) != content_id(other) for other in others)
    assert all(0 <= content_id(spec) <= 255 for spec in (SMALL, *others))


def test_the_default_cache_is_in_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MEETPROBE_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_root() == tmp_path / ".cache" / "meetprobe"


def test_without_a_home_nothing_is_kept_and_the_log_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("MEETPROBE_CACHE")
    monkeypatch.setattr(Path, "home", homeless)
    assert cache.load("key", TINY) is None
    assert not cache.store("key", prepare_video(TINY))
    assert "set HOME or MEETPROBE_CACHE" in caplog.text
