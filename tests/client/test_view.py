"""One view, fed with frames and packets by hand: the same media on two paths counts once, whatever way it comes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from probe.client.stream_decoder import Decoded
from probe.client.view import View
from probe.client.vmaf_samples import VmafSamples
from probe.measure.assembly import Frame, MediaPacket
from probe.measure.recognition import Flow
from probe.media.picture import UNREAD, PictureReading
from probe.rtc.receiver import ReceiverHooks
from tests.client.fakes import START, Bench

FPS = 10


class Viewer:
    """A view at depth `frames`, and its paths. Frames are named by their number at the camera."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.milestones: list[tuple[str, str]] = []
        self.keyframes_wanted = 0
        samples = VmafSamples(self.bench.context, enabled=False)
        self.view = View(self.bench.context, "me", "you", self._milestone, samples)
        self.paths: dict[str, ReceiverHooks] = {}

    def _milestone(self, path: str, name: str, time: float) -> None:
        self.milestones.append((path, name))

    def _want(self) -> None:
        self.keyframes_wanted += 1

    def open(self, path: str, topology: str, kind: str = "video") -> None:
        self.paths[path + kind] = self.view.hooks(path, topology, kind, "VP8", self._want)

    def frame(self, path: str, number: int, delay: float = 0.02, *, decodable: bool = True) -> None:
        captured = START + number / FPS
        arrival = captured + delay
        self.bench.clock.time = max(self.bench.clock.time, arrival)
        self.paths[path + "video"].frame(
            Frame(number * 9000, b"x", number == 0, arrival, arrival, 1, False, captured, decodable)
        )

    def packet(self, path: str, number: int, delay: float = 0.02) -> None:
        captured = START + number * 0.02
        self.bench.clock.time = max(self.bench.clock.time, captured + delay)
        self.paths[path + "audio"].audio(
            MediaPacket(number, number * 960, False, b"x" * 100, captured + delay, False, captured)
        )

    def rates(self, topology: str) -> list[float]:
        return self.bench.values("frame_rate", topology=topology)


async def test_milestones_come_in_order_and_once() -> None:
    viewer = Viewer()
    viewer.open("a", "p2p")
    viewer.paths["avideo"].first_packet(START)
    for number in range(3):
        viewer.frame("a", number)
    assert viewer.milestones == [
        ("a", "first_rtp"), ("a", "first_keyframe"), ("a", "first_decoded"), ("a", "flowing"),
    ]  # fmt: skip


async def test_a_migration_make_before_break_counts_every_frame_once() -> None:
    viewer = Viewer()
    viewer.open("a", "p2p")
    for number in range(20):
        viewer.frame("a", number)
    viewer.open("b", "sfu")
    for number in range(20, 30):  # both carry the call; each is the first with some frames
        fast, slow = ("a", "b") if number % 3 else ("b", "a")
        viewer.frame(fast, number, 0.02)
        viewer.frame(slow, number, 0.03)
    viewer.view.path_closed("a")
    for number in range(30, 50):
        viewer.frame("b", number)
    viewer.view.finish(viewer.bench.clock.time)
    timeline = viewer.view.timelines["video"]
    assert (timeline.new, timeline.repeated) == (50, 10)
    assert len(viewer.rates("p2p")) == len(viewer.rates("sfu")) == 1  # no stretch is cut to pieces
    assert viewer.rates("p2p") == [pytest.approx(10, rel=0.02)]
    assert viewer.rates("sfu") == [pytest.approx(10, rel=0.02)]
    assert viewer.bench.values("freeze_count") == [0, 0]
    assert timeline.longest_gap(START + 1.5, START + 3.5) == pytest.approx(0.1, abs=0.015)


async def test_a_rollback_gives_the_view_back_to_the_old_path() -> None:
    viewer = Viewer()
    viewer.open("a", "p2p")
    for number in range(10):
        viewer.frame("a", number)
    viewer.open("b", "sfu")
    for number in range(10, 15):
        viewer.frame("b", number, 0.02)
        viewer.frame("a", number, 0.03)
    viewer.view.path_closed("b")
    for number in range(15, 30):
        viewer.frame("a", number)
    viewer.view.finish(viewer.bench.clock.time)
    assert len(viewer.rates("p2p")) == 2
    assert len(viewer.rates("sfu")) == 1
    assert viewer.view.timelines["video"].new == 30


async def test_a_late_frame_of_a_closed_path_neither_fails_nor_turns_back() -> None:
    viewer = Viewer()
    viewer.open("a", "p2p")
    for number in range(10):
        viewer.frame("a", number)
    viewer.open("b", "sfu")
    viewer.frame("b", 11)
    viewer.view.path_closed("a")
    viewer.frame("a", 10, 0.2)  # was in the decoder
    for number in range(12, 20):
        viewer.frame("b", number)
    viewer.view.finish(viewer.bench.clock.time)
    assert len(viewer.rates("p2p")) == len(viewer.rates("sfu")) == 1
    assert viewer.view.timelines["video"].new == 20


async def test_a_freeze_across_a_migration_is_a_freeze() -> None:
    viewer = Viewer()
    viewer.open("a", "p2p")
    for number in range(20):
        viewer.frame("a", number)
    viewer.view.path_closed("a")
    viewer.open("b", "sfu")
    for number in range(40, 60):
        viewer.frame("b", number)
    viewer.view.finish(viewer.bench.clock.time)
    assert viewer.bench.values("freeze_count", topology="p2p") == [0]
    assert viewer.bench.values("freeze_count", topology="sfu") == [1]


