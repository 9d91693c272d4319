"""Prepared test video: what was asked for, the encoded loop with its references, and a cursor that plays it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from probe.media.strip import MAX_INDEX, MIN_WIDTH, frame_id
from probe.media.yuv import Picture, to_frame
from probe.model.errors import ConfigError

CODECS = ("VP8", "H264")
MAX_RAW_BYTES = 2_000_000_000


@dataclass(frozen=True, slots=True)
class VideoSpec:
    """What to send: size in pixels (even), frames and bits per second, codec, and a clip instead of generated content.

    `seconds` is the length of the loop; a GOP is one second, so it is also the number of places to join the loop.
    Raises ConfigError for values that no encoder here takes.
    """

    width: int = 640
    height: int = 360
    fps: int = 30
    bitrate_bps: int = 1_000_000
    codec: str = "VP8"
    file: Path | None = None
    seconds: int = 8

    def __post_init__(self) -> None:
        rules = (
            (self.width % 2 == 0 and MIN_WIDTH <= self.width <= 3840, "width", f"even, {MIN_WIDTH} to 3840"),
            (self.height % 2 == 0 and 54 <= self.height <= 2160, "height", "even, 54 to 2160"),
            (1 <= self.fps <= 60, "fps", "1 to 60"),
            (10_000 <= self.bitrate_bps <= 50_000_000, "bitrate_bps", "10 000 to 50 000 000"),
            (self.codec in CODECS, "codec", " or ".join(CODECS)),
            (1 <= self.seconds <= 120, "seconds", "1 to 120"),
            (self.raw_bytes <= MAX_RAW_BYTES, "seconds", f"a loop of at most {MAX_RAW_BYTES / 1e9:.0f} GB unpacked"),
        )
        for valid, name, allowed in rules:
            if not valid:
                raise ConfigError(f"video {name} {getattr(self, name)!r} can't be used", hint=f"allowed: {allowed}")

    @property
    def length(self) -> int:
        """Frames in the loop."""
        return self.fps * self.seconds

    @property
    def raw_bytes(self) -> int:
        """Bytes of the loop's unpacked pictures."""
        return self.length * self.width * self.height * 3 // 2


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """One frame as the encoder made it; `index` is the content index that its strip carries."""

    data: bytes
    keyframe: bool
    index: int


class Reconstruction(NamedTuple):
    """The undamaged decoded picture: luma PSNR and SSIM against its source, and the digest to know it by."""

    psnr_db: float
    ssim: float
    digest: int


@dataclass(frozen=True, eq=False)
class EncodedVideo:
    """A loop of frames, its source pictures (uint8, shape (frames, H * 3 / 2, W)), and its reconstruction scores."""

    spec: VideoSpec
    content_id: int
    frames: tuple[EncodedFrame, ...]
    references: NDArray[np.uint8]
    reconstructions: Sequence[Reconstruction]

    @property
    def gop(self) -> int:
        """Frames per closed group of pictures: one second."""
        return self.spec.fps

    def strip_value(self, index: int) -> int:
        return frame_id(self.content_id, index)

    def reference_picture(self, index: int) -> Picture:
        """The source picture `index`, strip drawn, as an array picture (read-only view)."""
        if not 0 <= index < len(self.frames):
            raise ValueError(f"content index {index} lies outside the loop of {len(self.frames)} frames")
        picture: Picture = self.references[index]
        return picture

    def reference(self, index: int) -> VideoFrame:
        """The source picture `index` as a yuv420p frame of its own."""
        return to_frame(self.reference_picture(index))

    def reconstruction_score(self, index: int) -> Reconstruction:
        return self.reconstructions[index]


class VideoCursor:
    """Plays a loop: every frame once, over and over, beginning at the start of GOP `start_gop` (taken modulo)."""

    def __init__(self, encoded: EncodedVideo, start_gop: int = 0) -> None:
        self.encoded = encoded
        self._frames = encoded.frames
        self._gop = encoded.gop
        self._position = start_gop * self._gop % len(self._frames)

    @property
    def position(self) -> int:
        """Which frame of the loop comes next."""
        return self._position

    def next(self) -> EncodedFrame:
        frame = self._frames[self._position]
        self._position = (self._position + 1) % len(self._frames)
        return frame

    def request_keyframe(self) -> None:
        """Makes the next frame a key frame: skips to the start of the coming GOP, unless it is about to begin anyway.
        GOPs are closed, so a decoder that joins or jumps there misses nothing."""
        self._position = -(-self._position // self._gop) * self._gop % len(self._frames)


assert MAX_INDEX >= 120 * 60  # every loop that a VideoSpec allows fits into the strip
