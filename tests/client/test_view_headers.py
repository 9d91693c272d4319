"""A view at depth `headers`: records in bulk amount to what the same packets and frames amount to one by one."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from probe.client.capture_log import CaptureLog
from probe.client.view import View
from probe.client.vmaf_samples import VmafSamples
from probe.measure.assembly import Frame, MediaPacket
from probe.measure.estimated_video import estimated_video_score
from probe.measure.records import MARKER, RECORD, RESTARTED, Records
from probe.media.video import EncodedVideo, VideoSpec
from probe.rtc.receiver import ReceiverHooks
from tests.client.fakes import START, Bench

FPS = 10
Row = tuple[int, float, float, int, int, int, int]


class Viewer:
    """A view at depth `headers` that is asked once a second; `arrive` is what the receivers hold back until then."""

    def __init__(self, *, ours: bool = True, content: bool = False) -> None:
        video = cast(EncodedVideo, SimpleNamespace(spec=VideoSpec())) if content else None
        self.bench = Bench("headers", captures={"you": CaptureLog()} if ours else {}, video=video)
        self.milestones: list[tuple[str, str, float]] = []
        self.held: dict[str, list[Row]] = defaultdict(list)
        self.sent: Counter[str] = Counter()
        self.paths: dict[str, ReceiverHooks] = {}
        samples = VmafSamples(self.bench.context, enabled=False)
        self.view = View(self.bench.context, "me", "you", lambda *what: self.milestones.append(what), samples)

    def open(self, path: str, topology: str, kind: str = "video") -> None:
        hooks = self.paths[path + kind] = self.view.hooks(path, topology, kind, "VP8", lambda: None)
        hooks.pull = lambda: self.push(path + kind)

    def push(self, stream: str) -> None:
        """The receiver hands over what it holds."""
        rows, self.held[stream] = self.held[stream], []
        if rows:
            self.paths[stream].records(np.array(rows, RECORD))

    def arrive(self, stream: str, row: Row) -> None:
        self.held[stream].append(row)
        self.bench.clock.time = max(self.bench.clock.time, row[1])

    def frame(self, path: str, number: int, delay: float = 0.02, packets: int = 2) -> None:
        """All of its packets arrive at once."""
        captured = START + number / FPS
        for place in range(packets):
            sequence, marker = self.sent[path], (place == packets - 1) * MARKER
            self.sent[path] += 1
            self.arrive(path + "video", (sequence, captured + delay, captured, number * 9000, 500, marker, 0))

    def packet(self, path: str, number: int, delay: float = 0.02, flags: int = 0, origin: int = 0) -> None:
        captured, timestamp = START + number * 0.02, (origin + number * 960) % 2**32
        self.arrive(path + "audio", (number, captured + delay, captured, timestamp, 100, flags, 0))

    def values(self, metric: str, **tags: str) -> list[float]:
        return self.bench.values(metric, **tags)


def one_by_one(records: Records, hooks: ReceiverHooks, kind: str) -> None:
    """The same by the hooks of other depths, in order of arrival; frames of two packets each."""
    size = 0
    for sequence, arrival, capture, timestamp, length, flags, _ in records.tolist():
        size += length
        if kind == "audio":
            hooks.audio(MediaPacket(sequence, timestamp, False, bytes(length), arrival, False, capture))
        elif flags & MARKER:
            hooks.frame(Frame(timestamp, bytes(size), False, arrival, arrival, 2, False, capture, True))
            size = 0


def amounts(viewer: Viewer) -> dict[str, list[object]]:
    """Every sample, without its time: bulk ones come later. Clocks of others are looked at one by one only."""
    found: dict[str, list[object]] = defaultdict(list)
    for sample in viewer.bench.samples:
        if sample.metric == "capture_clock_ratio":
            continue
        found[f"{sample.metric} {sorted(sample.tags.items())}"].append(round(sample.value, 9))
    return {name: sorted(values, key=repr) for name, values in found.items()}


def call(seconds: int, seed: int) -> Iterable[tuple[str, str, int, float]]:
    """(what, path, number, delay) of a call that moves from a to b, with both open between 4 s and 6 s, in order of arrival; the
    camera stands still for a second."""
    rng = random.Random(seed)
    events = []
    for path, first, last, delay in (("a", 0, 6, 0.02), ("b", 4, seconds, 0.024)):
        for kind, rate in (("video", FPS), ("audio", 50)):
            for number in range(first * rate, last * rate):
                if kind == "audio" or not 70 <= number < 80:
                    late = delay + rng.uniform(0, 0.008)
                    events.append((number / rate + late, kind, path, number, late))
    return [(kind, path, number, late) for _, kind, path, number, late in sorted(events)]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("ours", [True, False])
async def test_a_migration_in_bulk_is_one_by_one(seed: int, ours: bool) -> None:
    bulk, single = Viewer(ours=ours), Viewer(ours=ours)
    closed, second = False, 0
    for viewer in (bulk, single):
        for path, topology in (("a", "p2p"), ("b", "sfu")):
            for kind in ("audio", "video"):
                viewer.open(path, topology, kind)
    for what, path, number, late in call(12, seed):
        for viewer in (bulk, single):
            (viewer.frame if what == "video" else viewer.packet)(path, number, late)
        stream = path + what
        held, single.held[stream] = single.held[stream], []
        one_by_one(np.array(held, RECORD), single.paths[stream], what)
        now = bulk.bench.clock.now()
        if int(now - START) > second:
            second = int(now - START)
            for viewer in (bulk, single):
                viewer.view.window(now, 0.05)
        if now - START > 6.2 and not closed:
            closed = True
            for viewer in (bulk, single):
                viewer.view.path_closed("a")
    for viewer in (bulk, single):
        viewer.view.finish(viewer.bench.clock.now() + 3.0)
    assert amounts(bulk) == amounts(single)
    assert sum(bulk.values("freeze_count")) == 2, "the camera's second, and the end"
    for kind in ("audio", "video"):
        mine, other = bulk.view.timelines[kind], single.view.timelines[kind]
        assert (mine.new, mine.repeated) == (other.new, other.repeated)
        assert mine.longest_gap(START + 3, START + 7) == other.longest_gap(START + 3, START + 7)
    assert mine.repeated == 20
    told = [sorted((path, name) for path, name, _ in viewer.milestones) for viewer in (bulk, single)]
    assert told[0] == told[1]


async def test_milestones_come_with_the_first_media_and_once() -> None:
    viewer = Viewer()
    viewer.open("a", "p2p")
    viewer.paths["avideo"].first_packet(START)
    for place in range(2):
        viewer.arrive("avideo", (place, START + 0.02 + place * 0.01, START, 0, 500, place * MARKER, 0))
        viewer.push("avideo")
    viewer.frame("a", 1)
    viewer.push("avideo")
    assert viewer.milestones == [
        ("a", "first_rtp", START), ("a", "first_decoded", START + 0.03), ("a", "flowing", START + 0.03),
    ]  # fmt: skip


QUESTIONS: dict[str, tuple[Callable[[View], object], object]] = {
    "silence": (lambda view: round(view.silent_for(START + 10.0), 6), 10.0 - 0.92),
    "new frames": (lambda view: view.timelines["video"].new, 10),
    "flows": (lambda view: view.flows_on("a", ("video",)), True),
}


@pytest.mark.parametrize("question", QUESTIONS)
async def test_answers_count_what_the_receiver_still_holds(question: str) -> None:
    viewer = Viewer()
    viewer.open("a", "p2p")
    viewer.frame("a", 0)
    viewer.push("avideo")
    for number in range(1, 10):
        viewer.frame("a", number)
    ask, answer = QUESTIONS[question]
    assert ask(viewer.view) == answer


@pytest.mark.parametrize("how", ["path_closed", "finish", "replaced"])
async def test_what_is_held_at_the_end_counts(how: str) -> None:
    viewer = Viewer()
    viewer.open("a", "p2p")
    for number in range(10):
        viewer.frame("a", number)
    if how == "replaced":
        viewer.view.hooks("a", "p2p", "video", "VP8", lambda: None)
    elif how == "path_closed":
        viewer.view.path_closed("a")
    viewer.view.finish(START + 1.0)
    assert viewer.values("frame_rate") == [pytest.approx(10.0)]
    assert len(viewer.values("one_way_delay_seconds", kind="video", topology="p2p")) == 10


async def test_records_are_not_hoarded() -> None:
    viewer = Viewer()
    viewer.open("a", "p2p")
    for number in range(6000):
        viewer.frame("a", number, packets=1)
        viewer.push("avideo")
    [(_, _, stream)] = viewer.view._sources
    assert stream.skimmed is not None
    assert stream.skimmed.held < 5000
    assert stream.media > 1000


async def test_frames_behind_a_hole_come_when_patience_ends() -> None:
    viewer = Viewer()
    viewer.open("a", "p2p")
    for number in range(6):
        viewer.frame("a", number)
    viewer.held["avideo"].pop(4)  # of the third frame
    viewer.view.window(START + 0.55, None)
    assert viewer.view.timelines["video"].new == 2
    viewer.view.window(START + 2.0, None)
    assert viewer.view.timelines["video"].new == 5


async def test_a_freeze_in_bulk_is_told() -> None:
    viewer = Viewer()
    viewer.open("a", "p2p")
    for number in (*range(20), *range(40, 60)):
        viewer.frame("a", number)
    viewer.view.finish(viewer.bench.clock.time)
    assert viewer.values("freeze_count") == [1]
    assert viewer.values("freeze_ratio") == [pytest.approx(2.1 / 5.9)]


async def test_the_estimated_score_needs_no_payload() -> None:
    viewer = Viewer(content=True)
    viewer.open("a", "p2p")
    for number in range(200):
        viewer.frame("a", number, packets=5)  # 25 000 bytes a second
    viewer.view.finish(viewer.bench.clock.time)
    (found,) = viewer.values("video_score_estimated", topology="p2p")
    spec, bitrate = VideoSpec(), 200 * 2500 * 8 / 19.9
    expected = estimated_video_score(spec.codec, bitrate, spec.width, spec.height, 10.0)
    assert found == pytest.approx(expected.score)


async def test_media_without_capture_times_is_told_apart_by_arrival() -> None:
    viewer = Viewer()
    viewer.open("a", "p2p", "audio")
    for number in range(200):
        viewer.packet("a", number)
    viewer.held["aaudio"] = [(*row[:2], float("nan"), *row[3:]) for row in viewer.held["aaudio"]]
    viewer.view.window(viewer.bench.clock.time, 0.05)
    assert viewer.view.timelines["audio"].new == 200
    assert viewer.values("one_way_delay_seconds") == []


async def test_an_audio_stream_that_restarts_is_no_loss() -> None:
    viewer = Viewer()
    viewer.open("a", "p2p", "audio")
    for number in range(100):
        viewer.packet("a", number)
    for number in range(40_000, 40_200):
        captured = START + (number - 39_900) * 0.02
        timestamp = (number * 960 + 4_000_000_000) % 2**32
        flags = RESTARTED if number == 40_000 else 0
        viewer.arrive("aaudio", (number, captured + 0.02, captured, timestamp, 100, flags, 0))
    viewer.view.window(viewer.bench.clock.time, 0.05)
    viewer.bench.clock.time += 0.5
    viewer.view.finish(viewer.bench.clock.time)
    assert viewer.values("residual_loss_ratio", kind="audio") == [0.0]
    assert viewer.values("audio_mos_lq") == [pytest.approx(4.40, abs=0.01)]


async def test_timestamps_wrap_unseen() -> None:
    scores = []
    for origin in (0, 2**32 - 60_000):
        viewer = Viewer()
        viewer.open("a", "p2p", "audio")
        for number in range(300):
            viewer.packet("a", number, origin=origin)
            if number % 40 == 0:
                viewer.view.window(viewer.bench.clock.time, 0.05)
        viewer.view.finish(viewer.bench.clock.time + 0.5)
        scores.append((viewer.values("audio_mos_lq"), viewer.values("residual_loss_ratio")))
    assert scores[0] == scores[1]
    assert scores[0][1] == [0.0]


async def test_frames_of_a_stranger_whose_clock_stands_count() -> None:
    viewer = Viewer(ours=False)
    viewer.open("a", "sfu")
    for number in range(30):
        arrival = START + number / FPS
        viewer.arrive("avideo", (number, arrival, START - 1e9, number * 9000, 500, MARKER, 0))
        if number % FPS == FPS - 1:
            assert viewer.view.window(arrival, None) == number + 1


@pytest.mark.parametrize("bulk", [True, False])
async def test_a_strangers_frames_that_come_at_one_moment_are_frames(bulk: bool) -> None:
    """Nothing tells their capture; what waited behind a hole is there all at once, and was sent all the same."""
    viewer = Viewer(ours=False)
    viewer.open("a", "sfu")
    for number in range(100):
        arrival = START + (5.0 if 40 <= number < 50 else number / FPS)
        viewer.arrive("avideo", (number, arrival, float("nan"), number * 9000, 500, MARKER, 0))
    if bulk:
        viewer.push("avideo")
    else:
        for number, arrival, _, timestamp, size, _, _ in viewer.held.pop("avideo"):
            frame = Frame(timestamp, bytes(size), number == 0, arrival, arrival, 1, False, None, True)
            viewer.paths["avideo"].frame(frame)
    viewer.view.finish(viewer.bench.clock.now())
    assert viewer.values("frame_rate") == [pytest.approx(10.0)]
    assert viewer.values("freeze_count") == [1]
