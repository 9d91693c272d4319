"""Tickets and rooms, with participants that only pretend."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from loadtest.engine.rooms import CALLED_OFF, CLOSED
from loadtest.protocol import Joined, Left, Met
from tests.client.pretend import FakeParticipant
from tests.loadtest.engine.campaign import Campaign


def _answers(found: list[Joined]) -> list[tuple[int, str, str]]:
    return [(one.ticket, one.topology, one.error) for one in found]


async def test_two_meet_and_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign(monkeypatch)
    await campaign.join(1)
    await campaign.join(2)
    assert _answers(campaign.heard(Joined)) == [(1, "p2p", ""), (2, "p2p", "")]
    assert campaign.operations() == [("join", "p2p", ""), ("join", "p2p", ""), ("first_frame", "p2p", "")]
    assert campaign.gathering.present == 2
    assert len(campaign.meetings) == 1
    await campaign.leave(1)
    await campaign.leave(2)
    assert campaign.heard(Left) == [Left(ticket=1), Left(ticket=2)]
    assert campaign.operations() == [("leave", "p2p", "")] * 2
    delta = campaign.harvest()
    assert [change for _, change in delta.presence] == [1, 1, -1, -1]
    assert [row["name"] for row in delta.participants] == ["p1", "p2"]
    assert not campaign.entries
    campaign.rooms.look_after()
    await campaign.join(3)  # the room is a new one
    assert len(campaign.meetings) == 2


async def test_the_room_has_the_topology_of_its_first_member(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign(monkeypatch)
    await campaign.join(1, topology="sfu")
    await campaign.join(2, topology="p2p")
    assert campaign.pinned == [("p1", "sfu")]
    assert {topology for _, topology, _ in campaign.operations()} == {"sfu"}


async def test_a_failed_join_is_answered_counted_and_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign(monkeypatch, failing=("p2",))
    await campaign.join(1)
    await campaign.join(2, attempt=1)
    await campaign.join(3, attempt=2)
    assert _answers(campaign.heard(Joined))[1] == (2, "", "ice_connected: no way")
    assert campaign.operations()[1] == ("join", "", "ice_connected: no way")
    await campaign.leave(2)
    assert campaign.heard(Left) == [Left(ticket=2)]
    delta = campaign.harvest()
    assert delta.retries == 1
    assert delta.errors == {("ice_connected", "", "no way"): 1}
    assert [(row["name"], row["joined"], row["error"]) for row in delta.participants] == [
        ("p2", False, "p2: ice_connected: no way")
    ]
    ratio = delta.summary.histogram("join_success_ratio")
    assert ratio is not None
    assert ratio.count == 3
    assert ratio.mean == pytest.approx(2 / 3)


async def test_leaving_while_joining_calls_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign(monkeypatch)
    campaign.open.clear()
    await campaign.join(1)
    assert len(campaign.entries) == 1
    await campaign.leave(1)
    assert campaign.said == [Joined(ticket=1, error=CALLED_OFF), Left(ticket=1)]
    delta = campaign.harvest()
    assert (delta.participants, delta.presence, delta.errors, list(delta.summary)) == ([], [], {}, [])
    assert not campaign.entries


async def test_an_unknown_ticket_has_left_and_a_taken_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign(monkeypatch)
    await campaign.leave(7)
    await campaign.join(1)
    await campaign.join(1)
    assert campaign.heard(Left) == [Left(ticket=7)]
    assert _answers(campaign.heard(Joined)) == [(1, "p2p", ""), (1, "", "ticket 1 is taken")]
    assert len(campaign.inside) == 1


async def test_a_third_one_moves_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign(monkeypatch)
    for ticket in (1, 2, 3):
        await campaign.join(ticket)
    campaign.move(campaign.meetings[0], "m:1", "p2p", "sfu")
    campaign.move(campaign.meetings[0], "m:2", "sfu", "p2p", failure="deadline: not ready: id-p2, id-p3")
    assert campaign.operations()[-2:] == [
        ("migrate", "p2p to sfu", ""), ("migrate", "sfu to p2p", "deadline: not ready: *, …"),
    ]  # fmt: skip
    await campaign.leave(3)
    moves = campaign.harvest().migrations
    assert [(move["from"], move["success"]) for move in moves] == [("sfu", False), ("p2p", True)]  # failures first
    assert {move["meeting"] for move in moves} == {"load-r"}


async def test_who_loses_the_server_is_out_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign(monkeypatch)
    await campaign.join(1)
    await campaign.join(2)
    lost: Any = campaign.entries[0].participant
    lost.lost, lost.drops = True, [(campaign.bench.clock.now(), "the WebSocket broke")]
    campaign.rooms.look_after()
    await campaign.settle()
    assert campaign.gathering.present == 1
    delta = campaign.harvest()
    assert [(row["name"], row["drops"]) for row in delta.participants] == [("p1", ["the WebSocket broke"])]
    assert delta.first_drop is not None
    assert campaign.harvest().first_drop is None  # told once
    await campaign.leave(1)
    assert campaign.heard(Left) == [Left(ticket=1)]
    assert ("leave", "p2p", "") not in campaign.operations()


async def test_a_whole_meeting(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign(monkeypatch, settle=0.001)
    await campaign.meet(5)
    while not (met := campaign.heard(Met)):
        await campaign.settle()
    assert met == [Met(ticket=5)]
    names = [name for name, _, _ in campaign.operations()]
    assert sorted(names) == ["first_frame", "join", "join", "leave", "leave"]
    assert [row["name"] for row in campaign.harvest().participants] == ["load-m-p1", "load-m-p2"]
    assert not campaign.entries


async def test_a_meeting_that_nobody_gets_into(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign(monkeypatch, failing=("p1", "p2"))
    await campaign.meet(5)
    assert campaign.heard(Met) == [Met(ticket=5, error="ice_connected: no way")]
    assert len(campaign.harvest().participants) == 2


async def test_the_close_calls_off_everything_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign(monkeypatch, settle=100.0)
    await campaign.join(1)
    await campaign.meet(2)
    campaign.open.clear()
    await campaign.join(3)
    await campaign.rooms.close()
    await campaign.rooms.close()
    assert not campaign.inside
    assert not campaign.entries
    assert campaign.gathering.present == 0
    assert _answers(campaign.heard(Joined))[1:] == [(3, "", CALLED_OFF)]
    assert campaign.heard(Met) == [Met(ticket=2, error=CALLED_OFF)]
    await campaign.join(4)
    await campaign.meet(5)
    assert _answers(campaign.heard(Joined)) == [(4, "", CLOSED)]
    assert campaign.heard(Met) == [Met(ticket=5, error=CLOSED)]
    assert sorted(row["name"] for row in campaign.harvest().participants) == ["load-m-p1", "load-m-p2", "p1"]


async def test_a_bug_of_ours_is_told_and_ends_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(self: FakeParticipant) -> None:
        raise ZeroDivisionError("ours")

    campaign = Campaign(monkeypatch)
    await campaign.join(1)
    with monkeypatch.context() as patch:
        patch.setattr(FakeParticipant, "leave", broken)
        await campaign.leave(1)
    assert campaign.heard(Left) == [Left(ticket=1)]
    assert [text.partition(" at ")[0] for text in campaign.harvest().crashes] == ["ZeroDivisionError('ours')"]
    await campaign.join(2)
    assert _answers(campaign.heard(Joined))[-1] == (2, "p2p", "")


async def test_two_thousand_short_stays_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in a room of its own, every fourth fails, every room has moved; nobody harvests."""
    campaign = Campaign(monkeypatch, failing=("3",))
    context = campaign.bench.context
    context.meetings["id-p2"] = "another room since"

    async def stays(first: int, count: int) -> None:
        for ticket in range(first, first + count, 2):
            pair = (ticket, ticket + 1)
            for one in pair:
                await campaign.join(one, room=f"r{ticket}", attempt=2)
                context.meetings.setdefault(f"id-p{one}", f"load-r{ticket}")
            campaign.move(campaign.meetings[-1], "m:1", "p2p", "sfu")
            for one in pair:
                await campaign.leave(one)
            campaign.rooms.look_after()
            campaign.meetings.clear()
            campaign.said.clear()

    await stays(0, 2000)
    rooms, gathering = campaign.rooms, campaign.gathering
    assert not campaign.entries
    assert (rooms._rooms, rooms._held, rooms._stays, rooms._tasks) == ({}, set(), {}, set())
    assert not context.captures
    assert len(context.meetings) < 1300, "of 1000 who left, of those who never came in, and one more"
    assert context.meetings["id-p2"] == "another room since"
    assert len(gathering._names) <= 2000
    assert len(context.errors) < 500
    gc.collect()
    assert sum(isinstance(one, FakeParticipant) for one in gc.get_objects()) < 20
    delta = campaign.harvest()
    assert (len(delta.participants), delta.unlisted["participants"]) == (500, 1500)
    assert [row["joined"] for row in delta.participants].count(False) == 200
    assert (len(delta.migrations), delta.unlisted["migrations"]) == (500, 300)
    assert delta.errors == {("ice_connected", "", "no way"): 200}
    assert delta.retries == 2000
    assert campaign.harvest().to_dict() | {"summary": {}} == {
        "summary": {}, "presence": [], "participants": [], "migrations": [], "unlisted": {}, "errors": [], "crashes": [],
        "retries": 0, "first_drop": None, "units": [],
    }  # fmt: skip
