"""Medians over rounds, ratios within a round, and peers in turn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.rounds import Outcome, Peer, run_rounds
from tests.bench.row import NotInstalled, PeerFailed, Row
from tests.bench.summary import Summary, median_of, ratio_of, summarise


def row(name: str, cost: float, *, reference: str = "meetprobe", note: str = "", join: float | None = None) -> Row:
    return Row(name, "read", 10, cpu_us_per_packet=cost, join_cpu_seconds=join, reference=reference, note=note)


def outcome(name: str, costs: dict[int, float], reference: str = "meetprobe") -> Outcome:
    return Outcome(name, {number: row(name, cost, reference=reference) for number, cost in costs.items()})


# medians and ratios


def test_a_median_is_of_what_is_known() -> None:
    assert median_of([3.0, None, 1.0, 2.0]) == 2.0
    assert median_of([1.0, 2.0]) == 1.5
    assert median_of([None]) is None
    assert median_of([]) is None


def test_a_ratio_is_taken_within_each_round() -> None:
    """The machine was ten times slower in the second round: the ratio of the medians would be 40 / 20."""
    ours, pion = outcome("meetprobe", {0: 10, 1: 100, 2: 20}), outcome("pion", {0: 40, 1: 300, 2: 40})
    assert ratio_of(pion, ours) == 3.0


def test_only_rounds_that_both_have_count() -> None:
    assert ratio_of(outcome("pion", {0: 40, 2: 90}), outcome("meetprobe", {1: 10, 2: 30})) == 3.0
    assert ratio_of(outcome("pion", {0: 40}), outcome("meetprobe", {1: 10})) is None
    assert ratio_of(outcome("pion", {0: 40}), outcome("meetprobe", {0: 0.0})) is None
    assert ratio_of(outcome("pion", {0: 40}), None) is None


@given(st.dictionaries(st.integers(0, 5), st.floats(1, 1000), min_size=1))
def test_whoever_is_compared_with_itself_is_1(costs: dict[int, float]) -> None:
    assert ratio_of(outcome("a", costs), outcome("a", costs)) == 1.0


def test_a_summary_has_medians_the_ratio_and_the_last_note() -> None:
    ours = outcome("meetprobe", {0: 10, 1: 20, 2: 30})
    rows = [
        row("pion", 40, join=0.004, note="warm"),
        row("pion", 60, join=0.006, note="warm"),
        row("pion", 50, note="hot"),
    ]
    pion = Outcome("pion", dict(enumerate(rows)), failures=["exit code 9"])
    assert summarise([ours, pion])[1] == Summary(
        "pion",
        "read",
        participants=10,
        rounds=3,
        cpu_us_per_packet=50,
        ratio=3.0,
        join_cpu_seconds=0.005,
        notes=("hot (remarks in 3 of 3 rounds)", "failed 1 ×: exit code 9"),
    )


@pytest.mark.parametrize(
    ("notes", "found"),
    [(["a", "a"], ("a",)), (["", "a"], ("a (remarks in 1 of 2 rounds)",)), (["", ""], ()), ([""], ())],
)
def test_a_note_that_all_rounds_have_is_told_as_it_is(notes: list[str], found: tuple[str, ...]) -> None:
    rows = {number: row("pion", 1, note=note) for number, note in enumerate(notes)}
    assert summarise([Outcome("pion", rows)])[0].notes == found


def test_servers_are_compared_with_their_own_reference() -> None:
    found = summarise(
        [outcome("meetprobe", {0: 10}), outcome("shim", {0: 5}, "shim"), outcome("janus", {0: 20}, "shim")]
    )
    assert [summary.ratio for summary in found] == [1.0, 1.0, 4.0]


def test_a_peer_without_rows_has_only_its_problem() -> None:
    found = summarise(
        [Outcome("pion", missing="apt-get install x"), Outcome("aiortc", failures=["a", "b"]), Outcome("c")]
    )
    assert found == [
        Summary("pion", problem="missing: apt-get install x"),
        Summary("aiortc", problem="failed: b"),
        Summary("c", problem="not measured"),
    ]


# rounds


class Scripted:
    """A peer that gives the next of its results, or raises it."""

    def __init__(self, name: str, log: list[str], *results: float | Exception) -> None:
        self.peer = Peer(name, self._measure)
        self._log, self._results = log, list(results)

    def _measure(self, participants: int, seconds: float) -> Row:
        self._log.append(f"{self.peer.name} {participants} {seconds:g}")
        result = self._results.pop(0)
        if isinstance(result, Exception):
            raise result
        return row(self.peer.name, result)


def test_peers_take_turns() -> None:
    log: list[str] = []
    told: list[str] = []
    peers = [Scripted("a", log, 1, 2).peer, Scripted("b", log, 3, 4).peer]
    found = run_rounds(peers, 2, 10, 0.5, told.append)
    assert log == ["a 10 0.5", "b 10 0.5"] * 2
    assert [[row.cpu_us_per_packet for row in each.rows.values()] for each in found] == [[1, 2], [3, 4]]
    assert told[0] == "round 1 of 2: a: 1.0 µs per packet"
    assert len(told) == 4


def test_a_missing_peer_is_asked_once_and_a_failing_one_again() -> None:
    log: list[str] = []
    told: list[str] = []
    gone, shaky = Scripted("a", log, NotInstalled("x")), Scripted("b", log, PeerFailed("no luck"), 4)
    found = run_rounds([gone.peer, shaky.peer], 2, 10, 1, told.append)
    assert log == ["a 10 1", "b 10 1", "b 10 1"]
    assert found[0] == Outcome("a", missing="x")
    assert found[1] == Outcome("b", {1: row("b", 4)}, failures=["no luck"])
    assert told[:2] == ["round 1 of 2: a: missing: x", "round 1 of 2: b: failed: no luck"]


def test_a_bug_is_not_taken_for_a_peer_s_failure() -> None:
    with pytest.raises(KeyError):
        run_rounds([Scripted("a", [], KeyError("participants")).peer], 1, 10, 1, print)
