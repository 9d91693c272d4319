"""Rooms in simulated time: what each member is told, and that no order of events breaks a room."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu_shim.core import protocol as p
from sfu_shim.core.effects import (
    CloseSfu,
    Effect,
    Enter,
    FromSfu,
    Goodbye,
    OpenSfu,
    Received,
    Refuse,
    Send,
    SfuFailed,
    ToSfu,
    Vanish,
)  # fmt: skip
from sfu_shim.core.policy import Policy
from sfu_shim.core.rooms import Rooms


class World:
    """Rooms with what their clients and their SFU would know, learned from the effects alone."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.rooms = Rooms(policy or Policy(), random.Random(1))
        self.now = 0.0
        self.sent: dict[str, list[p.ServerMessage]] = {}
        self.open: dict[str, dict[str, p.Open]] = {}
        self.sfu: dict[str, str] = {}
        self.to_sfu: list[ToSfu] = []

    def take(self, effects: list[Effect]) -> list[Effect]:
        for effect in effects:
            match effect:
                case Send(participant, message):
                    self.sent.setdefault(participant, []).append(message)
                    assert p.decode_server(p.encode(message)) == message
                    self._follow(participant, message)
                case OpenSfu(_, participant, path):
                    assert path not in self.sfu
                    self.sfu[path] = participant
                case CloseSfu(path):
                    del self.sfu[path]
                case ToSfu():
                    self.to_sfu.append(effect)
                case Goodbye(participant):
                    self.open.pop(participant)
        return effects

    def _follow(self, participant: str, message: p.ServerMessage) -> None:
        paths = self.open.setdefault(participant, {})
        if isinstance(message, p.Open):
            assert message.path not in paths, "opened twice"
            paths[message.path] = message
        elif isinstance(message, p.Close):
            del paths[message.path]

    def enter(self, room: str = "r") -> str:
        name = self.rooms.new_participant()
        self.take(self.rooms.handle(Enter(name, room), self.now))
        return name

    def say(self, name: str, message: p.ClientMessage) -> list[Effect]:
        return self.take(self.rooms.handle(Received(name, message), self.now))

    def vanish(self, name: str) -> None:
        self.take(self.rooms.handle(Vanish(name), self.now))
        self.open.pop(name, None)

    def wait(self, seconds: float) -> None:
        """Let time pass, polling at each deadline as a driver does."""
        end = self.now + seconds
        for _ in range(1000):
            when = self.rooms.next_deadline()
            if when is None or when > end:
                break
            self.now = max(self.now, when)
            self.take(self.rooms.poll(self.now))
        else:
            pytest.fail("the rooms ask to be polled for ever")
        self.now = end

    def heard(self, name: str) -> list[p.ServerMessage]:
        """What the participant was told since last asked."""
        return self.sent.pop(name, [])

    def migration(self, name: str) -> str:
        return next(m.migration for m in reversed(self.sent[name]) if isinstance(m, p.Migration))

    def kinds(self, name: str) -> list[str]:
        return sorted(opened.kind for opened in self.open[name].values())

    def pairs(self) -> set[frozenset[str]]:
        return {
            frozenset((name, opened.peer))
            for name, paths in self.open.items()
            for opened in paths.values()
            if opened.peer is not None
        }


def entered(world: World, count: int) -> list[str]:
    names = [world.enter() for _ in range(count)]
    for name in names:
        world.heard(name)
    return names


def test_newcomer_offers_in_p2p() -> None:
    world = World()
    a = world.enter()
    assert world.heard(a) == [p.Welcome(participant=a, room="r", topology="p2p", members=())]
    b = world.enter()
    path = f"p2p:{b}:{a}:1"
    assert world.heard(a) == [
        p.MemberJoined(participant=b),
        p.Open(path=path, kind="p2p", peer=b, role="answer"),
    ]
    assert world.heard(b) == [
        p.Welcome(participant=b, room="r", topology="p2p", members=(a,)),
        p.Open(path=path, kind="p2p", peer=a, role="offer"),
    ]


