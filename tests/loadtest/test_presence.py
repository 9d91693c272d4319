"""How many there were at the same time, whoever told it when."""

from __future__ import annotations

import random

from loadtest.presence import HELD, Presence


def test_changes_of_several_engines_are_added_up_as_they_happened() -> None:
    found = Presence()
    found.add("a", "a1", [(100.0, 1), (101.0, 1), (104.0, -1)], now=105.0)
    found.add("b", "b1", [(102.0, 1), (104.5, 1)], now=106.0)
    assert found.peak == 3


def test_who_leaves_before_another_comes_was_not_there_with_him() -> None:
    found = Presence()
    found.add("a", "a1", [(100.0, 1), (101.0, -1)], now=103.0)
    found.add("b", "b1", [(102.0, 1)], now=103.0)
    assert found.peak == 1


def test_a_lost_engine_takes_its_participants_with_it() -> None:
    found = Presence()
    found.add("a", "a1", [(100.0, 1), (100.5, 1)], now=101.0)
    found.gone("a", 102.0)
    found.gone("a", 102.5)
    found.gone("nobody", 102.5)
    found.add("a", "a2", [(103.0, 1), (103.5, 1)], now=104.0)
    assert found.peak == 2
    found.add("a", "a3", [(105.0, 1)], now=108.0)
    assert found.peak == 2, "a third was there only when the second was gone"
    found.add("a", "a4", [], now=109.0)
    found.add("a", "a4", [(109.5, 1), (109.6, 1)], now=110.0)
    assert found.peak == 2


def test_another_machines_clock_is_set_by_its_quickest_report() -> None:
    found = Presence()
    found.add("here", "h", [(1000.0, 1), (1004.0, -1)], now=1005.0)
    found.add("there", "t", [(50.0, 1), (51.0, -1)], now=1007.0)
    assert found.peak == 1, "at first its 51 is taken for 1007"
    found.add("there", "t", [(60.0, 1)], now=1014.0)
    found.add("here", "h", [(1013.5, 1)], now=1014.0)
    assert found.peak == 1 + 1, "its 60 is 1014 at the latest"


def test_memory_holds_only_the_last_seconds() -> None:
    rng, found, present = random.Random(7), Presence(), 0
    peak = 0
    for second in range(5000):
        change = 1 if present < 20 and rng.random() < 0.6 else -1 if present else 1
        present += change
        peak = max(peak, present)
        found.add("a", "a1", [(float(second), change)], now=second + 1.0)
        assert len(found._waiting) <= HELD + 1
    assert found.peak == peak
