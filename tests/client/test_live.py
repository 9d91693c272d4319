"""The figures of the moment, and who falls silent, of views that gather records."""

from __future__ import annotations

import pytest

from probe.client.live import Live
from probe.client.view import View
from tests.client.fakes import START
from tests.client.test_view_headers import FPS, Viewer


def call(seconds: int, viewer: Viewer, live: Live, lateness: float = 0.0) -> list[list[str]]:
    """Frames and audio, and a tick each second, late each second time."""
    told = []
    for second in range(seconds):
        for number in range(second * FPS, (second + 1) * FPS):
            viewer.frame("p", number)
        for number in range(second * 50, (second + 1) * 50):
            viewer.packet("p", number)
        viewer.bench.clock.time = START + second + 1 + lateness * (second % 2)
        told.append(live.tick(viewer.bench.clock.time, {"you"}))
    return told


def listener() -> Viewer:
    found = Viewer()
    for kind in ("audio", "video"):
        found.open("p", "p2p", kind)
    return found


def looks(viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    window = View.window

    def count(self: View, now: float, round_trip: float | None) -> int:
        found.append(now - START)
        return window(self, now, round_trip)

    monkeypatch.setattr(View, "window", count)
    return found


async def test_records_are_looked_at_every_other_second(monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = listener()
    looked = looks(viewer, monkeypatch)
    live = Live({"you": viewer.view}, {})
    assert not any(call(9, viewer, live, lateness=0.03))
    # The first look begins everything; audio began at 0.02 s, and its first window has passed at 2.03 s.
    assert [round(time) for time in looked] == [1, 2, 4, 6, 8]
    assert live.figures()["frame_rate"] == pytest.approx(FPS, abs=0.2)
    audio = viewer.view.last_audio
    assert audio is not None
    assert audio.last is not None
    assert live.figures()["audio_score"] == audio.last.score


async def test_without_audio_too(monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = Viewer()
    viewer.open("p", "p2p", "video")
    looked = looks(viewer, monkeypatch)
    live = Live({"you": viewer.view}, {})
    for second in range(1, 7):
        for number in range((second - 1) * FPS, second * FPS):
            viewer.frame("p", number)
        viewer.bench.clock.time = START + second
        live.tick(START + second, {"you"})
        assert live.figures()["frame_rate"] == FPS
    assert looked == [1, 3, 5]


async def test_silence_is_told_in_time() -> None:
    viewer = listener()
    live = Live({"you": viewer.view}, {})
    call(4, viewer, live)
    told = [live.tick(START + second, {"you"}) for second in range(5, 12)]
    # The last media came at 3.98 s: at 9 s it has been silent for more than five seconds.
    assert told == [[], [], [], [], ["you"], [], []]
    assert live.figures()["frame_rate"] == 0.0


async def test_who_is_gone_has_no_rate() -> None:
    views: dict[str, View] = {}
    live = Live(views, {})
    viewer = Viewer()
    viewer.open("p", "p2p", "video")
    views["you"] = viewer.view
    viewer.frame("p", 0)
    live.tick(START + 1.0, {"you"})
    assert live.figures()["frame_rate"] == 1.0
    del views["you"]
    assert live.figures()["frame_rate"] is None