def test_signals_go_to_the_other_end() -> None:
    world = World()
    a, b = entered(world, 2)
    path = f"p2p:{b}:{a}:1"
    steps: list[tuple[str, str, p.Offer | p.Answer | p.Candidate]] = [
        (b, a, p.Offer(path=path, sdp="o")),
        (a, b, p.Answer(path=path, sdp="a")),
        (a, b, p.Candidate(path=path, candidate=None)),
    ]
    for sender, other, message in steps:
        assert world.say(sender, message) == [Send(other, message)]


def test_signals_of_the_sfu() -> None:
    world = World(Policy(p2p_limit=0))
    a = world.enter()
    assert world.heard(a)[0] == p.Welcome(participant=a, room="r", topology="sfu", members=(), p2p_limit=0)
    path = f"sfu:{a}:1"
    assert world.sfu == {path: a}
    offer, answer = p.Offer(path=path, sdp="o"), p.Answer(path=path, sdp="a")
    assert world.say(a, offer) == [ToSfu(path, offer)]
    assert world.rooms.handle(FromSfu(path, answer), 0.0) == [Send(a, answer)]
    assert world.rooms.handle(FromSfu("sfu:gone:1", answer), 0.0) == []


def test_third_participant_moves_the_room_make_before_break() -> None:
    world = World()
    a, b = entered(world, 2)
    c = world.enter()
    old = f"p2p:{b}:{a}:1"
    assert world.heard(c) == [
        p.Welcome(participant=c, room="r", topology="sfu", members=(a, b)),
        p.Open(path=f"sfu:{c}:2", kind="sfu", peer=None, role="offer"),
    ]
    migration = p.Migration(migration="m:3", source="p2p", target="sfu", deadline_seconds=10.0, members=(b,))
    assert world.sent[a] == [
        p.MemberJoined(participant=c),
        migration,
        p.Open(path=f"sfu:{a}:4", kind="sfu", peer=None, role="offer", migration="m:3"),
    ]
    world.heard(a)
    world.heard(b)
    world.say(a, p.Ready(migration="m:3"))
    world.say(b, p.Ready(migration="m:3"))
    assert world.heard(a) == []  # the newcomer's own path is not up yet, the old path stays
    world.say(c, p.Connected(path=f"sfu:{c}:2"))
    assert world.heard(a) == [
        p.Committed(migration="m:3", topology="sfu"),
        p.Close(path=old, reason="migrated"),
    ]
    assert world.heard(c) == [p.Committed(migration="m:3", topology="sfu")]
    assert world.rooms.count("sfu") == 1
    assert world.rooms.migrations == {("p2p", "sfu", "committed"): 1}
    assert world.rooms.next_deadline() is None


def moved_to_sfu(world: World) -> list[str]:
    a, b = entered(world, 2)
    c = world.enter()
    migration = world.migration(a)
    for name in (a, b):
        world.say(name, p.Ready(migration=migration))
    world.say(c, p.Connected(path=next(iter(world.open[c]))))
    for name in (a, b, c):
        world.heard(name)
    return [a, b, c]


def test_leaving_moves_it_back_and_the_earlier_joiner_offers() -> None:
    world = World()
    a, b, c = moved_to_sfu(world)
    assert world.say(c, p.Leave())[:2] == [Send(c, p.Left()), Goodbye(c)]
    heard = world.heard(a)
    assert heard[0] == p.MemberLeft(participant=c, reason="left")
    opened = heard[-1]
    assert isinstance(opened, p.Open)
    assert (opened.kind, opened.role, opened.peer) == ("p2p", "offer", b)
    migration = world.migration(b)
    world.say(a, p.Ready(migration=migration))
    assert world.kinds(a) == ["p2p", "sfu"]
    world.say(b, p.Ready(migration=migration))
    assert world.kinds(a) == world.kinds(b) == ["p2p"]
    assert world.sfu == {}


