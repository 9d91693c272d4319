"""Migrations that no platform announces, in simulated time: one participant in a call with ben and cleo, or fewer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from probe.measure.migration import Topology
from probe.measure.recognition import STEADY, Began, Ended, Fact, Flow, Recognition, Settled, Stream

STEP = 0.1
BEN, CLEO = "ben", "cleo"
KINDS = ("audio", "video")


class Call:
    """Media comes by the tenth of a second on the paths that play; whoever watches looks as often, and after each event."""

    def __init__(self, *members: str, topology: Topology = "p2p", deadline: float = 10.0) -> None:
        self.now = 100.0
        self.facts: list[Fact] = []
        self.found = Recognition(topology, set(members), deadline)
        self.flows: dict[tuple[str, str, str], Flow] = {}
        self.playing: set[tuple[str, str, str]] = set()

    def until(self, time: float) -> None:
        """So many seconds after the beginning."""
        while self.now < 100.0 + time - STEP / 2:
            self.now = round(self.now + STEP, 3)
            for member, kind, path in self.playing:
                old = self.flows.get((member, kind, path))
                since = old.since if old is not None and self.now - old.last < STEADY else self.now
                self.flows[member, kind, path] = Flow(member, kind, path, since, self.now)
            self.look()

    def look(self) -> None:
        self.facts += self.found.look(self.now, list(self.flows.values()))

    def opens(self, path: str, kind: Topology, remote: str | None = None) -> None:
        self.found.opened(self.now, path, kind, remote)
        self.look()

    def plays(self, path: str, *members: str, kinds: tuple[str, ...] = KINDS) -> None:
        """From the next tenth of a second on."""
        self.playing |= {(member, kind, path) for member in members for kind in kinds}

    def stops(self, path: str) -> None:
        self.playing = {one for one in self.playing if one[2] != path}

    def closes(self, path: str) -> None:
        self.found.closed(self.now, path, list(self.flows.values()))
        self._gone(path)

    def dies(self, path: str, why: str) -> None:
        self.found.closed(self.now, path, list(self.flows.values()), why)
        self.stops(path)
        self.look()

    def _gone(self, path: str) -> None:
        self.stops(path)
        self.flows = {key: flow for key, flow in self.flows.items() if key[2] != path}
        self.look()

    def says(self, topology: Topology) -> None:
        self.found.told(self.now, topology)
        self.look()

    def leaves(self, member: str) -> None:
        self.found.left(member)
        self.look()

    def told(self) -> list[Fact]:
        """Times since the beginning."""
        return [one if isinstance(one, Settled) else replace(one, at=round(one.at - 100.0, 3)) for one in self.facts]


def _streams(*members: str) -> frozenset[Stream]:
    return frozenset((member, kind) for member in members for kind in KINDS)


def _mesh(*members: str, deadline: float = 10.0) -> Call:
    """Five seconds of a call on P2P."""
    call = Call(*members, deadline=deadline)
    for member in members:
        call.opens(f"to {member}", "p2p", member)
        call.plays(f"to {member}", member)
    call.until(5.0)
    assert call.facts == []
    return call


def _server(*members: str, deadline: float = 10.0) -> Call:
    """Five seconds of a call on the SFU."""
    call = Call(*members, topology="sfu", deadline=deadline)
    call.opens("up", "sfu")
    call.opens("down", "sfu")
    call.plays("down", *members)
    call.until(5.0)
    assert call.facts == []
    return call


def _two() -> Call:
    return _mesh(BEN)


def _began(at: float, *members: str) -> Began:
    return Began(at, "p2p", "sfu", _streams(*(members or (BEN,))))


def _make_before_break(call: Call) -> None:
    call.opens("sfu", "sfu")
    call.until(5.5)
    call.plays("sfu", BEN)
    call.until(6.0)
    call.closes("to ben")


def _break_before_make(call: Call) -> None:
    call.closes("to ben")
    call.until(5.3)
    call.opens("sfu", "sfu")
    call.until(5.9)
    call.plays("sfu", BEN)


def _old_path_stays_open(call: Call) -> None:
    call.opens("sfu", "sfu")
    call.until(5.5)
    call.plays("sfu", BEN)
    call.until(6.0)
    call.stops("to ben")


def _old_path_is_lost(call: Call) -> None:
    call.opens("sfu", "sfu")
    call.until(5.5)
    call.plays("sfu", BEN)
    call.until(6.0)
    call.dies("to ben", "the other side closed the connection")


def _message_first(call: Call) -> None:
    call.says("sfu")
    call.until(5.2)
    _make_before_break(call)


def _message_midway(call: Call) -> None:
    call.opens("sfu", "sfu")
    call.until(5.2)
    call.says("sfu")
    call.until(5.5)
    call.plays("sfu", BEN)
    call.until(6.0)
    call.closes("to ben")


def _message_last(call: Call) -> None:
    _make_before_break(call)
    call.until(6.5)
    call.says("sfu")


def _message_after_the_break(call: Call) -> None:
    call.closes("to ben")
    call.until(5.2)
    call.says("sfu")
    call.until(5.3)
    call.opens("sfu", "sfu")
    call.until(5.9)
    call.plays("sfu", BEN)


@pytest.mark.parametrize(
    "what", [
        _make_before_break, _break_before_make, _old_path_stays_open, _old_path_is_lost, _message_first, _message_midway,
        _message_last, _message_after_the_break,
    ],
)  # fmt: skip
def test_in_whatever_order_it_happens_it_is_one_migration(what: Callable[[Call], None]) -> None:
    call = _two()
    what(call)
    call.until(20.0)
    assert call.told() == [_began(5.0), Ended(6.0, "sfu")]
    assert call.found.topology == "sfu"
    assert call.found.target is None


def test_it_moves_while_it_moves() -> None:
    call = _two()
    assert not call.found.restless
    call.opens("sfu", "sfu")
    assert call.found.target == "sfu"
    assert call.found.restless
    call.until(5.5)
    call.plays("sfu", BEN)
    call.until(6.0)
    call.closes("to ben")
    assert call.found.target is None
    assert not call.found.restless


def test_back_to_p2p_by_paths_of_everybody() -> None:
    call = _server(BEN, CLEO)
    call.opens("to ben", "p2p", BEN)
    call.opens("to cleo", "p2p", CLEO)
    call.until(5.4)
    call.plays("to ben", BEN)
    call.until(5.6)
    call.closes("down")
    call.until(5.8)
    call.plays("to cleo", CLEO)
    call.until(20.0)
    assert call.told() == [Began(5.0, "sfu", "p2p", _streams(BEN, CLEO)), Ended(5.9, "p2p")]


def test_only_what_flowed_is_awaited() -> None:
    """cleo's camera was off before."""
    call = Call(BEN, CLEO)
    for member, kinds in ((BEN, KINDS), (CLEO, ("audio",))):
        call.opens(f"to {member}", "p2p", member)
        call.plays(f"to {member}", member, kinds=kinds)
    call.until(5.0)
    call.opens("sfu", "sfu")
    call.plays("sfu", BEN)
    call.plays("sfu", CLEO, kinds=("audio",))
    call.until(5.5)
    call.closes("to ben")
    call.closes("to cleo")
    assert call.told() == [Began(5.0, "p2p", "sfu", _streams(BEN) | {(CLEO, "audio")}), Ended(5.5, "sfu")]