@pytest.mark.parametrize(("silence", "freezes"), [(0.1, 0), (3.0, 1)])
async def test_a_stream_that_ends_in_a_freeze(silence: float, freezes: int) -> None:
    viewer = Viewer()
    viewer.open("a", "p2p")
    for number in range(20):
        viewer.frame("a", number)
    viewer.bench.clock.time += silence + 7.0  # leaving took its time: that is no freeze
    viewer.view.finish(START + 1.92 + silence)
    assert viewer.bench.values("freeze_count") == [freezes]
    ratio = viewer.bench.values("freeze_ratio")[0]
    assert ratio == pytest.approx(freezes * silence / (1.9 + freezes * silence), abs=0.01)


async def test_what_cannot_be_decoded_is_not_shown() -> None:
    viewer = Viewer()
    viewer.open("a", "p2p")
    viewer.frame("a", 0)
    viewer.frame("a", 1, decodable=False)
    viewer.frame("a", 2)
    assert viewer.view.timelines["video"].new == 2


async def test_flowing_needs_every_kind_on_that_path() -> None:
    viewer = Viewer()
    for kind in ("audio", "video"):
        viewer.open("a", "p2p", kind)
        viewer.open("b", "sfu", kind)
    viewer.frame("a", 0)
    viewer.packet("b", 0)
    assert viewer.view.flows_on("a", ("video",))
    assert not viewer.view.flows_on("a", ("audio", "video"))
    viewer.frame("b", 0)  # seen before: it flows all the same
    assert viewer.view.flows_on("b", ("audio", "video"))
    assert viewer.view.flows_on("nowhere", ())
    viewer.view.path_closed("b")
    assert not viewer.view.flows_on("b", ("audio",))


async def test_where_its_media_flows_since_when_and_until_when() -> None:
    viewer = Viewer()
    viewer.open("a", "p2p")
    viewer.open("a", "p2p", "audio")
    viewer.open("b", "sfu")
    for number in range(3):
        viewer.frame("a", number, 0.25)
    viewer.frame("b", 2, 0.5)
    later = int(5 * FPS)
    viewer.frame("a", later, 0.25)
    again = START + 5 + 0.25
    assert viewer.view.flows() == [
        Flow("you", "video", "a", again, again),
        Flow("you", "video", "b", START + 2 / FPS + 0.5, START + 2 / FPS + 0.5),
    ]
    viewer.view.path_closed("a")
    assert [flow.path for flow in viewer.view.flows()] == ["b"]


async def test_audio_on_two_paths_is_heard_on_both_and_new_once() -> None:
    viewer = Viewer()
    viewer.open("a", "p2p", "audio")
    viewer.open("b", "sfu", "audio")
    for number in range(200):
        for path, delay in (("a", 0.02), ("b", 0.04)):
            viewer.packet(path, number, delay)
        if number % 50 == 49:
            viewer.view.window(viewer.bench.clock.time, 0.05)
    assert viewer.view.timelines["audio"].new == 200
    assert viewer.view.timelines["audio"].repeated == 200
    assert viewer.view.last_audio is not None
    viewer.view.finish(viewer.bench.clock.time)
    assert len(viewer.bench.values("audio_mos_lq", topology="p2p")) == 1
    assert len(viewer.bench.values("audio_mos_lq", topology="sfu")) == 1


async def test_a_source_that_gives_way_on_the_same_path_keeps_its_score() -> None:
    viewer = Viewer()
    for _ in range(2):
        viewer.open("a", "sfu", "audio")
        for number in range(100):
            viewer.packet("a", number)
        viewer.bench.clock.time += 0.5
    viewer.view.finish(viewer.bench.clock.time)
    assert len(viewer.bench.values("audio_mos_lq", topology="sfu")) == 2


async def test_silence() -> None:
    viewer = Viewer()
    assert viewer.view.silent_for(START + 100) == 0.0
    viewer.open("a", "p2p")
    viewer.frame("a", 0)
    assert viewer.view.silent_for(START + 3.02) == pytest.approx(3.0)


async def test_many_migrations_leave_no_heap_behind() -> None:
    viewer = Viewer()
    number = 0
    for turn in range(40):
        path = f"path{turn}"
        viewer.open(path, "p2p" if turn % 2 else "sfu")
        for _ in range(3):
            viewer.frame(path, number)
            number += 1
        viewer.view.path_closed(path)
    assert len(viewer.view._stretches) <= 8
    assert not list(viewer.view._sources)
    assert len(viewer.rates("sfu")) + len(viewer.rates("p2p")) == 39  # told as they end, not at the very end


async def test_the_worst_pictures_are_kept_but_not_those_of_a_streams_first_second() -> None:
    viewer = Viewer()
    viewer.bench.context.captures["you"] = cast(Any, Camera())
    viewer.open("a", "p2p")
    [(_, _, stream)] = viewer.view._sources
    for number, index in enumerate([1, 2, *[3] * 10, None, 4, 5]):
        captured = START + number / FPS
        frame = Frame(number * 9000, b"x", number == 0, captured, captured, 1, False, captured, True)
        ssim = 0.5 if index == 4 else 0.1
        reading = PictureReading(index, 30.0, ssim, 2.5) if index is not None else UNREAD
        decoded = Decoded(captured, reading, cast(Any, f"picture {index}"))
        viewer.view._shown("a", stream, frame, decoded, captured)
    assert [(row["frame"], row["ssim"]) for row in viewer.bench.context.worst._kept] == [(4, 0.5)]


class Camera:
    """Sent picture n at any time, but 5 never, and 3 only in the first second."""

    def find(self, index: int, seen: float) -> Any:
        if index == 5 or (index == 3 and seen >= START + 1.0):
            return None
        return SimpleNamespace(time=seen, tick=round((seen - START) * FPS))
