"""VMAF of short windows, by the ffmpeg that the optional extra `meetprobe[vmaf]` (imageio-ffmpeg) brings.

It runs as a process of its own: the binary is a GPLv3 build with libvmaf, which PyAV's libraries lack.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from av import VideoFrame
from av.video.reformatter import Interpolation

from probe.media.strip import crop_rows
from probe.media.yuv import frame_planes
from probe.model.errors import MediaError

MODEL = "vmaf_v0.6.1"
"""The model whose scale Netflix anchors in votes (20 bad, 100 excellent); v1 is not yet."""

_DECODED, _REFERENCE, _LOG = "decoded.yuv", "reference.yuv", "vmaf.json"
_HINT = "pip install 'meetprobe[vmaf]'"


@dataclass(frozen=True, slots=True)
class VmafScore:
    """Mean and per-frame VMAF (0–100) of a window, at the reference's size."""

    mean: float
    frames: tuple[float, ...]


def find_ffmpeg() -> Path:
    """The extra's ffmpeg. Raises MediaError saying how to install it."""
    try:
        found = importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        raise MediaError(f"VMAF needs an ffmpeg with libvmaf: {error}", phase="vmaf", hint=_HINT) from error
    return Path(found)


def available() -> bool:
    """Whether the extra is installed."""
    try:
        find_ffmpeg()
    except MediaError:
        return False
    return True


def score_window(
    pairs: Sequence[tuple[VideoFrame, VideoFrame]], *, fps: int = 30, deadline: float = 30.0, threads: int = 1
) -> VmafScore:
    """VMAF of (decoded, reference) frames that follow each other, without the ID strip. Blocks, about 10 ms a frame at
    640×360; all references have one size, to which decoded pictures are scaled (bicubic).

    Raises MediaError: extra missing, no frames, ffmpeg failed, or it took longer than `deadline` seconds.
    """
    if not pairs:
        raise MediaError("VMAF of no frames", phase="vmaf")
    ffmpeg = find_ffmpeg()
    width, height = pairs[0][1].width, pairs[0][1].height
    with tempfile.TemporaryDirectory(prefix="meetprobe-vmaf-") as name:
        folder = Path(name)
        _write(folder / _DECODED, (decoded for decoded, _ in pairs), width, height)
        _write(folder / _REFERENCE, (reference for _, reference in pairs), width, height)
        size = f"{width}x{height - crop_rows(height)}"
        _run(_command(ffmpeg, size, fps, threads), folder, deadline)
        return _read(folder / _LOG, len(pairs))


def _write(path: Path, frames: Iterable[VideoFrame], width: int, height: int) -> None:
    rows = crop_rows(height)
    with path.open("wb") as file:
        for frame in frames:
            if (frame.width, frame.height, frame.format.name) != (width, height, "yuv420p"):
                frame = frame.reformat(width, height, "yuv420p", interpolation=Interpolation.BICUBIC)
            for plane, cut in zip(frame_planes(frame), (rows, rows // 2, rows // 2), strict=True):
                file.write(np.ascontiguousarray(plane[cut:]).data)


def _command(ffmpeg: Path, size: str, fps: int, threads: int) -> list[str]:
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", size, "-r", str(fps), "-i"]
    score = f"[0:v][1:v]libvmaf=model=version={MODEL}:n_threads={threads}:log_fmt=json:log_path={_LOG}"
    inputs = [*raw, _DECODED, *raw, _REFERENCE]
    return [str(ffmpeg), "-v", "error", "-nostdin", *inputs, "-lavfi", score, "-f", "null", "-"]


def _run(command: list[str], folder: Path, deadline: float) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=deadline, check=False)
    except subprocess.TimeoutExpired as error:
        raise MediaError(f"VMAF took longer than {deadline:g} s", phase="vmaf") from error
    except OSError as error:
        raise MediaError(f"ffmpeg can't be started: {error}", who=command[0], phase="vmaf", hint=_HINT) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise MediaError(f"ffmpeg failed: {said[-1] if said else done.returncode}", who=command[0], phase="vmaf")


def _read(log: Path, count: int) -> VmafScore:
    try:
        frames = tuple(float(frame["metrics"]["vmaf"]) for frame in json.loads(log.read_text())["frames"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MediaError(f"libvmaf's log can't be read: {error}", phase="vmaf") from error
    if len(frames) != count:
        raise MediaError(f"libvmaf scored {len(frames)} of {count} frames", phase="vmaf")
    return VmafScore(sum(frames) / count, frames)