def test_what_stopped_long_before_is_not_awaited() -> None:
    call = _mesh(BEN)
    call.playing.discard((BEN, "video", "to ben"))
    call.until(8.0)
    call.opens("sfu", "sfu")
    assert call.told() == [Began(8.0, "p2p", "sfu", frozenset({(BEN, "audio")}))]


def test_nor_is_it_where_the_old_path_is_closed_first() -> None:
    call = _mesh(BEN)
    call.playing.discard((BEN, "video", "to ben"))
    call.until(8.0)
    call.closes("to ben")
    call.until(8.5)
    call.opens("sfu", "sfu")
    assert call.told() == [Began(8.0, "p2p", "sfu", frozenset({(BEN, "audio")}))]


def test_of_two_paths_the_first_that_brings_it_counts() -> None:
    call = _two()
    call.opens("sfu", "sfu")
    call.plays("sfu", BEN)
    call.until(5.5)
    call.opens("sfu too", "sfu")
    call.closes("to ben")
    call.until(7.0)
    assert call.told()[1:] == [Ended(5.5, "sfu")]
    again = _two()
    again.opens("sfu", "sfu")
    again.opens("sfu too", "sfu")
    again.plays("sfu", BEN)
    again.until(5.4)
    again.stops("to ben")
    again.until(5.8)
    again.plays("sfu too", BEN)
    again.until(7.0)
    assert again.told()[1:] == [Ended(5.4, "sfu")]


