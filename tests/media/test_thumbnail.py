"""Small JPEGs, read back by FFmpeg's decoder."""

from __future__ import annotations

import io
import re
from base64 import b64decode

import av
import numpy as np
import pytest
from av import VideoFrame

from probe.media.thumbnail import MOST_BYTES, data_url, thumbnail
from probe.media.yuv import to_frame


def read(jpeg: bytes) -> VideoFrame:
    with av.open(io.BytesIO(jpeg), mode="r", format="jpeg_pipe") as container:
        (frame,) = container.decode(video=0)
    assert isinstance(frame, VideoFrame)
    return frame


def noise(width: int, height: int) -> VideoFrame:
    return to_frame(np.random.default_rng(1).integers(0, 256, (height * 3 // 2, width), dtype=np.uint8))


@pytest.mark.parametrize(
    ("size", "small"),
    [((640, 360), (320, 180)), ((1920, 1080), (320, 180)), ((180, 320), (90, 160)), ((96, 54), (96, 54)),
     ((360, 640), (180, 320)), ((640, 2), (320, 2))],
)  # fmt: skip
def test_it_fits_in_proportion_and_into_the_bytes_even_for_noise(size: tuple[int, int], small: tuple[int, int]) -> None:
    jpeg = thumbnail(noise(*size))
    frame = read(jpeg)
    assert (frame.width, frame.height) == small
    assert len(jpeg) <= MOST_BYTES


def test_it_shows_the_picture_and_leaves_it_alone() -> None:
    picture = np.full((180 * 3 // 2, 320), 128, np.uint8)
    picture[:180, :160], picture[:180, 160:] = 60, 200
    source = to_frame(picture)
    source.pts = 7
    found = read(thumbnail(source)).to_ndarray(format="gray")
    # 16–235 of video becomes 0–255 of JPEG: (60 - 16) / 219 · 255 and (200 - 16) / 219 · 255
    assert abs(float(found[:, :150].mean()) - 51.2) < 2
    assert abs(float(found[:, 170:].mean()) - 214.2) < 2
    assert source.pts == 7


def test_a_url_has_it_whole() -> None:
    url = data_url(b"\xff\xd8\xff")
    assert re.fullmatch(r"data:image/jpeg;base64,[A-Za-z0-9+/]+=*", url)
    assert b64decode(url.partition(",")[2]) == b"\xff\xd8\xff"
