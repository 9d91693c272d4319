"""Who knows the SFU only: publishers are members whom no P2P can reach, viewers are nobody, and both keep the room there."""

from __future__ import annotations

import random

import pytest

from sfu_shim.core import protocol as p
from sfu_shim.core.effects import Effect, Enter, Goodbye, Received, Role, Send, SfuFailed
from sfu_shim.core.policy import Policy
from sfu_shim.core.rooms import Rooms


class World:
    """One room, whose effects are kept."""

    def __init__(self) -> None:
        self.rooms = Rooms(Policy(), random.Random(1))
        self.effects: list[Effect] = []

    def enter(self, role: Role = "member") -> str:
        name = self.rooms.new_participant()
        self.effects += self.rooms.handle(Enter(name, "r", role=role), 0.0)
        return name

    def say(self, name: str, message: p.ClientMessage) -> None:
        self.effects += self.rooms.handle(Received(name, message), 0.0)

    def heard(self, name: str) -> list[p.ServerMessage]:
        """What it was told since it was asked last."""
        found = [effect.message for effect in self.effects if isinstance(effect, Send) and effect.participant == name]
        self.effects = [e for e in self.effects if not (isinstance(e, Send) and e.participant == name)]
        return found

    def follow(self, *names: str) -> None:
        """They do what a running migration asks of them."""
        for name in names:
            for message in self.heard(name):
                if isinstance(message, p.Migration):
                    self.say(name, p.Ready(message.migration))

    @property
    def topology(self) -> str:
        room = self.rooms.room("r")
        assert room is not None
        return room.topology


def _kinds(messages: list[p.ServerMessage]) -> list[str]:
    return [message.type for message in messages]


def test_a_room_begun_by_a_publisher_is_on_the_sfu() -> None:
    world = World()
    publisher = world.enter("publisher")
    welcome, opened = world.heard(publisher)
    assert isinstance(welcome, p.Welcome)
    assert isinstance(opened, p.Open)
    assert (welcome.topology, opened.kind, world.topology) == ("sfu", "sfu", "sfu")
    member = world.enter()
    welcome, opened = world.heard(member)
    assert isinstance(welcome, p.Welcome)
    assert isinstance(opened, p.Open)
    assert (welcome.members, opened.kind) == ((publisher,), "sfu")


def test_a_publisher_moves_two_members_to_the_sfu_and_its_leaving_moves_them_back() -> None:
    world = World()
    a, b = world.enter(), world.enter()
    assert world.topology == "p2p"
    publisher = world.enter("publisher")
    assert _kinds(world.heard(publisher)) == ["welcome", "open"]
    world.follow(a, b)
    assert world.topology == "p2p"  # the newcomer is awaited too
    world.say(publisher, p.Connected(f"sfu:{publisher}:2"))
    assert world.topology == "sfu"
    assert _kinds(world.heard(publisher)) == ["committed"]
    world.say(publisher, p.Leave())
    world.follow(a, b)
    assert world.topology == "p2p"


def test_a_viewer_is_announced_to_nobody_and_keeps_the_room_on_the_sfu() -> None:
    world = World()
    a, b = world.enter(), world.enter()
    world.heard(a)
    world.heard(b)
    viewer = world.enter("viewer")
    assert _kinds(world.heard(viewer)) == ["open"]
    room = world.rooms.room("r")
    assert room is not None
    assert list(room.members) == [a, b]
    assert [m.members for m in world.heard(a) if isinstance(m, p.Migration)] == [(b,)]
    running = room.running
    assert running is not None
    for name in (a, b):
        world.say(name, p.Ready(running.id))
    assert world.topology == "sfu"
    told = world.heard(a) + world.heard(b)
    assert not {"member_joined", "member_left"} & set(_kinds(told))
    world.say(viewer, p.Leave())
    assert room.running is not None
    assert room.running.target == "p2p"
    assert "member_left" not in _kinds(world.heard(a))


def test_viewers_go_with_the_last_member() -> None:
    world = World()
    a = world.enter("publisher")
    viewers = [world.enter("viewer"), world.enter("viewer")]
    for viewer in viewers:
        world.heard(viewer)
    world.say(a, p.Leave())
    for viewer in viewers:
        assert _kinds(world.heard(viewer)) == ["close"]
        assert Goodbye(viewer) in world.effects
    assert (world.rooms.participants, world.rooms.room("r")) == (0, None)
    assert world.rooms.next_deadline() is None


def test_a_viewers_failed_path_harms_nobody() -> None:
    world = World()
    a = world.enter("publisher")
    viewer = world.enter("viewer")
    path = next(m.path for m in world.heard(viewer) if isinstance(m, p.Open))
    world.effects += world.rooms.handle(SfuFailed(path, "no way"), 0.0)
    assert _kinds(world.heard(viewer)) == ["error", "close"]
    assert _kinds(world.heard(a)) == ["welcome", "open"]
    assert world.topology == "sfu"


def test_a_room_that_nobody_began_can_not_be_watched() -> None:
    with pytest.raises(ValueError, match="no room 'r' to watch"):
        World().enter("viewer")
