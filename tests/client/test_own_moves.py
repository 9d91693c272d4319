"""What happens to one participant's paths and media, on its way to being recognised: paths and views of straw, simulated time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from probe.client.moves import Moves
from probe.client.stay import Stay
from probe.measure.migration import Kind, StreamSwitch
from probe.measure.recognition import Flow
from probe.measure.timeline import MediaTimeline
from probe.model.errors import ConnectionFailed
from probe.signalling import base
from tests.client.fakes import START, Bench

KINDS: tuple[Kind, ...] = ("audio", "video")


@dataclass
class StrawPath:
    id: str
    kind: base.Topology
    migration: None = None
    up: bool = True
    missed: int = 0

    def missed_deadline(self) -> None:
        self.missed += 1


@dataclass
class StrawView:
    """A frame and a packet every eighth of a second on the paths that play."""

    playing: set[str] = field(default_factory=set)
    found: dict[tuple[str, str], Flow] = field(default_factory=dict)
    timelines: dict[str, MediaTimeline] = field(
        default_factory=lambda: {"audio": MediaTimeline(), "video": MediaTimeline()}
    )
    asked: int = 0

    def flows(self) -> list[Flow]:
        self.asked += 1
        return list(self.found.values())

    def flows_on(self, path: str, kinds: tuple[str, ...]) -> bool:
        return all((path, kind) in self.found for kind in kinds)

    def play(self, now: float) -> None:
        for path in self.playing:
            for kind in KINDS:
                since = self.found[path, kind].since if (path, kind) in self.found else now
                self.found[path, kind] = Flow("ben", kind, path, since, now)
                self.timelines[kind].on_media(now, now, path)

    def frames_lost(self, start: float, end: float) -> int | None:
        return 0

    def mean_mos(self, start: float, end: float) -> float | None:
        return None

    def lowest_mos(self, start: float, end: float) -> float | None:
        return None


class Scene:
    """The participant "me" beside "ben" on P2P, and its observer."""

    def __init__(self, *, handshake: bool = False, deadline: float = 10.0) -> None:
        self.bench = Bench()
        self.participant = "me"
        self.members = {"ben"}
        self.view = StrawView()
        self.views = {"ben": self.view}
        self.paths: dict[str, StrawPath] = {}
        self.told: list[tuple[object, ...]] = []
        self.stay = Stay(self.bench.context)
        straw = cast(Any, self)
        self.moves = Moves(straw, self.bench.context, straw, straw, self.stay, deadline)
        self.bench.context.chores.every(0.125, lambda due: self.view.play(self.bench.clock.time))
        self.moves.entered(base.Joined("me", ("ben",), "p2p", handshake=handshake))
        self.open("old", "p2p", "ben")
        self.view.playing.add("old")
        self.at(5.0)

    def at(self, seconds: float) -> None:
        self.bench.wheel.run_until(START + seconds)

    def open(self, path: str, kind: base.Topology, remote: str | None = None, *, up: bool = True) -> None:
        self.moves.saw(base.OpenPath(path, kind, remote, "offer"))
        self.paths[path] = StrawPath(path, kind, up=up)

    def close(self, path: str) -> None:
        self.moves.saw(base.ClosePath(path, "not needed"))
        del self.paths[path]
        self.view.playing.discard(path)
        for kind in KINDS:
            self.view.found.pop((path, kind), None)

    async def send_ready(self, migration: str) -> None:
        raise AssertionError("there is no handshake")

    def migration_started(self, who: object, migration: base.MigrationStarted, now: float) -> None:
        assert migration.members == ("ben",)
        self.told.append((migration.migration, migration.source, migration.target, round(now - START, 3)))

    def migration_ended(self, who: object, migration: str, failure: str, now: float) -> None:
        self.told.append((migration, failure, round(now - START, 3)))


async def test_a_room_that_moves_by_itself() -> None:
    scene = Scene()
    scene.open("new", "sfu")
    assert scene.moves.target == "sfu"
    await scene.moves.check_ready()  # tells nobody
    scene.at(5.25)
    scene.view.playing.add("new")
    scene.at(6.0)
    before = scene.stay.topology
    scene.close("old")
    assert scene.told == [("own:me:1", "p2p", "sfu", 5.0), ("own:me:1", "", 6.0)]
    assert (before, scene.stay.topology) == ("p2p", "sfu")
    assert scene.moves.target is None
    assert list(scene.paths) == ["new"], "the platform closes what it does not need"
    switches = scene.moves.switches(START + 5.0, START + 7.0)
    assert [(one.sender, one.kind) for one in switches] == [("ben", "audio"), ("ben", "video")]
    assert switches[0] == StreamSwitch("me", "ben", "audio", 1.0)  # nothing came after 6.0 in this test


async def test_an_old_path_that_falls_silent_is_noticed_without_a_word() -> None:
    scene = Scene()
    scene.open("new", "sfu")
    scene.view.playing = {"new", "old"}
    scene.at(6.0)
    scene.view.playing = {"new"}
    scene.at(8.0)
    assert scene.told[1:] == [("own:me:1", "", 6.0)]
    assert scene.paths.keys() == {"old", "new"}


async def test_it_looks_often_only_while_something_may_happen() -> None:
    scene = Scene()
    before = scene.view.asked
    scene.at(60.0)
    assert scene.view.asked == before
    scene.moves.saw(base.OpenPath("again", "p2p", "ben", "offer"))
    assert scene.view.asked == before
    scene.moves.saw(base.ClosePath("again", ""))
    scene.open("new", "sfu")
    before = scene.view.asked
    scene.at(61.05)
    assert scene.view.asked == before + 10
    scene.view.playing = {"new"}
    scene.at(64.0)
    assert scene.moves.target is None
    before = scene.view.asked
    scene.at(74.0)
    assert scene.view.asked == before + 10, "two kinds of paths: once a second"
    scene.close("old")
    before = scene.view.asked
    scene.at(90.0)
    assert scene.view.asked == before


async def test_a_path_that_fails_is_a_connection_that_failed_and_nothing_is_told_to_the_server() -> None:
    scene = Scene()
    scene.open("new", "sfu", up=False)
    scene.at(6.0)
    scene.moves.path_lost(cast(Any, scene.paths["new"]), ConnectionFailed("no way", phase="ice_connected"))
    scene.at(8.0)
    assert scene.told[1:] == [("own:me:1", "me: back to p2p: ice_connected: no way", 6.0)]
    assert scene.paths["new"].missed == 1
    assert scene.stay.topology == "p2p"


async def test_one_that_was_superseded_missed_nothing() -> None:
    scene = Scene()
    scene.moves.saw(base.MemberJoined("cleo"))
    scene.open("new", "sfu", up=False)
    scene.moves.saw(base.MemberLeft("cleo", "left"))
    scene.moves.saw(base.TopologyChanged("p2p"))
    assert scene.told[1:] == [("own:me:1", "superseded: somebody left", 5.0)]
    assert scene.paths["new"].missed == 0


async def test_at_the_deadline_it_has_failed() -> None:
    scene = Scene(deadline=3.0)
    scene.moves.saw(base.TopologyChanged("sfu"))
    scene.at(9.0)
    assert scene.told[1:] == [("own:me:1", "me: not moved within 3 s: no sfu path was opened", 8.0)]


async def test_an_old_path_that_the_platform_just_drops_is_no_loss() -> None:
    scene = Scene()
    old = cast(Any, scene.paths["old"])
    assert not scene.moves.outlived(old)
    scene.open("new", "sfu")
    scene.view.playing.add("new")
    scene.at(6.0)
    scene.view.playing.discard("old")
    scene.moves.path_lost(old, ConnectionFailed("gone", phase="in_call"))
    assert scene.told[1:] == [("own:me:1", "", 6.0)]
    assert scene.moves.outlived(old)
    assert not scene.moves.outlived(cast(Any, scene.paths["new"]))


async def test_a_path_that_goes_while_the_room_moves_is_no_loss_yet() -> None:
    scene = Scene()
    old = cast(Any, scene.paths["old"])
    scene.moves.saw(base.TopologyChanged("sfu"))
    assert scene.moves.outlived(old)
    scene.at(16.0)
    assert scene.told[-1][1] == "me: not moved within 10 s: no sfu path was opened"
    assert not scene.moves.outlived(old)


async def test_alone_it_only_changes_its_topology() -> None:
    scene = Scene()
    scene.moves.saw(base.MemberLeft("ben", "left"))
    scene.close("old")
    scene.open("new", "sfu")
    assert scene.told == []
    assert scene.stay.topology == "sfu"


async def test_nothing_is_recognised_where_the_platform_announces_it() -> None:
    scene = Scene(handshake=True)
    scene.open("new", "sfu")
    scene.at(20.0)
    scene.moves.path_lost(cast(Any, scene.paths["new"]), ConnectionFailed("no way"))
    assert not scene.moves.outlived(cast(Any, scene.paths["old"]))
    assert scene.told == []


async def test_a_platform_that_announces_it_after_all() -> None:
    scene = Scene()
    scene.open("new", "sfu")
    event = base.MigrationStarted("m1", "p2p", "sfu", 5.0, ("ben",))
    scene.moves.saw(event)
    await scene.moves.begin(event, KINDS)
    scene.view.playing.add("new")
    scene.at(8.0)
    assert [one[0] for one in scene.told] == ["own:me:1", "m1"]


async def test_who_has_left_looks_no_more() -> None:
    scene = Scene()
    scene.open("new", "sfu")
    scene.moves.close()
    before = scene.view.asked
    scene.moves.saw(base.TopologyChanged("p2p"))
    scene.at(40.0)
    assert scene.view.asked == before
    assert scene.told[1:] == []
