"""Prepared videos on disk: made once, shared by all processes (the source pictures are mapped, not read).

An entry is a directory `<key>/` of `frames.bin`, `references.bin` and `meta.json` with lengths and checksums. It is
written aside and renamed into place, so a reader sees all of it or nothing; an entry that does not check is made anew.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import tempfile
import zlib
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from probe.media.video import EncodedFrame, EncodedVideo, Reconstruction, VideoSpec

MAX_ENTRIES = 16
"""The least recently used entries beyond these are deleted: one takes about 80 MB at the default size."""

_log = logging.getLogger(__name__)


def cache_root() -> Path:
    """$MEETPROBE_CACHE, or ~/.cache/meetprobe. Raises FileNotFoundError for a user without a home folder."""
    chosen = os.environ.get("MEETPROBE_CACHE")
    try:
        return Path(chosen) if chosen else Path.home() / ".cache" / "meetprobe"
    except RuntimeError as error:
        raise FileNotFoundError(errno.ENOENT, "there is no home folder: set HOME or MEETPROBE_CACHE") from error


def load(key: str, spec: VideoSpec) -> EncodedVideo | None:
    """The entry, or None if there is none or it is damaged."""
    try:
        entry = cache_root() / key
        found = entry.is_dir()
    except OSError:
        return None  # `store` says why nothing is kept
    if not found:
        return None
    try:
        video = _read(entry, spec)
        os.utime(entry)
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("prepared video %s is damaged and made anew: %s", entry, error)
        return None
    return video


def store(key: str, video: EncodedVideo) -> bool:
    """Writes the entry. False, with a warning, where the disk does not let us: the video then lives in memory alone."""
    root: Path | str = "a cache"
    try:
        root = cache_root()
        root.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".making-", dir=root))
        try:
            _write(aside, video)
            _put(aside, root / key)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        _prune(root)
    except OSError as error:
        _log.warning("prepared video is not kept in %s: %s", root, error)
        return False
    return True


def _put(aside: Path, entry: Path) -> None:
    # A directory can't be renamed over another one. What stands there is damaged, or a sister process just made it;
    # whoever has it mapped keeps the deleted files.
    shutil.rmtree(entry, ignore_errors=True)
    try:
        aside.rename(entry)
    except OSError:
        if not entry.is_dir():
            raise


def _prune(root: Path) -> None:
    entries = [path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")]
    for old in sorted(entries, key=lambda path: path.stat().st_mtime, reverse=True)[MAX_ENTRIES:]:
        shutil.rmtree(old, ignore_errors=True)


def _write(folder: Path, video: EncodedVideo) -> None:
    frames = b"".join(frame.data for frame in video.frames)
    (folder / "frames.bin").write_bytes(frames)
    video.references.tofile(folder / "references.bin")
    meta = {
        "content_id": video.content_id,
        "lengths": [len(frame.data) for frame in video.frames],
        "keyframes": [frame.index for frame in video.frames if frame.keyframe],
        "reconstructions": [list(score) for score in video.reconstructions],
        "shape": list(video.references.shape),
        "checks": [zlib.crc32(frames), zlib.crc32(np.ascontiguousarray(video.references).data)],
    }
    (folder / "meta.json").write_text(json.dumps(meta))


def _read(folder: Path, spec: VideoSpec) -> EncodedVideo:
    meta = json.loads((folder / "meta.json").read_text())
    data = (folder / "frames.bin").read_bytes()
    references: NDArray[np.uint8] = np.memmap(folder / "references.bin", np.uint8, "r", shape=tuple(meta["shape"]))
    if [zlib.crc32(data), zlib.crc32(references.data)] != meta["checks"] or sum(meta["lengths"]) != len(data):
        raise ValueError("checksums differ")
    keyframes = set(meta["keyframes"])
    cuts = pairwise(accumulate(meta["lengths"], initial=0))
    frames = tuple(EncodedFrame(data[a:b], index in keyframes, index) for index, (a, b) in enumerate(cuts))
    scores = tuple(Reconstruction(float(psnr), float(ssim), int(crc)) for psnr, ssim, crc in meta["reconstructions"])
    if not len(frames) == len(scores) == len(references) == spec.length:
        raise ValueError("it does not have the frames it should have")
    return EncodedVideo(spec, int(meta["content_id"]), frames, references, scores)
