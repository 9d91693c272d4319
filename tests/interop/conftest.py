"""Small media for calls with strangers, made once per test session, and a watch that nothing is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.media.audio import AudioSpec, EncodedAudio, prepare_audio
from probe.media.prepare import prepare_video
from probe.media.video import EncodedVideo, VideoSpec

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