# it fails


def _never_opened(call: Call) -> None:
    call.says("sfu")


def _never_flows(call: Call) -> None:
    call.opens("sfu", "sfu")


def _only_sound(call: Call) -> None:
    call.opens("sfu", "sfu")
    call.plays("sfu", BEN, kinds=("audio",))


def _never_stops(call: Call) -> None:
    call.opens("sfu", "sfu")
    call.plays("sfu", BEN)


def _lost_on_both(call: Call) -> None:
    call.opens("sfu", "sfu")
    call.plays("sfu", BEN, kinds=("audio",))
    call.until(6.0)
    call.closes("to ben")


def _new_path_fails(call: Call) -> None:
    call.closes("to ben")
    call.opens("sfu", "sfu")
    call.until(6.0)
    call.dies("sfu", "no candidate pair works")


def _says_one_thing_and_does_another(call: Call) -> None:
    call.opens("sfu", "sfu")
    call.plays("sfu", BEN)
    call.until(5.5)
    call.says("p2p")
    call.closes("to ben")


@pytest.mark.parametrize(
    ("what", "topology", "why"), [
        (_never_opened, "p2p", "no sfu path was opened"),
        (_never_flows, "p2p", "audio of ben, video of ben not on the sfu path"),
        (_only_sound, "p2p", "video of ben not on the sfu path"),
        (_never_stops, "p2p", "the p2p path still carries media"),
        (_lost_on_both, "sfu", "video of ben on no path"),
        (_new_path_fails, "p2p", "audio of ben, video of ben on no path"),
        (_says_one_thing_and_does_another, "sfu", "the platform says p2p, and the media stays on the sfu path"),
    ],
)  # fmt: skip
def test_at_the_deadline_it_has_failed(what: Callable[[Call], None], topology: Topology, why: str) -> None:
    call = _mesh(BEN, deadline=3.0)
    what(call)
    call.until(7.9)
    assert call.told() == [_began(5.0)]
    call.until(20.0)
    assert call.told() == [_began(5.0), Ended(8.0, topology, f"not moved within 3 s: {why}")]


def test_what_comes_after_the_deadline_is_no_second_migration() -> None:
    call = _mesh(BEN, deadline=3.0)
    call.opens("sfu", "sfu")
    call.until(9.0)
    call.says("sfu")
    call.plays("sfu", BEN)
    call.until(10.0)
    call.closes("to ben")
    call.until(20.0)
    failed = Ended(8.0, "p2p", "not moved within 3 s: audio of ben, video of ben not on the sfu path")
    assert call.told() == [_began(5.0), failed, Settled("sfu")]


def test_it_failed_at_the_deadline_whenever_that_is_noticed() -> None:
    call = _mesh(BEN, deadline=3.0)
    call.says("sfu")
    call.now += 7.0
    call.look()
    assert call.told()[1:] == [Ended(8.0, "p2p", "not moved within 3 s: audio of ben, video of ben on no path")]


def test_a_path_that_took_over_late_is_one_like_others() -> None:
    call = _mesh(BEN, deadline=3.0)
    call.opens("sfu", "sfu")
    call.until(9.0)
    call.plays("sfu", BEN)
    call.until(9.5)
    call.closes("to ben")
    call.opens("to ben again", "p2p", BEN)
    call.plays("to ben again", BEN)
    call.until(10.0)
    call.stops("sfu")
    call.until(12.0)
    call.closes("to ben again")
    call.plays("sfu", BEN)
    call.until(14.0)
    assert call.told()[2:] == [
        Settled("sfu"), Began(9.5, "sfu", "p2p", _streams(BEN)), Ended(10.0, "p2p"), _began(12.0), Ended(12.1, "sfu"),
    ]  # fmt: skip


