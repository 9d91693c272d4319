"""Makes a test video ready to send: pictures, strip, encoding, and what every frame is worth when nothing is lost."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import av
import numpy as np

from probe.media import cache
from probe.media.clip import read_pictures
from probe.media.compare import Comparator
from probe.media.decoder import VideoDecoder
from probe.media.encoder import encode_gop
from probe.media.scene import Scene
from probe.media.strip import frame_id
from probe.media.video import EncodedFrame, EncodedVideo, Reconstruction, VideoSpec
from probe.media.yuv import Picture, digest, mark, to_frame
from probe.model.errors import MediaError

CONTENT_VERSION = 1
"""Counts changes of the generated content, of the strip and of the encoders' settings: each makes the cache stale."""


def prepare_video(spec: VideoSpec) -> EncodedVideo:
    """The encoded loop for `spec`: from the cache, or made (1–3 s at the default size) and kept there.

    Raises MediaError if the user's file or the codec can't be used. Blocks: call it in a thread.
    """
    key = _key(spec)
    known = cache.load(key, spec)
    if known is not None:
        return known
    made = _make(spec)
    # What was kept is read back, so that the references are shared pages and not this process's memory.
    return (cache.load(key, spec) if cache.store(key, made) else None) or made


def _make(spec: VideoSpec) -> EncodedVideo:
    content = content_id(spec)
    references = np.empty((spec.length, spec.height * 3 // 2, spec.width), np.uint8)
    render = _renderer(spec)

    def make_gop(start: int) -> list[tuple[EncodedFrame, Reconstruction]]:
        indexes = range(start, start + spec.fps)
        for index in indexes:
            references[index] = render(index)
            mark(references[index], frame_id(content, index))
        encoded = encode_gop(spec, references[start : start + spec.fps])
        frames = [EncodedFrame(data, keyframe, index) for index, (data, keyframe) in zip(indexes, encoded, strict=True)]
        return list(zip(frames, _reconstruct(spec, frames, references), strict=True))

    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        made = [pair for gop in pool.map(make_gop, range(0, spec.length, spec.fps)) for pair in gop]
    frames, reconstructions = zip(*made, strict=True)
    references.setflags(write=False)
    return EncodedVideo(spec, content, frames, references, reconstructions)


def content_id(spec: VideoSpec) -> int:
    """The strip's 8 bits: equal for equal content, however it is encoded, so that receivers can tell a stranger's."""
    content = (CONTENT_VERSION, spec.width, spec.height, spec.fps, spec.seconds, spec.file.name if spec.file else "")
    return zlib.crc32(repr(content).encode()) & 0xFF


def _renderer(spec: VideoSpec) -> Callable[[int], Picture]:
    if spec.file is None:
        return Scene(spec.width, spec.height, spec.length).render
    return read_pictures(spec.file, spec).__getitem__


def _reconstruct(spec: VideoSpec, frames: list[EncodedFrame], references: Picture) -> list[Reconstruction]:
    decoder, comparator = VideoDecoder(spec.codec), Comparator(spec.width, spec.height)
    scores = []
    for frame in frames:
        pictures = decoder.decode(frame.data)
        if len(pictures) != 1:
            raise MediaError(f"our own {spec.codec} frame {frame.index} does not decode", phase="encode")
        psnr, ssim = comparator.psnr_ssim(pictures[0], to_frame(references[frame.index]))
        scores.append(Reconstruction(psnr, ssim, digest(pictures[0])))
    return scores


def _key(spec: VideoSpec) -> str:
    """Names all that the result depends on: content, spec, codec libraries, and the state of the user's file."""
    parts: list[object] = [CONTENT_VERSION, av.__version__, spec]
    if spec.file is not None:
        try:
            state = spec.file.stat()
        except OSError as error:
            raise MediaError(f"can't be read: {error.strerror}", who=str(spec.file), phase="media file") from error
        parts += [spec.file.resolve(), state.st_size, state.st_mtime_ns]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]
