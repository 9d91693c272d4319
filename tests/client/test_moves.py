"""One participant follows its room's migrations: what it tells the server, its observer, and which paths go."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from probe.client.moves import Moves
from probe.measure.migration import Kind, StreamSwitch
from probe.model.errors import ProbeError, SignallingError
from probe.signalling.base import MigrationCommitted, MigrationRolledBack, MigrationStarted, Topology

KINDS: tuple[Kind, ...] = ("audio",)


@dataclass
class StrawPath:
    id: str
    kind: Topology
    migration: str | None
    missed: int = 0

    def missed_deadline(self) -> None:
        self.missed += 1


@dataclass
class StrawView:
    flowing: set[str] = field(default_factory=set)
    timelines: dict[str, Any] = field(default_factory=lambda: {"video": SimpleNamespace(repeated=0)})

    def flows_on(self, path: str, kinds: tuple[str, ...]) -> bool:
        return path in self.flowing


class Bench:
    """The participant "me" beside "ben", on one P2P path; its server, observer and context too."""

    def __init__(self) -> None:
        self.participant = "me"
        self.members = {"ben"}
        self.view = StrawView({"old"})
        self.views = {"ben": self.view}
        self.paths = {"old": StrawPath("old", "p2p", None)}
        self.gone: list[StrawPath] = []
        self.told: list[tuple[str, ...]] = []
        self.complaints: Counter[str] = Counter()
        self.topology: Topology = "p2p"
        self.deaf = False
        self.now = 100.0
        self.clock = SimpleNamespace(now=lambda: self.now)
        self.moves = Moves(cast(Any, self), cast(Any, self), cast(Any, self), cast(Any, self), cast(Any, self))

    async def close_path(self, name: str) -> None:
        self.gone.append(self.paths.pop(name))

    async def send_ready(self, migration: str) -> None:
        self.told.append(("ready", migration))

    async def send_failed(self, migration: str, reason: str) -> None:
        if self.deaf:
            raise SignallingError("gone")
        self.told.append(("failed", migration, reason))

    def migration_started(self, who: object, migration: MigrationStarted, now: float) -> None:
        self.told.append(("started", migration.migration))

    def migration_ended(self, who: object, migration: str, failure: str, now: float) -> None:
        self.told.append(("ended", migration, failure))

    def carried_by(self, topology: Topology, at: float | None = None) -> None:
        self.topology = topology

    def complain(self, error: ProbeError, who: str) -> None:
        self.complaints[f"{who}: {error.message}"] += 1

    async def begin(self, *members: str) -> StrawPath:
        await self.moves.begin(MigrationStarted("m1", "p2p", "sfu", 10.0, members), KINDS)
        path = self.paths["new"] = StrawPath("new", "sfu", "m1")
        return path


async def test_it_is_ready_once_and_when_the_media_of_the_others_flows() -> None:
    bench = Bench()
    assert bench.moves.target is None
    path = await bench.begin("me", "ben")
    assert bench.moves.target == "sfu"
    assert bench.moves.need(cast(Any, path))
    assert not bench.moves.need(cast(Any, bench.paths["old"]))
    await bench.moves.check_ready()
    assert bench.told == [("started", "m1")]
    bench.view.flowing.add("new")
    await bench.moves.check_ready()
    await bench.moves.check_ready()
    assert bench.told == [("started", "m1"), ("ready", "m1")]


async def test_a_commit_closes_the_old_path() -> None:
    bench = Bench()
    assert bench.moves.switches(95.0, 105.0) == []
    await bench.begin("me", "ben")
    await bench.moves.end(MigrationCommitted("m1", "sfu"))
    assert [(path.id, path.missed) for path in bench.gone] == [("old", 0)]
    assert bench.topology == "sfu"
    assert bench.told[-1] == ("ended", "m1", "")
    assert bench.moves.target is None
    assert bench.moves.switches(95.0, 105.0) == [StreamSwitch("me", "ben", "audio", None)]  # it flows on no open path


async def test_what_a_migration_did_is_asked_of_that_one() -> None:
    """The next one may have begun, or never end, when its figures are taken."""
    bench = Bench()
    await bench.begin("me", "ben")
    await bench.moves.end(MigrationCommitted("m1", "sfu"))
    bench.now = 110.0
    bench.views["cleo"] = StrawView({"old"})
    await bench.moves.begin(MigrationStarted("m2", "sfu", "p2p", 10.0, ("me", "ben", "cleo")), KINDS)
    assert [one.sender for one in bench.moves.switches(100.0, 101.0)] == ["ben"]
    assert [one.sender for one in bench.moves.switches(109.9, 120.0)] == ["ben", "cleo"]
    assert bench.moves.switches(115.0, 120.0) == []


@pytest.mark.parametrize(("reason", "missed"), [("ben did not get there", 1), ("superseded by m2", 0), ("", 1)])
async def test_a_rollback_closes_the_new_one_whose_attempt_failed_unless_nobody_wanted_it_any_more(
    reason: str, missed: int
) -> None:
    bench = Bench()
    await bench.begin("me", "ben")
    await bench.moves.end(MigrationRolledBack("m1", "p2p", reason))
    assert [(path.id, path.missed) for path in bench.gone] == [("new", missed)]
    assert bench.topology == "p2p"
    assert bench.told[-1] == ("ended", "m1", reason or "rolled back")


async def test_the_end_of_another_migration_is_none_of_ours() -> None:
    bench = Bench()
    await bench.moves.end(MigrationCommitted("m0", "sfu"))
    assert bench.gone == []
    assert bench.told == []


async def test_alone_it_has_nothing_to_observe() -> None:
    bench = Bench()
    await bench.begin("me")
    await bench.moves.end(MigrationCommitted("m1", "sfu"))
    assert bench.told == [("ready", "m1")]


async def test_giving_up_tells_the_server_or_complains() -> None:
    bench = Bench()
    await bench.moves.give_up("m1", "no way")
    assert bench.told == [("failed", "m1", "no way")]
    bench.deaf = True
    await bench.moves.give_up("m1", "no way")
    assert bench.complaints == {"me: gone": 1}
