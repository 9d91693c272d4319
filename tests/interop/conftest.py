"""Small media for calls with strangers, made once per test session, and a watch that nothing is left behind."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from probe.media.audio import AudioSpec, EncodedAudio, prepare_audio
from probe.media.prepare import prepare_video
from probe.media.video import EncodedVideo, VideoSpec
from tests.interop.party import until

FPS = 20


@pytest.fixture(scope="session", autouse=True)
def _media_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("interop-media")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEETPROBE_CACHE", str(folder))
        yield folder


def _video(codec: str) -> EncodedVideo:
    return prepare_video(VideoSpec(width=320, height=180, fps=FPS, bitrate_bps=400_000, codec=codec, seconds=3))


@pytest.fixture(scope="session")
def videos(_media_cache: Path) -> dict[str, EncodedVideo]:
    """Three seconds of 320x180 at 20 fps, by codec."""
    return {codec: _video(codec) for codec in ("VP8", "H264")}


@pytest.fixture(scope="session")
def audio() -> EncodedAudio:
    return prepare_audio(AudioSpec(seconds=3))


@pytest.fixture(autouse=True)
async def _nothing_is_left() -> AsyncIterator[None]:
    """After each test: no socket, no process, no task that was not there before (Linux)."""
    before = _held()
    yield
    await until(lambda: not _held() - before, "the end of what the test began", 5.0)


def _held() -> set[str]:
    """What this process has open that a call could have left: sockets, children, tasks."""
    tasks = {task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()}
    return tasks | _sockets() | _children()


def _sockets() -> set[str]:
    found = set()
    for entry in Path("/proc/self/fd").glob("*"):
        try:
            found.add(os.readlink(entry))
        except FileNotFoundError:
            continue  # the handle of this very listing
    return {target for target in found if target.startswith("socket:")}


def _children() -> set[str]:
    found = set()
    for listing in Path("/proc/self/task").glob("*/children"):
        try:
            found |= {f"process {pid}" for pid in listing.read_text().split()}
        except (FileNotFoundError, ProcessLookupError):
            continue  # that thread has just ended
    return found
