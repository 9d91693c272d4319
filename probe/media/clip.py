"""A user's own media file as pictures and samples: read through PyAV, brought to the wanted size, rate and length."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
from av import AudioFrame, AudioResampler, VideoFrame
from av.container import InputContainer
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from probe.media.video import VideoSpec
from probe.media.yuv import Picture, split_planes, to_picture
from probe.model.errors import MediaError

_GRACE = 0.25  # of an interval between pictures


def read_pictures(path: Path, spec: VideoSpec) -> list[Picture]:
    """The first `spec.seconds` of the clip as array pictures at `spec.fps`, scaled to fit and padded with black.

    Of each 1/fps the latest frame is taken; a shorter clip is repeated to the length. Raises MediaError naming the
    file: missing, not media, without a video stream, damaged before the first frame.
    """
    with _opened(path) as container:
        if not container.streams.video:
            raise MediaError("the file has no video stream", who=str(path), phase="media file")
        pictures = list(_sampled(container, spec))
    if not pictures:
        raise MediaError("no video frame could be decoded", who=str(path), phase="media file")
    return [pictures[number % len(pictures)] for number in range(spec.length)]


def read_samples(path: Path, rate: int, seconds: int) -> NDArray[np.int16]:
    """The first `seconds` of the file's audio as mono samples at `rate` per second; a shorter file is repeated.

    Raises MediaError as `read_pictures` does.
    """
    wanted = rate * seconds
    parts: list[NDArray[np.int16]] = []
    with _opened(path) as container:
        if not container.streams.audio:
            raise MediaError("the file has no audio stream", who=str(path), phase="media file")
        resampler = AudioResampler(format="s16", layout="mono", rate=rate)
        for frame in container.decode(audio=0):
            parts += [_mono(resampled) for resampled in resampler.resample(frame)]
            if sum(map(len, parts)) >= wanted:
                break
        else:
            parts += [_mono(rest) for rest in resampler.resample(None)]
    samples = np.concatenate(parts) if parts else np.empty(0, np.int16)
    if not len(samples):
        raise MediaError("no audio could be decoded", who=str(path), phase="media file")
    return np.resize(samples, wanted)


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    try:
        with av.open(str(path)) as container:
            yield container
    except (OSError, ValueError) as error:  # every FFmpegError is one of them
        reason = getattr(error, "strerror", None) or str(error)
        raise MediaError(f"can't be read: {reason}", who=str(path), phase="media file") from error


def _sampled(container: InputContainer, spec: VideoSpec) -> Iterator[Picture]:
    """Resamples to a constant rate: picture n is the latest frame not later than n/fps. A quarter of an interval is
    forgiven, since many containers round times to milliseconds. The last frame stays as long as the one before."""
    slot, due, stay = 0, 0, 1
    start: float | None = None
    shown: Picture | None = None
    for frame in container.decode(video=0):
        time = frame.time if frame.time is not None else due / spec.fps
        start = time if start is None else start
        before, due = due, max(due, math.ceil((time - start) * spec.fps - _GRACE))
        if shown is not None:
            stay = max(1, due - before)
            for _ in range(slot, min(due, spec.length)):
                yield shown
        slot = max(slot, min(due, spec.length))
        if slot >= spec.length:
            return
        shown = fit_picture(frame, spec.width, spec.height)
    for _ in range(slot, min(slot + stay, spec.length)):
        if shown is not None:
            yield shown


def fit_picture(frame: VideoFrame, width: int, height: int) -> Picture:
    """The frame as an array picture of width × height: scaled (bicubic) to fit, its shape kept, centred on black."""
    scale = min(width / frame.width, height / frame.height)
    inner = [max(2, 2 * round(length * scale / 2)) for length in (frame.width, frame.height)]
    scaled = frame.reformat(inner[0], inner[1], "yuv420p", interpolation=Interpolation.BICUBIC)
    picture = np.empty((height * 3 // 2, width), np.uint8)
    parts = zip(split_planes(picture), split_planes(to_picture(scaled)), (16, 128, 128), strict=True)
    for part, source, black in parts:
        part[:] = black
        top, left = ((whole - own) // 2 for whole, own in zip(part.shape, source.shape, strict=True))
        part[top : top + source.shape[0], left : left + source.shape[1]] = source
    return picture


def _mono(frame: AudioFrame) -> NDArray[np.int16]:
    return np.asarray(frame.to_ndarray().reshape(-1), dtype=np.int16)
