"""A migration from one participant's side, with views and paths of straw."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from probe.client.live import SILENCE, Live
from probe.client.moving import Moving
from probe.measure.timeline import MediaTimeline
from probe.signalling.base import MigrationStarted, Topology


@dataclass
class StrawReadings:
    last_rtt: float | None = None
    loss_ratio: float | None = None


@dataclass
class StrawPath:
    id: str
    kind: Topology
    migration: str | None
    readings: StrawReadings = field(default_factory=StrawReadings)


@dataclass
class StrawView:
    flowing: set[tuple[str, str]] = field(default_factory=set)
    lost: int | None = 0
    silence: float = 0.0
    watching: Any = None
    last_audio: Any = None
    windows: list[tuple[float, float | None]] = field(default_factory=list)
    timelines: dict[str, MediaTimeline] = field(
        default_factory=lambda: {"audio": MediaTimeline(), "video": MediaTimeline()}
    )

    def flows_on(self, path: str, kinds: tuple[str, ...]) -> bool:
        return all((path, kind) in self.flowing for kind in kinds)

    def frames_lost(self, start: float, end: float) -> int | None:
        return self.lost

    def mean_mos(self, start: float, end: float) -> float | None:
        return 4.5

    def lowest_mos(self, start: float, end: float) -> float | None:
        return 4.0

    def silent_for(self, now: float) -> float:
        return self.silence

    def due(self, now: float) -> bool:
        return True

    def window(self, now: float, round_trip: float | None) -> int:
        self.windows.append((now, round_trip))
        return self.timelines["video"].new


OLD, NEW = StrawPath("old", "p2p", None), StrawPath("new", "sfu", "m1")


def _moving(views: dict[str, StrawView], paths: dict[str, StrawPath], members: tuple[str, ...]) -> Moving:
    message = MigrationStarted("m1", "p2p", "sfu", 10.0, members)
    return Moving(message, "me", cast(Any, views), cast(Any, paths), ("audio", "video"))


def test_all_awaited_media_must_flow_on_a_new_path() -> None:
    views = {"ben": StrawView(), "cleo": StrawView()}
    moving = _moving(views, {"old": OLD, "new": NEW}, ("me", "ben", "cleo"))
    everybody = {"ben", "cleo"}
    assert moving.carries
    assert not moving.complete(everybody)
    views["ben"].flowing = {("new", "audio"), ("new", "video")}
    views["cleo"].flowing = {("new", "audio"), ("old", "video")}
    assert not moving.complete(everybody)
    assert moving.complete({"ben"}), "who has left is not awaited"
    views["cleo"].flowing.add(("new", "video"))
    assert moving.complete(everybody)


def test_a_room_of_one_moves_nothing() -> None:
    assert not _moving({}, {}, ("me",)).carries
    assert not _moving({}, {}, ()).carries


def test_a_commit_ends_the_old_paths_and_a_rollback_the_new_ones() -> None:
    moving = _moving({}, {"old": OLD, "new": NEW}, ("me", "ben"))
    assert [p.id for p in moving.superfluous(committed=True, topology="sfu")] == ["old"]
    assert [p.id for p in moving.superfluous(committed=False, topology="p2p")] == ["new"]


def test_switches_are_of_those_seen_before_and_a_dead_stream_has_no_gap() -> None:
    views = {"ben": StrawView(lost=2)}
    views["ben"].timelines["video"].on_media(1.0, 1.0, "old")
    moving = _moving(views, {"new": NEW}, ("me", "ben"))
    views["cleo"] = StrawView()
    views["ben"].timelines["video"].on_media(1.0, 1.1, "new")
    views["ben"].timelines["video"].on_media(2.0, 2.0, "new")
    views["ben"].flowing = {("new", "video")}
    by_kind = {switch.kind: switch for switch in moving.switches(1.0, 2.0)}
    assert {switch.sender for switch in by_kind.values()} == {"ben"}
    assert by_kind["audio"].gap_seconds is None, "no audio came on any open path"
    video = by_kind["video"]
    assert video.gap_seconds == pytest.approx(1.0)
    assert (video.frames_lost, video.frames_repeated) == (2, 1)
    assert video.mos_dip == pytest.approx(0.5)


def test_only_what_it_was_to_move_and_what_came_twice_since() -> None:
    views = {"ben": StrawView(), "cleo": StrawView()}
    for path in ("older", "old"):
        views["ben"].timelines["video"].on_media(1.0, 1.0, path)
    views["ben"].timelines["video"].on_media(2.0, 2.0, "old")
    message = MigrationStarted("own:me:1", "p2p", "sfu", 10.0, ("ben",))
    paths = {"new": NEW}
    moving = Moving(message, "me", cast(Any, views), cast(Any, paths), ("audio", "video"), {("ben", "video")})
    views["ben"].timelines["video"].on_media(2.0, 2.1, "new")
    assert [(one.sender, one.kind, one.frames_repeated) for one in moving.switches(2.0, 3.0)] == [("ben", "video", 1)]


def test_who_falls_silent_is_told_once_and_only_while_a_member() -> None:
    views = {"ben": StrawView(), "cleo": StrawView(silence=SILENCE + 1)}
    live = Live(cast(Any, views), cast(Any, {}))
    assert live.tick(1.0, {"ben"}) == []
    assert live.tick(2.0, {"ben", "cleo"}) == ["cleo"]
    assert live.tick(3.0, {"ben", "cleo"}) == []


def test_figures_of_the_moment_are_the_worst_ones() -> None:
    views = {"ben": StrawView(), "cleo": StrawView()}
    path = StrawPath("p", "sfu", None, StrawReadings(last_rtt=0.05, loss_ratio=0.02))
    live = Live(cast(Any, views), cast(Any, {"p": path, "q": OLD}))
    for number in range(10):
        views["ben"].timelines["video"].on_media(number, number, "p")
    for number in range(7):
        views["cleo"].timelines["video"].on_media(number, number, "p")
    live.tick(1.0, set())
    assert live.figures() == {
        "round_trip_seconds": 0.05, "loss_ratio": 0.02, "frame_rate": 7, "video_score": None, "audio_score": None,
    }  # fmt: skip
    assert views["ben"].windows == [(1.0, 0.05)]
