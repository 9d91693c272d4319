from __future__ import annotations

import numpy as np
import pytest
from av import VideoFrame
from numpy.typing import NDArray

from probe.media.yuv import digest, frame_luma, frame_planes, mark, split_planes, to_frame, to_picture


def noise(width: int, height: int, seed: int = 1) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height * 3 // 2, width), dtype=np.uint8)


def test_planes_are_views_of_the_picture() -> None:
    picture = np.zeros((135, 160), np.uint8)
    luma, u, v = split_planes(picture)
    assert (luma.shape, u.shape, v.shape) == ((90, 160), (45, 80), (45, 80))
    luma[:], u[:], v[:] = 1, 2, 3
    assert np.bincount(picture.ravel()).tolist() == [0, 14400, 3600, 3600]
    assert picture[-1, -1] == 3


@pytest.mark.parametrize(("width", "height"), [(640, 360), (160, 90), (98, 54), (322, 182)])
def test_a_frame_gives_its_picture_back(width: int, height: int) -> None:
    picture = noise(width, height)
    frame = to_frame(picture)
    assert (frame.width, frame.height, frame.format.name) == (width, height, "yuv420p")
    assert np.array_equal(to_picture(frame), picture)
    for plane, expected in zip(frame_planes(frame), split_planes(picture), strict=True):
        assert np.array_equal(plane, expected)


def test_a_plane_outlives_its_frame() -> None:
    picture = noise(98, 54)
    luma = frame_luma(to_frame(picture))
    assert np.array_equal(luma, split_planes(picture)[0])


def test_other_formats_are_converted() -> None:
    gray = VideoFrame.from_ndarray(np.full((90, 160), 255, np.uint8), format="gray")
    picture = to_picture(gray)
    assert picture.shape == (135, 160)
    assert set(split_planes(picture)[1].ravel().tolist()) == {128}


def test_marking_makes_the_strip_grey_and_nothing_else() -> None:
    picture = np.full((135, 160), 60, np.uint8)
    mark(picture, 77)
    luma, u, v = split_planes(picture)
    assert (luma[5:] == 60).all()
    for chroma in (u, v):
        assert (chroma[:3] == 128).all()
        assert (chroma[3:] == 60).all()


@pytest.mark.parametrize("position", [0, 98 * 54 - 1, 98 * 54, 98 * 54 * 5 // 4, 98 * 81 - 1])
def test_the_digest_sees_every_plane(position: int) -> None:
    picture = noise(98, 54)
    changed = picture.copy()
    changed.reshape(-1)[position] ^= 1
    assert digest(to_frame(picture)) == digest(to_frame(picture.copy()))
    assert digest(to_frame(picture)) != digest(to_frame(changed))


def test_the_digest_does_not_see_padding() -> None:
    picture = noise(98, 54)
    frame, padded = to_frame(picture), to_frame(picture)
    plane = padded.planes[0]
    assert plane.line_size > plane.width  # 98 is not a multiple of any alignment
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    rows.setflags(write=True)
    rows[:, plane.width :] ^= 0xFF
    assert digest(frame) == digest(padded)
