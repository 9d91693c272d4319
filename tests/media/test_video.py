from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.media.video import EncodedVideo, VideoCursor, VideoSpec
from probe.media.yuv import to_picture
from probe.model.errors import ConfigError


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"width": 641}, "width"),
        ({"width": 94}, "width"),
        ({"width": 4000}, "width"),
        ({"height": 361}, "height"),
        ({"height": 52}, "height"),
        ({"fps": 0}, "fps"),
        ({"fps": 61}, "fps"),
        ({"bitrate_bps": 9_999}, "bitrate_bps"),
        ({"codec": "AV1"}, "codec"),
        ({"codec": "vp8"}, "codec"),
        ({"seconds": 0}, "seconds"),
        ({"seconds": 121}, "seconds"),
        ({"width": 1920, "height": 1080, "seconds": 60}, "seconds"),
    ],
)
def test_wrong_specs_are_refused_by_name(wrong: dict[str, Any], name: str) -> None:
    with pytest.raises(ConfigError, match=f"video {name}") as caught:
        VideoSpec(**wrong)
    assert "allowed" in caught.value.hint


def test_the_cursor_plays_the_loop(small_video: EncodedVideo) -> None:
    cursor = VideoCursor(small_video)
    played = [cursor.next() for _ in range(65)]
    assert [frame.index for frame in played] == [index % 30 for index in range(65)]
    assert [frame.index for frame in played if frame.keyframe] == [0, 10, 20, 0, 10, 20, 0]


@pytest.mark.parametrize(("start", "index"), [(0, 0), (1, 10), (2, 20), (3, 0), (7, 10), (-1, 20)])
def test_it_starts_at_the_chosen_gop(small_video: EncodedVideo, start: int, index: int) -> None:
    assert VideoCursor(small_video, start).next().index == index


@given(st.integers(0, 100))
def test_a_keyframe_request_is_answered_by_the_next_frame(small_video: EncodedVideo, played: int) -> None:
    cursor = VideoCursor(small_video)
    for _ in range(played):
        cursor.next()
    cursor.request_keyframe()
    frame = cursor.next()
    assert frame.keyframe
    assert frame.index == -(-played // 10) * 10 % 30


def test_a_request_before_a_keyframe_skips_nothing(small_video: EncodedVideo) -> None:
    cursor = VideoCursor(small_video, 1)
    cursor.request_keyframe()
    cursor.request_keyframe()
    assert cursor.next().index == 10


def test_references_are_read_only_and_bounded(small_video: EncodedVideo) -> None:
    picture = small_video.reference_picture(3)
    assert picture.shape == (270, 320)
    assert not picture.flags.writeable
    assert (to_picture(small_video.reference(3)) == picture).all()
    for index in (-1, 30):
        with pytest.raises(ValueError, match="outside the loop"):
            small_video.reference_picture(index)
