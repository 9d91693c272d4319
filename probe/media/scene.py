"""Generated camera-like content: a person moving before a textured wall, seen by a hand-held, slightly noisy camera.

What matters for the measurement: smooth motion, real texture, soft and hard edges, a little noise that is fixed per
frame, and nothing random: the same seed gives the same pictures on every machine up to rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probe.media.yuv import Picture, split_planes

Field = NDArray[np.float32]

_SWAY = 0.012  # of the height: how far the hand-held camera wanders
_NOISE = 1.0  # standard deviation of the sensor noise, luma steps
_NOISE_PAD = 64


@dataclass(frozen=True, slots=True)
class _Blob:
    """A soft-edged ellipse, lengths in picture heights; it swings by (sway_x, sway_y) `beats` times per loop."""

    x: float
    y: float
    radius_x: float
    radius_y: float
    luma: float
    u: float
    v: float
    sway_x: float = 0.0
    sway_y: float = 0.0
    beats: int = 1
    phase: float = 0.0
    texture: float = 0.0


_PERSON = (
    _Blob(0.0, 1.02, 0.50, 0.42, 74, 140, 116, 0.035, 0.006, 1, 0.0, 16),  # shoulders
    _Blob(0.0, 0.66, 0.09, 0.16, 136, 112, 150, 0.040, 0.006, 1, 0.0, 4),  # neck
    _Blob(0.0, 0.41, 0.185, 0.235, 48, 124, 134, 0.055, 0.010, 1, 0.1, 12),  # hair
    _Blob(0.0, 0.46, 0.150, 0.190, 162, 110, 152, 0.055, 0.010, 1, 0.1, 5),  # face
    _Blob(-0.06, 0.43, 0.026, 0.016, 40, 128, 128, 0.060, 0.010, 1, 0.1),  # eyes
    _Blob(0.06, 0.43, 0.026, 0.016, 40, 128, 128, 0.060, 0.010, 1, 0.1),
    _Blob(0.0, 0.49, 0.018, 0.034, 140, 112, 154, 0.062, 0.010, 1, 0.1),  # nose
    _Blob(0.0, 0.565, 0.055, 0.018, 96, 112, 164, 0.058, 0.016, 8, 0.1),  # mouth
    _Blob(0.46, 0.74, 0.085, 0.105, 156, 110, 152, 0.070, 0.080, 3, 0.8, 6),  # a hand that gestures
)


class Scene:
    """A loop of `length` pictures of width × height (both even). `render` changes nothing and may run in any thread."""

    def __init__(self, width: int, height: int, length: int, seed: int = 1) -> None:
        self.width, self.height, self.length = width, height, length
        rng = np.random.default_rng(seed)
        self._pad = math.ceil(_SWAY * height) + 2
        shape = (height + 2 * self._pad, width + 2 * self._pad)
        self._wall = _wall(shape, height, rng)
        small = (height // 2, width // 2)
        self._wall_u, self._wall_v = (128 + 14 * _smooth_noise(small, height // 6, rng) for _ in "uv")
        self._cloth = _smooth_noise((height, width), max(2, height // 60), rng)
        noise = rng.normal(0, _NOISE, (height + _NOISE_PAD, width + _NOISE_PAD))
        self._noise = np.asarray(noise, dtype=np.float32)
        self._noise_at = rng.integers(0, _NOISE_PAD, (length, 2))

    def render(self, index: int) -> Picture:
        """Array picture `index` (0 ≤ index < length), without a strip."""
        turn = 2 * math.pi * index / self.length
        luma = self._background(turn)
        u, v = self._wall_u.copy(), self._wall_v.copy()
        for blob in _PERSON:
            self._paint(blob, turn, luma, u, v)
        row, column = self._noise_at[index]
        luma += self._noise[row : row + self.height, column : column + self.width]
        picture = np.empty((self.height * 3 // 2, self.width), np.uint8)
        for plane, field in zip(split_planes(picture), (luma, u, v), strict=True):
            plane[:] = np.clip(field + 0.5, 16, 235)
        return picture

    def _background(self, turn: float) -> Field:
        """The wall, shifted by a fraction of a pixel (bilinear) as the camera sways."""
        reach = _SWAY * self.height
        y = self._pad + reach * 0.5 * math.sin(2 * turn)
        x = self._pad + reach * math.sin(turn)
        row, column = int(y), int(x)
        fy, fx = np.float32(y - row), np.float32(x - column)
        part = self._wall[row : row + self.height + 1, column : column + self.width + 1]
        rows = part[:-1] + fy * (part[1:] - part[:-1])
        return np.asarray(rows[:, :-1] + fx * (rows[:, 1:] - rows[:, :-1]), dtype=np.float32)

    def _paint(self, blob: _Blob, turn: float, luma: Field, u: Field, v: Field) -> None:
        angle = blob.beats * turn + 2 * math.pi * blob.phase
        x = self.width / 2 + (blob.x + blob.sway_x * math.sin(angle)) * self.height
        y = (blob.y + blob.sway_y * math.sin(2 * angle)) * self.height
        self._blend(blob, luma, x, y, 1.0, blob.luma, blob.texture)
        self._blend(blob, u, x / 2, y / 2, 0.5, blob.u, 0.0)
        self._blend(blob, v, x / 2, y / 2, 0.5, blob.v, 0.0)

    def _blend(self, blob: _Blob, plane: Field, x: float, y: float, scale: float, value: float, texture: float) -> None:
        radius_x, radius_y = blob.radius_x * self.height * scale, blob.radius_y * self.height * scale
        top, bottom = max(0, int(y - radius_y) - 2), min(plane.shape[0], int(y + radius_y) + 3)
        left, right = max(0, int(x - radius_x) - 2), min(plane.shape[1], int(x + radius_x) + 3)
        rows = ((np.arange(top, bottom, dtype=np.float32) - np.float32(y)) / np.float32(radius_y))[:, None]
        columns = ((np.arange(left, right, dtype=np.float32) - np.float32(x)) / np.float32(radius_x))[None, :]
        distance = rows * rows + columns * columns
        # The edge is about two pixels wide, as a lens would leave it.
        alpha = np.clip((1 - distance) * np.float32(min(radius_x, radius_y) / 4), 0, 1)
        shade = np.full_like(distance, value)
        if texture:  # lit from the upper left, darker towards the edge
            shade -= np.float32(value) * (np.float32(0.05) * (columns + rows) + np.float32(0.12) * distance)
            shade += np.float32(texture) * self._cloth_at(top - y, left - x, *distance.shape)
        area = plane[top:bottom, left:right]
        area += alpha * (shade - area)

    def _cloth_at(self, top: float, left: float, rows: int, columns: int) -> Field:
        """A piece of the cloth texture that moves with its blob, to whole pixels."""
        row = int(top) % max(1, self.height - rows)
        column = int(left) % max(1, self.width - columns)
        return self._cloth[row : row + rows, column : column + columns]


def _wall(shape: tuple[int, int], height: int, rng: np.random.Generator) -> Field:
    """A lit wall: a gradient, three scales of texture, and a shelf of upright books with hard edges."""
    rows, columns = shape
    across, down = np.linspace(150, 104, columns, dtype=np.float32), np.linspace(10, -20, rows, dtype=np.float32)
    light = across[None, :] + down[:, None]
    for cell, strength in ((height // 4, 14.0), (height // 16, 7.0), (max(2, height // 90), 4.0)):
        light = light + np.float32(strength) * _smooth_noise(shape, cell, rng)
    top, bottom = int(0.14 * rows), int(0.52 * rows)
    x = int(0.04 * columns)
    while x < 0.30 * columns:
        book = max(3, int(height * rng.uniform(0.02, 0.05)))
        head = top + int(rng.uniform(0, 0.10) * rows)
        light[head:bottom, x : x + book] = rng.uniform(50, 190) + 0.3 * (light[head:bottom, x : x + book] - 128)
        x += book + 1
    return np.asarray(light, dtype=np.float32)


def _smooth_noise(shape: tuple[int, int], cell: int, rng: np.random.Generator) -> Field:
    """Noise within about ±1, smooth over `cell` pixels: a random grid, stretched by cosine interpolation."""
    cell = max(1, cell)
    rows, columns = shape
    grid = rng.uniform(-1, 1, (rows // cell + 2, columns // cell + 2)).astype(np.float32)
    tall = _stretch(grid, rows, cell)
    return _stretch(np.ascontiguousarray(tall.T), columns, cell).T


def _stretch(grid: Field, length: int, cell: int) -> Field:
    position = np.arange(length, dtype=np.float32) / np.float32(cell)
    at = position.astype(np.int64)
    weight = ((1 - np.cos((position - at) * np.float32(math.pi))) / 2)[:, None]
    return np.asarray(grid[at] * (1 - weight) + grid[at + 1] * weight, dtype=np.float32)
