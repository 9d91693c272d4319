"""Which operations a join was, by how far it got."""

from __future__ import annotations

from typing import Any

import pytest

from probe.client.entry import Entry
from probe.client.operations import Operation, brief, entering, moving
from probe.measure.join import JoinClock
from probe.measure.migration import MigrationRecord
from probe.model.errors import ConnectionFailed, ProbeError, SignallingError
from probe.model.scenario import Topology
from tests.client.pretend import FakeParticipant

ALONE = {"signalling_connect": 0.1, "room_join": 0.25}
CONNECTED = ALONE | {"ice_gathering": 0.3, "offer_answer": 0.4, "ice_connected": 0.5, "dtls_connected": 0.75}
SEEN = CONNECTED | {"first_rtp": 0.8, "first_keyframe": 0.9, "first_decoded": 1.0}


def _entry(reached: dict[str, float], topology: str, *, company: bool, error: ProbeError | None = None) -> Entry:
    nowhere: Any = None
    fake: Any = FakeParticipant(nowhere)
    fake.expects_media = fake.timed = company
    fake.join_clock = JoinClock(100.0)
    for phase, after in reached.items():
        fake.join_clock.mark(phase, 100.0 + after)
    return Entry("ann", "room", fake, error, joined=error is None, topology=topology)


def test_a_join_and_what_was_seen_first() -> None:
    assert entering(_entry(SEEN, "p2p", company=True), "hybrid", 1.0) == [
        Operation("join", "p2p", 0.75, "", "ann"),
        Operation("first_frame", "p2p", 1.0, "", "ann"),
    ]


def test_the_first_in_an_empty_room_sees_nobody() -> None:
    assert entering(_entry(ALONE, "p2p", company=False), "hybrid", 0.3) == [Operation("join", "p2p", 0.25, "", "ann")]


@pytest.mark.parametrize(("wanted", "told"), [("sfu", "sfu"), ("p2p", "p2p"), ("hybrid", "")])
def test_a_pinned_room_has_its_topology_also_for_those_who_never_got_in(wanted: Topology, told: str) -> None:
    error = SignallingError("refused", who="ws://somewhere", phase="signalling_connect", hint="is it running?")
    found = entering(_entry({}, "", company=False, error=error), wanted, 2.0)
    assert found == [Operation("join", told, 2.0, "signalling_connect: refused", "ann")]


@pytest.mark.parametrize("reached", [ALONE, {name: CONNECTED[name] for name in list(CONNECTED)[:-1]}])
def test_who_is_not_connected_has_not_joined(reached: dict[str, float]) -> None:
    error = ConnectionFailed("not joined within 15 s", phase="dtls_connected")
    found = entering(_entry(reached, "sfu", company=True, error=error), "hybrid", 15.0)
    assert found == [Operation("join", "sfu", 15.0, "dtls_connected: not joined within 15 s", "ann")]


def test_who_is_connected_and_sees_nothing_has_joined() -> None:
    error = ConnectionFailed("not joined within 15 s", phase="first_decoded")
    assert entering(_entry(CONNECTED, "sfu", company=True, error=error), "hybrid", 15.0) == [
        Operation("join", "sfu", 0.75, "", "ann"),
        Operation("first_frame", "sfu", 15.0, "first_decoded: not joined within 15 s", "ann"),
    ]


def test_media_by_another_path_than_the_first_is_a_join_too() -> None:
    reached = {name: after for name, after in SEEN.items() if name != "dtls_connected"}
    assert [(one.name, one.seconds) for one in entering(_entry(reached, "p2p", company=True), "hybrid", 1.0)] == [
        ("join", 1.0), ("first_frame", 1.0),
    ]  # fmt: skip


def test_a_migration() -> None:
    record = MigrationRecord("room", "sfu", "p2p", 10.0, 5.0)
    record.roll_back(12.5, "deadline: not ready: u1")
    assert moving(record.build()) == Operation("migrate", "sfu to p2p", 2.5, "deadline: not ready: u1", "room")


def test_an_error_in_brief() -> None:
    assert brief(ProbeError("gone", who="ann", phase="in_call", hint="look")) == "in_call: gone"
    assert brief(ProbeError("gone")) == "gone"