def test_a_break_longer_than_the_deadline_is_a_call_that_was_lost() -> None:
    call = _mesh(BEN, deadline=3.0)
    call.closes("to ben")
    call.until(8.1)
    call.opens("sfu", "sfu")
    call.plays("sfu", BEN)
    call.until(20.0)
    assert call.told() == [Settled("sfu")]


def test_a_new_attempt_after_the_deadline_is_one() -> None:
    call = _mesh(BEN, deadline=3.0)
    call.opens("sfu", "sfu")
    call.until(9.0)
    call.closes("sfu")
    call.opens("again", "sfu")
    call.plays("again", BEN)
    call.until(9.5)
    call.closes("to ben")
    assert call.told()[2:] == [_began(9.0), Ended(9.5, "sfu")]


# it goes back


def test_new_paths_that_fail_while_the_old_ones_stay() -> None:
    call = _two()
    call.opens("sfu", "sfu")
    call.until(6.0)
    call.dies("sfu", "no candidate pair works")
    call.until(20.0)
    assert call.told() == [_began(5.0), Ended(6.0, "p2p", "back to p2p: no candidate pair works")]


def test_why_is_told_by_the_one_that_failed() -> None:
    call = _two()
    call.opens("down", "sfu")
    call.opens("up", "sfu")
    call.until(6.0)
    call.dies("down", "no candidate pair works")
    call.until(6.4)
    call.closes("up")
    call.until(20.0)
    assert call.told()[1:] == [Ended(6.4, "p2p", "back to p2p: no candidate pair works")]


def test_one_that_is_opened_again_within_a_second_is_the_same_attempt() -> None:
    call = _two()
    call.opens("sfu", "sfu")
    call.until(6.0)
    call.dies("sfu", "no candidate pair works")
    call.until(6.5)
    call.opens("again", "sfu")
    call.plays("again", BEN)
    call.until(7.0)
    call.closes("to ben")
    assert call.told() == [_began(5.0), Ended(7.0, "sfu")]


def test_the_platform_says_that_it_goes_back() -> None:
    call = _two()
    call.says("sfu")
    call.opens("sfu", "sfu")
    call.plays("sfu", BEN)
    call.until(6.0)
    call.says("p2p")
    call.until(6.3)
    call.closes("sfu")
    call.until(20.0)
    assert call.told() == [_began(5.0), Ended(6.3, "p2p", "back to p2p: so the platform says")]


def test_the_platform_closes_what_it_opened() -> None:
    call = _two()
    call.opens("sfu", "sfu")
    call.plays("sfu", BEN)
    call.until(6.0)
    call.closes("sfu")
    call.until(20.0)
    assert call.told() == [_began(5.0), Ended(6.0, "p2p", "back to p2p: the sfu paths were closed again")]


def test_after_the_old_path_was_closed_it_has_to_come_again() -> None:
    call = _two()
    call.opens("sfu", "sfu")
    call.plays("sfu", BEN)
    call.until(5.2)
    call.closes("sfu")
    call.closes("to ben")
    call.until(5.5)
    call.opens("to ben again", "p2p", BEN)
    call.plays("to ben again", BEN)
    call.until(20.0)
    assert call.told() == [_began(5.0), Ended(5.6, "p2p", "back to p2p: the sfu paths were closed again")]


@pytest.mark.parametrize("say", [True, False])
def test_somebody_leaves_and_the_server_is_needed_no_more(say: bool) -> None:
    call = _two()
    call.found.joined(CLEO)
    call.opens("sfu", "sfu")
    call.until(5.4)
    call.leaves(CLEO)
    if say:
        call.says("p2p")
    call.closes("sfu")
    call.until(20.0)
    assert call.told() == [_began(5.0), Ended(5.4, "p2p", "superseded: somebody left")]


def test_somebody_joins_and_the_server_is_needed_again() -> None:
    call = _server(BEN)
    call.opens("to ben", "p2p", BEN)
    call.until(5.4)
    call.found.joined(CLEO)
    call.closes("to ben")
    call.until(20.0)
    assert call.told()[-1] == Ended(5.4, "sfu", "superseded: somebody joined")


