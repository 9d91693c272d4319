from __future__ import annotations

import importlib
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from av import VideoFrame

from probe.measure.video_quality import vmaf_to_mos
from probe.media import vmaf
from probe.media.decoder import VideoDecoder
from probe.media.picture import PictureScorer
from probe.media.prepare import prepare_video
from probe.media.scene import Scene
from probe.media.video import CODECS, VideoSpec
from probe.media.vmaf import score_window
from probe.media.yuv import split_planes, to_frame
from probe.model.errors import MediaError

needs_vmaf = pytest.mark.skipif(not vmaf.available(), reason="the vmaf extra is not installed")


def pictures(count: int) -> list[VideoFrame]:
    scene = Scene(320, 180, 30)
    return [to_frame(scene.render(index)) for index in range(count)]


def fake(folder: Path, script: str) -> Path:
    path = folder / "ffmpeg"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@needs_vmaf
def test_equal_pictures_score_near_the_top() -> None:
    score = score_window([(frame, frame) for frame in pictures(5)])
    assert len(score.frames) == 5
    assert score.mean > 96
    assert score.mean == pytest.approx(sum(score.frames) / 5)


@needs_vmaf
def test_each_frame_has_its_own_score_and_the_strip_has_none() -> None:
    references = pictures(4)
    decoded = pictures(4)
    grey = np.full((270, 320), 128, np.uint8)
    decoded[2] = to_frame(grey)
    covered = []
    scene = Scene(320, 180, 30)
    for index in range(4):
        picture = scene.render(index)
        split_planes(picture)[0][:26] = 0
        covered.append(to_frame(picture))
    frames = score_window(list(zip(decoded, references, strict=True))).frames
    assert frames[2] < 20 < frames[0]
    same = score_window([(frame, frame) for frame in references])
    assert score_window(list(zip(covered, references, strict=True))) == same


@needs_vmaf
def test_smaller_pictures_are_judged_at_the_reference_s_size() -> None:
    references = pictures(4)
    half = [(frame.reformat(160, 90), frame) for frame in references]
    third = [(frame.reformat(106, 60), frame) for frame in references]
    assert score_window(third).mean < score_window(half).mean < 95


@needs_vmaf
@pytest.mark.parametrize("codec", CODECS)
def test_the_default_video_reaches_the_target_undisturbed(codec: str) -> None:
    """A video quality score of 4.6 is VMAF 92; ours must lie above with a margin, by VMAF and by the calibration."""
    video = prepare_video(VideoSpec(codec=codec))
    decoder, scorer = VideoDecoder(codec), PictureScorer(video)
    decoded = [decoder.decode(frame.data)[0] for frame in video.frames]
    chosen = [*range(60), *range(120, 150)]
    score = score_window([(decoded[n], video.reference(n)) for n in chosen], threads=2)
    readings = [scorer.score(frame) for frame in decoded]
    assert score.mean > 94
    estimated = np.mean([readings[n].mos for n in chosen])
    assert estimated == pytest.approx(np.mean([vmaf_to_mos(frame) for frame in score.frames]), abs=0.15)
    assert np.mean([reading.mos for reading in readings]) > 4.65
    assert max(len(frame.data) for frame in video.frames) < 31_000
    assert 0.85e6 < sum(len(frame.data) for frame in video.frames) < 1.1e6  # bytes in 8 s: about 1 Mbit/s


def test_no_frames_are_an_error() -> None:
    with pytest.raises(MediaError, match="no frames"):
        score_window([])


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", missing)
    assert not vmaf.available()
    with pytest.raises(MediaError, match="imageio_ffmpeg") as caught:
        score_window([(frame, frame) for frame in pictures(1)])
    assert "meetprobe[vmaf]" in caught.value.hint


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'No such filter: libvmaf' >&2; exit 8", "No such filter: libvmaf"),
        ("exit 3", "ffmpeg failed: 3"),
        ("exit 0", "log can't be read"),
        ("echo '{}' > vmaf.json", "log can't be read"),
        ("echo '{\"frames\": []}' > vmaf.json", "scored 0 of 1 frames"),
        ("exec sleep 30", "took longer than 0.5 s"),
    ],
)
def test_an_ffmpeg_that_fails_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, message: str
) -> None:
    path = fake(tmp_path, script)
    monkeypatch.setattr(vmaf, "find_ffmpeg", lambda: path)
    with pytest.raises(MediaError, match=message):
        score_window([(frame, frame) for frame in pictures(1)], deadline=0.5)


def test_an_ffmpeg_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vmaf, "find_ffmpeg", lambda: tmp_path / "gone")
    with pytest.raises(MediaError, match="can't be started"):
        score_window([(frame, frame) for frame in pictures(1)])
