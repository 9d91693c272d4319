"""Pictures as 4:2:0 planes: between numpy arrays and `av.VideoFrame`.

An array picture is uint8 of shape (H * 3 / 2, W), contiguous: H rows of luma, then U and V (H/2 × W/2 each) one after
the other. Width and height are even.
"""

from __future__ import annotations

import zlib
from fractions import Fraction

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from probe.media.strip import draw_strip, strip_height

Picture = NDArray[np.uint8]
TIME_BASE = Fraction(1, 90_000)


def split_planes(picture: Picture) -> tuple[Picture, Picture, Picture]:
    """Views of the luma (H, W) and chroma (H/2, W/2) planes of an array picture."""
    rows, width = picture.shape
    height = rows * 2 // 3
    flat = picture.reshape(-1)
    luma, chroma = height * width, height * width // 4
    return (
        flat[:luma].reshape(height, width),
        flat[luma : luma + chroma].reshape(height // 2, width // 2),
        flat[luma + chroma :].reshape(height // 2, width // 2),
    )


def mark(picture: Picture, value: int) -> None:
    """Draws the frame-ID strip with `value` into an array picture, chroma neutral, in place."""
    luma, u, v = split_planes(picture)
    draw_strip(luma, value)
    rows = (strip_height(luma.shape[0]) + 1) // 2
    u[:rows], v[:rows] = 128, 128


def frame_planes(frame: VideoFrame) -> tuple[Picture, Picture, Picture]:
    """Views, without padding, of the planes of a yuv420p frame; they keep the frame's memory alive."""
    return _plane(frame, 0), _plane(frame, 1), _plane(frame, 2)


def frame_luma(frame: VideoFrame) -> Picture:
    """View of the luma plane (H, W) of a planar frame, without padding."""
    return _plane(frame, 0)


def _plane(frame: VideoFrame, number: int) -> Picture:
    plane = frame.planes[number]
    rows: Picture = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)
    visible: Picture = rows[: plane.height, : plane.width]
    return visible


def to_frame(picture: Picture) -> VideoFrame:
    """A yuv420p frame with a copy of an array picture."""
    return VideoFrame.from_ndarray(picture, format="yuv420p")


def to_picture(frame: VideoFrame) -> Picture:
    """The array picture of a frame; frames of other formats are converted to yuv420p."""
    if frame.format.name != "yuv420p":
        frame = frame.reformat(format="yuv420p")
    return np.concatenate([plane.reshape(-1) for plane in frame_planes(frame)]).reshape(-1, frame.width)


def digest(frame: VideoFrame) -> int:
    """CRC-32 over luma and chroma without padding: equal pictures have equal digests, damaged ones almost surely not.
    CRC-32 and not a cryptographic hash: zlib's runs at several GB/s and without the interpreter lock."""
    value = 0
    for plane in frame_planes(frame):
        value = zlib.crc32(np.ascontiguousarray(plane).data, value)
    return value
