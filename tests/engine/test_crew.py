"""Meetings are dealt, rounds are held together, snapshots add up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.engine.crew import Crew, deal
from probe.engine.outcome import Outcome
from probe.engine.protocol import MAX_LISTED, Hold, Snapshot
from probe.model.progress import ParticipantNow
from probe.model.scenario import Scenario


class Fake:
    """An engine that holds its meetings in no time, or in a little, and remembers what it was asked for."""

    def __init__(self, snapshot: Snapshot | None = None, *, slow: bool = False) -> None:
        self.held: list[Hold] = []
        self.calls: list[str] = []
        self._snapshot = snapshot or Snapshot()
        self._slow = slow
        self._outcome = Outcome()

    async def hold(self, hold: Hold) -> None:
        await asyncio.sleep(0.01 if self._slow else 0)
        self.held.append(hold)
        self.calls.append(f"hold {hold.round}")

    async def close(self) -> None:
        self.calls.append("close")

    async def deliver(self, *, vmaf: bool = True) -> Outcome | None:
        self.calls.append(f"deliver {vmaf}")
        return self._outcome

    def snapshot(self) -> Snapshot:
        return self._snapshot

    def running(self) -> Outcome | None:
        return self._outcome


@pytest.mark.parametrize(
    ("meetings", "engines", "shares"),
    [(1, 1, [(0,)]), (5, 2, [(0, 2, 4), (1, 3)]), (3, 3, [(0,), (1,), (2,)]), (2, 3, [(0,), (1,), ()])],
)
def test_dealing(meetings: int, engines: int, shares: list[tuple[int, ...]]) -> None:
    assert deal(meetings, engines) == shares


@given(st.integers(1, 300), st.integers(1, 40))
def test_everybody_gets_a_fair_share_and_nothing_is_left(meetings: int, engines: int) -> None:
    shares = deal(meetings, engines)
    assert sorted(place for share in shares for place in share) == list(range(meetings))
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 1


async def test_rounds_begin_together_and_one_after_the_other() -> None:
    first, second = Fake(), Fake(slow=True)
    await Crew(Scenario(name="s", meetings=3, rounds=2), [first, second]).hold_rounds()
    for number in (0, 1):
        assert first.held[number].start == second.held[number].start
        assert (first.held[number].meetings, second.held[number].meetings) == ((0, 2), (1,))
    assert first.held[1].start > first.held[0].start + 0.01, "the second round waits for the slow engine"


async def test_nobody_delivers_before_all_have_left() -> None:
    engines = [Fake(), Fake()]
    crew = Crew(Scenario(name="s", meetings=2), engines)
    await crew.close()
    assert [one.calls for one in engines] == [["close"], ["close"]]
    assert len(await crew.deliver(vmaf=False)) == 2
    assert [one.calls[-1] for one in engines] == ["deliver False"] * 2
    assert crew.losses == [None, None]


def test_snapshots_add_up_and_stay_small() -> None:
    def part(name: str, there: int, **counts: Any) -> Fake:
        listed = tuple(ParticipantNow(name, f"{name}{n}", "p2p") for n in range(there))
        return Fake(Snapshot(participants=listed, **counts))

    engines = [part("a", 10, joins=10, unlisted=3), part("b", 9, joins=9, joins_failed=1, migrations=2)]
    now = Crew(Scenario(name="s"), engines).snapshot()
    assert (now.joins, now.joins_failed, now.migrations, now.migrations_failed) == (19, 1, 2, 0)
    assert len(now.participants) == MAX_LISTED
    assert now.participants[10].participant == "b0"
    assert len(now.participants) + now.unlisted == 10 + 3 + 9


async def test_what_was_measured_so_far_is_known_of_one_engine_alone() -> None:
    one = Fake()
    assert Crew(Scenario(name="s"), [one]).running() is one.running()
    assert Crew(Scenario(name="s"), [one, Fake()]).running() is None


async def test_it_knows_what_each_round_took() -> None:
    crew = Crew(Scenario(name="s", rounds=2), [Fake(slow=True)])
    await crew.hold_rounds()
    assert len(crew.took) == 2
    assert all(0.01 <= seconds < 10 for seconds in crew.took)