def test_deadline_rolls_back_meshes_the_newcomer_and_backs_off() -> None:
    world = World()
    a, b = entered(world, 2)
    c = world.enter()
    world.say(a, p.Ready(migration=world.migration(a)))
    world.wait(9.9)
    assert world.kinds(a) == ["p2p", "sfu"]
    world.wait(0.2)
    rolled = next(m for m in world.heard(a) if isinstance(m, p.RolledBack))
    assert (rolled.topology, rolled.reason) == ("p2p", f"deadline: not ready: {b}")
    assert world.pairs() == {frozenset(pair) for pair in itertools.combinations((a, b, c), 2)}
    assert {opened.role for opened in world.open[c].values()} == {"offer"}
    assert world.sfu == {}
    world.wait(29.0)
    assert world.kinds(a) == ["p2p", "p2p"]
    world.wait(1.0)  # the backoff is over: tried again, with everybody carried
    assert world.kinds(a) == ["p2p", "p2p", "sfu"]
    last = next(m for m in reversed(world.sent[c]) if isinstance(m, p.Migration))
    assert set(last.members) == {a, b}


def test_failed_rolls_back_at_once_and_a_change_of_members_ends_the_backoff() -> None:
    world = World()
    a, b = entered(world, 2)
    world.enter()
    world.say(b, p.Failed(migration=world.migration(b), reason="ICE"))
    rolled = next(m for m in world.heard(a) if isinstance(m, p.RolledBack))
    assert rolled.reason == f"{b}: ICE"
    d = world.enter()
    assert world.kinds(d) == ["sfu"]
    assert world.kinds(a) == ["p2p", "p2p", "sfu"]


def test_newcomer_that_never_connects_does_not_undo_the_move() -> None:
    world = World()
    a, b = entered(world, 2)
    world.enter()
    for name in (a, b):
        world.say(name, p.Ready(migration=world.migration(name)))
    world.wait(10.0)
    assert world.kinds(a) == world.kinds(b) == ["sfu"]


def test_joiner_during_the_move_goes_to_the_sfu() -> None:
    world = World()
    a, b = entered(world, 2)
    c, d = world.enter(), world.enter()
    assert world.kinds(c) == world.kinds(d) == ["sfu"]
    assert not any(isinstance(m, p.Migration) for m in world.sent[d])
    for name in (a, b):
        world.say(name, p.Ready(migration=world.migration(name)))
    for name in (c, d):
        world.say(name, p.Connected(path=next(iter(world.open[name]))))
    assert all(world.kinds(name) == ["sfu"] for name in (a, b, c, d))


def test_joiner_during_the_move_back_supersedes_it() -> None:
    world = World()
    a, b, c = moved_to_sfu(world)
    world.vanish(c)
    d = world.enter()
    rolled = next(m for m in world.heard(a) if isinstance(m, p.RolledBack))
    assert (rolled.topology, rolled.reason) == ("sfu", f"superseded: {d} joined")
    assert all(world.kinds(name) == ["sfu"] for name in (a, b, d))
    assert world.pairs() == set()


def test_shrinking_during_the_move_finishes_it_first_then_moves_back() -> None:
    world = World()
    a, b = entered(world, 2)
    c = world.enter()
    first = world.migration(a)
    world.vanish(c)
    assert world.kinds(a) == ["p2p", "sfu"]
    for name in (a, b):
        world.say(name, p.Ready(migration=first))
    assert world.migration(a) != first
    for name in (a, b):
        world.say(name, p.Ready(migration=world.migration(name)))
    assert world.kinds(a) == world.kinds(b) == ["p2p"]
    assert world.rooms.migrations == {("p2p", "sfu", "committed"): 1, ("sfu", "p2p", "committed"): 1}


