"""Which pictures are kept for VMAF."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

import probe.media.vmaf
from probe.client.vmaf_samples import WINDOW_FRAMES, VmafSamples
from tests.client.fakes import Bench


def _offer(samples: VmafSamples, topology: str, stream: int, frames: int, first: int = 0) -> None:
    for index in range(first, first + frames):
        picture: Any = f"picture {index}"
        samples.offer(topology, picture, index, stream)


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[list[tuple[str, str]]]:
    """The windows that were scored; each picture gets 95."""
    found: list[list[tuple[str, str]]] = []

    def score(pairs: list[tuple[str, str]]) -> Any:
        found.append(pairs)
        return SimpleNamespace(frames=[95.0] * len(pairs))

    monkeypatch.setattr(probe.media.vmaf, "score_window", score)
    return found


VIDEO: Any = SimpleNamespace(reference=lambda index: f"source {index}")


def test_one_window_of_consecutive_pictures_per_topology(scored: list[list[tuple[str, str]]]) -> None:
    bench = Bench(video=VIDEO)
    samples = VmafSamples(bench.context, enabled=True)
    for topology in ("p2p", "sfu"):
        _offer(samples, topology, 1, 200)
        _offer(samples, topology, 2, 200)
    samples.score()
    samples.score()
    assert [len(window) for window in scored] == [WINDOW_FRAMES] * 2
    assert scored[0] == [(f"picture {n}", f"source {n}") for n in range(45, 45 + WINDOW_FRAMES)]
    assert bench.values("video_vmaf", topology="p2p") == [95.0] * WINDOW_FRAMES


def test_a_stretch_that_was_too_short_makes_room_for_the_next(scored: list[list[tuple[str, str]]]) -> None:
    samples = VmafSamples(Bench(video=VIDEO).context, enabled=True)
    _offer(samples, "p2p", 1, 60)
    samples.ended("p2p", 1)
    _offer(samples, "p2p", 2, 100, first=500)
    samples.ended("p2p", 2)
    _offer(samples, "p2p", 3, 100, first=900)
    samples.ended("p2p", 3)
    samples.score()
    assert [window[0][0] for window in scored] == ["picture 545"]


@pytest.mark.parametrize(("enabled", "video", "frames"), [(False, VIDEO, 200), (True, None, 200), (True, VIDEO, 74)])
def test_nothing_is_scored(enabled: bool, video: Any, frames: int, scored: list[list[tuple[str, str]]]) -> None:
    bench = Bench(video=video)
    samples = VmafSamples(bench.context, enabled=enabled)
    _offer(samples, "p2p", 1, frames)
    samples.score()
    assert scored == []
    assert bench.samples == []
