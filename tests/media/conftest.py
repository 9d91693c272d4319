"""Small prepared videos in a cache of their own, made once per test session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.media.prepare import prepare_video
from probe.media.video import EncodedVideo, VideoSpec

SMALL = VideoSpec(width=320, height=180, fps=10, bitrate_bps=300_000, seconds=3)


@pytest.fixture(scope="session", autouse=True)
def _media_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("media-cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEETPROBE_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def small_video(_media_cache: Path) -> EncodedVideo:
    return prepare_video(SMALL)