def test_leaver_is_not_awaited() -> None:
    world = World()
    a, b = entered(world, 2)
    c = world.enter()
    world.say(c, p.Connected(path=next(iter(world.open[c]))))
    world.vanish(b)  # a has nobody to carry over any more
    assert p.Committed(migration="m:3", topology="sfu") in world.heard(a)
    assert p.MemberLeft(participant=b, reason="vanished") in world.heard(c)


def test_forced_topology_moves_and_null_gives_it_back() -> None:
    world = World()
    a, b = entered(world, 2)
    world.say(a, p.ForceTopology(topology="sfu"))
    for name in (a, b):
        world.say(name, p.Ready(migration=world.migration(name)))
    assert world.kinds(a) == ["sfu"]
    world.say(b, p.ForceTopology(topology=None))
    for name in (a, b):
        world.say(name, p.Ready(migration=world.migration(name)))
    assert world.kinds(a) == ["p2p"]


def test_a_lone_member_moves_without_waiting() -> None:
    world = World()
    (a,) = entered(world, 1)
    world.say(a, p.ForceTopology(topology="sfu"))
    kinds = [type(m) for m in world.heard(a)]
    assert kinds == [p.Migration, p.Open, p.Committed]
    b = world.enter()
    assert world.kinds(b) == ["sfu"]


def test_failure_of_the_sfu_inside_and_outside_a_migration() -> None:
    world = World()
    a, b = entered(world, 2)
    c = world.enter()
    path = next(name for name, owner in world.sfu.items() if owner == a)
    world.take(world.rooms.handle(SfuFailed(path, "ICE"), world.now))
    heard = world.heard(a)
    assert p.ErrorMessage(code="media_failed", message="ICE", path=path) in heard
    assert any(isinstance(m, p.RolledBack) for m in heard)
    assert len(world.pairs()) == 3
    world = World(Policy(p2p_limit=0))
    a, b = entered(world, 2)
    world.take(world.rooms.handle(SfuFailed(f"sfu:{a}:1", "lost"), world.now))
    assert world.heard(a)[-1] == p.Close(path=f"sfu:{a}:1", reason="failed")
    assert world.kinds(b) == ["sfu"]
    assert c != b


def test_mistakes_of_clients_are_answered() -> None:
    world = World()
    a, b = entered(world, 2)
    mistakes: list[tuple[p.ClientMessage, str]] = [
        (p.Offer(path="nowhere", sdp="x"), "unknown_path"),
        (p.Connected(path="nowhere"), "unknown_path"),
        (p.Ready(migration="m:99"), "unknown_migration"),
        (p.Join(room="other"), "already_joined"),
    ]
    for message, code in mistakes:
        world.say(a, message)
        (answer,) = world.heard(a)
        assert isinstance(answer, p.ErrorMessage)
        assert answer.code == code
    world.enter("other")
    world.vanish(b)
    world.heard(a)
    assert world.say(a, p.Candidate(path=f"p2p:{b}:{a}:1", candidate=None)) == []  # crossed our Close
    assert world.say(a, p.Ping(id=4)) == [Send(a, p.Pong(id=4))]


def test_others_paths_are_nobodys_business() -> None:
    world = World(Policy(p2p_limit=3))
    a, b, c = entered(world, 3)
    path = next(name for name, opened in world.open[a].items() if opened.peer == b)
    world.say(c, p.Offer(path=path, sdp="x"))
    (answer,) = world.heard(c)
    assert isinstance(answer, p.ErrorMessage)
    assert answer.code == "unknown_path"


def test_illegal_events_raise_and_change_nothing() -> None:
    world = World()
    a = world.enter()
    with pytest.raises(ValueError, match="already"):
        world.rooms.handle(Enter(a, "r"), 0.0)
    with pytest.raises(ValueError, match="in no room"):
        world.rooms.handle(Received("nobody", p.Leave()), 0.0)
    assert world.rooms.handle(Vanish("nobody"), 0.0) == []
    assert world.rooms.participants == 1