def test_somebody_joins_and_the_room_does_not_move_all_the_same() -> None:
    call = _two()
    call.opens("sfu", "sfu")
    call.found.joined(CLEO)
    call.until(5.4)
    call.closes("sfu")
    call.until(20.0)
    assert call.told()[1:] == [Ended(5.4, "p2p", "back to p2p: the sfu paths were closed again")]


def test_a_failure_is_one_whoever_leaves() -> None:
    call = _two()
    call.found.joined(CLEO)
    call.opens("sfu", "sfu")
    call.leaves(CLEO)
    call.until(6.0)
    call.dies("sfu", "no candidate pair works")
    call.until(20.0)
    assert call.told()[-1] == Ended(6.0, "p2p", "back to p2p: no candidate pair works")


# who comes and goes


def test_a_newcomers_media_is_not_awaited() -> None:
    call = _two()
    call.found.joined(CLEO)
    call.opens("sfu", "sfu")
    call.plays("sfu", BEN)
    call.until(6.0)
    call.closes("to ben")
    assert call.told() == [_began(5.0), Ended(6.0, "sfu")]


def test_the_newcomer_itself_has_nothing_to_lose() -> None:
    call = Call(BEN, CLEO)
    call.opens("to ben", "p2p", BEN)
    call.until(0.2)
    call.opens("sfu", "sfu")
    call.plays("sfu", BEN, CLEO)
    call.until(0.4)
    call.plays("to ben", BEN)
    call.until(3.0)
    call.closes("to ben")
    call.until(20.0)
    assert call.told() == [Settled("sfu")]


def test_alone_there_is_nothing_to_lose() -> None:
    call = Call()
    call.says("sfu")
    call.opens("sfu", "sfu")
    call.found.joined(BEN)
    call.plays("sfu", BEN)
    call.until(20.0)
    assert call.told() == [Settled("sfu")]


def test_who_leaves_is_not_awaited() -> None:
    call = _mesh(BEN, CLEO)
    call.opens("sfu", "sfu")
    call.plays("sfu", BEN)
    call.until(5.5)
    call.leaves(CLEO)
    call.closes("to cleo")
    call.until(6.0)
    call.closes("to ben")
    assert call.told() == [_began(5.0, BEN, CLEO), Ended(6.0, "sfu")]


def test_whose_path_is_not_closed_when_it_leaves_holds_up_nobody() -> None:
    call = _mesh(BEN, CLEO)
    call.opens("sfu", "sfu")
    call.plays("sfu", BEN)
    call.until(5.5)
    call.leaves(CLEO)
    call.until(6.0)
    call.closes("to ben")
    assert call.told() == [_began(5.0, BEN, CLEO), Ended(6.0, "sfu")]


def test_who_leaves_after_the_break_has_nothing_to_lose() -> None:
    call = _server(BEN, CLEO)
    call.closes("down")
    call.until(5.2)
    call.leaves(CLEO)
    call.until(5.4)
    call.opens("to ben", "p2p", BEN)
    assert call.told() == [Began(5.0, "sfu", "p2p", _streams(BEN))]


def test_where_all_left_there_is_nothing_to_wait_for() -> None:
    call = _two()
    call.opens("sfu", "sfu")
    call.until(5.5)
    call.leaves(BEN)
    assert call.told() == [_began(5.0), Ended(5.5, "sfu")]


def test_a_path_that_is_closed_because_somebody_left_is_no_beginning() -> None:
    call = _mesh(BEN, CLEO)
    call.closes("to cleo")
    call.leaves(CLEO)
    call.until(7.0)
    call.opens("sfu", "sfu")
    call.plays("sfu", BEN)
    call.until(8.0)
    call.closes("to ben")
    assert call.told() == [_began(7.0), Ended(8.0, "sfu")]


def test_a_connection_that_is_made_anew_is_no_migration() -> None:
    call = _two()
    call.closes("to ben")
    call.until(6.0)
    call.opens("to ben again", "p2p", BEN)
    call.plays("to ben again", BEN)
    call.until(8.0)
    call.opens("sfu", "sfu")
    assert call.told() == [_began(8.0)]