def test_bounds() -> None:
    world = World(Policy(max_rooms=1, max_participants=1))
    world.enter("one")
    for room, said in (("one", "1 members"), ("two", "1 rooms")):
        (refusal,) = world.rooms.handle(Enter(world.rooms.new_participant(), room), 0.0)
        assert isinstance(refusal, Refuse)
        assert refusal.code == "room_full"
        assert said in refusal.message


def test_empty_rooms_are_forgotten_with_their_pin() -> None:
    world = World()
    (a,) = entered(world, 1)
    world.say(a, p.ForceTopology(topology="sfu"))
    world.vanish(a)
    assert world.rooms.room("r") is None
    assert (world.rooms.participants, world.rooms.count("sfu"), world.sfu) == (0, 0, {})
    assert world.kinds(world.enter()) == []


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["enter", "leave", "vanish", "ready", "connect", "failed", "force", "wait"]),
        st.integers(0, 7),
        st.floats(0.0, 20.0),
    ),
    max_size=60,
)


def act(world: World, names: list[str], action: str, pick: int, seconds: float) -> None:
    if action == "enter" and len(names) < 7:
        names.append(world.enter())
        return
    if action == "wait":
        world.wait(seconds)
    if not names:
        return
    name = names[pick % len(names)]
    match action:
        case "leave":
            names.remove(name)
            world.say(name, p.Leave())
        case "vanish":
            names.remove(name)
            world.vanish(name)
        case "ready" | "failed":
            ids = [m.migration for m in world.sent[name] if isinstance(m, p.Migration)]
            if ids:
                world.say(name, p.Ready(migration=ids[-1]) if action == "ready" else p.Failed(migration=ids[-1]))
        case "connect":
            for path in list(world.open[name]):
                if path in world.open[name]:
                    world.say(name, p.Connected(path=path))
        case "force":
            world.say(name, p.ForceTopology(topology=(None, "p2p", "sfu")[pick % 3]))


def settle(world: World, names: list[str]) -> None:
    """Everybody does what is asked of it, until nothing is asked any more."""
    for _ in range(6):
        for name in names:
            act(world, names, "connect", names.index(name), 0.0)
            act(world, names, "ready", names.index(name), 0.0)
        world.wait(31.0)  # past a backoff, within the deadline of the move that follows it


@settings(max_examples=300, deadline=None)
@given(ACTIONS, st.integers(0, 3), st.integers(0, 4))
def test_any_order_of_events_ends_consistent(actions: list[tuple[str, int, float]], limit: int, first: int) -> None:
    world = World(Policy(p2p_limit=limit))
    names = [world.enter() for _ in range(first)]
    for action, pick, seconds in actions:
        act(world, names, action, pick, seconds)
        check_paths(world, names)
    settle(world, names)
    room = world.rooms.room("r")
    if not names:
        assert room is None
        assert world.sfu == {}
        return
    assert room is not None
    assert room.running is None
    assert room.topology == world.rooms.policy.target(len(names), room.pinned)
    if room.topology == "p2p":
        assert world.pairs() == {frozenset(pair) for pair in itertools.combinations(names, 2)}
        assert world.sfu == {}
    else:
        assert sorted(world.sfu.values()) == sorted(names)
        assert all(world.kinds(name) == ["sfu"] for name in names)
    for name in names:
        world.vanish(name)
    assert world.rooms.participants == 0
    assert world.rooms.room("r") is None
    assert world.rooms.next_deadline() is None


def check_paths(world: World, names: list[str]) -> None:
    """At every moment: clients and SFU agree on the paths, and everybody has a way to everybody else."""
    assert set(world.open) >= set(names)
    sfu = {path for name in names for path, opened in world.open[name].items() if opened.kind == "sfu"}
    assert sfu == set(world.sfu)
    on_sfu = set(world.sfu.values())
    for one, other in itertools.combinations(names, 2):
        assert frozenset((one, other)) in world.pairs() or {one, other} <= on_sfu