# more than one


@pytest.mark.parametrize("what", [_make_before_break, _break_before_make])
def test_there_and_back_are_two_migrations(what: Callable[[Call], None]) -> None:
    call = _two()
    what(call)
    call.until(8.0)
    call.opens("to ben again", "p2p", BEN)
    call.plays("to ben again", BEN)
    call.until(8.5)
    call.closes("sfu")
    call.until(20.0)
    assert call.told() == [
        _began(5.0), Ended(6.0, "sfu"), Began(8.0, "sfu", "p2p", _streams(BEN)), Ended(8.5, "p2p"),
    ]  # fmt: skip


def test_a_server_that_is_kept_beside_takes_over_again() -> None:
    """Some platforms keep the connection to their server while two talk to each other, and only let it fall silent."""
    call = _server(BEN)
    call.opens("to ben", "p2p", BEN)
    call.plays("to ben", BEN)
    call.until(5.5)
    call.stops("down")
    call.until(10.0)
    assert call.told() == [Began(5.0, "sfu", "p2p", _streams(BEN)), Ended(5.5, "p2p")]
    assert call.found.restless
    call.closes("to ben")
    call.until(10.4)
    call.plays("down", BEN)
    call.until(20.0)
    assert call.told()[2:] == [Began(10.0, "p2p", "sfu", _streams(BEN)), Ended(10.5, "sfu")]


def test_it_takes_over_before_the_other_path_is_closed() -> None:
    call = _server(BEN)
    call.opens("to ben", "p2p", BEN)
    call.plays("to ben", BEN)
    call.until(5.5)
    call.stops("down")
    call.until(10.0)
    call.plays("down", BEN)
    call.until(10.4)
    call.stops("to ben")
    call.until(20.0)
    assert call.told()[2:] == [Began(10.1, "p2p", "sfu", _streams(BEN)), Ended(10.4, "sfu")]


def test_where_both_carry_it_for_long_the_end_of_ours_is_the_beginning() -> None:
    """Some platforms send everything twice. Who counted from when the other way began would read minutes."""
    call = _server(BEN)
    call.opens("to ben", "p2p", BEN)
    call.plays("to ben", BEN)
    call.until(5.5)
    call.stops("down")
    call.until(7.0)
    call.plays("down", BEN)
    call.until(60.0)
    assert len(call.told()) == 2
    call.stops("to ben")
    call.until(70.0)
    assert call.told()[2:] == [Began(60.0, "p2p", "sfu", _streams(BEN)), Ended(60.0, "sfu")]


def test_none_begins_before_the_one_before_is_over() -> None:
    call = _server(BEN)
    call.opens("to ben", "p2p", BEN)
    call.until(6.0)
    call.plays("to ben", BEN)
    call.until(7.0)
    call.says("sfu")
    call.stops("to ben")
    call.until(8.2)
    assert call.told()[-1] == Ended(7.0, "sfu", "back to sfu: so the platform says")
    call.plays("to ben", BEN)  # after so short a pause it is the same as before
    call.until(8.5)
    call.stops("down")
    call.until(20.0)
    assert call.told()[2:] == [Began(7.0, "sfu", "p2p", _streams(BEN)), Ended(8.5, "p2p")]


def test_one_that_is_seen_too_late_was_too_late_all_the_same() -> None:
    call = _mesh(BEN, deadline=3.0)
    call.opens("sfu", "sfu")
    call.closes("to ben")
    call.found.look(call.now, [])
    call.flows = {(BEN, kind, "sfu"): Flow(BEN, kind, "sfu", 109.0, 109.1) for kind in KINDS}
    call.now = 109.2  # our own loop was stuck
    call.look()
    assert call.told()[1:] == [Ended(8.0, "sfu", "not moved within 3 s: the p2p path still carries media")]


def test_a_stray_packet_is_no_migration() -> None:
    call = _server(BEN)
    call.opens("to ben", "p2p", BEN)
    call.plays("to ben", BEN)
    call.until(5.5)
    call.stops("down")
    call.until(10.0)
    call.plays("down", BEN)
    call.until(10.1)
    call.stops("down")
    call.until(20.0)
    assert len(call.told()) == 2
