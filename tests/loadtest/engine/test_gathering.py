"""What is handed over, and how much of it at most."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from loadtest.engine.gathering import Gathering, Rows
from loadtest.harvest import Delta
from probe.client.entry import Entry
from probe.model.samples import Sample, SampleBatch
from reports.units import Share, UnitWant
from tests.client.fakes import START, Bench
from tests.client.pretend import FakeParticipant


def _entry(name: str, drops: list[tuple[float, str]] | None = None) -> Entry:
    nowhere: Any = None
    fake: Any = FakeParticipant(nowhere)
    fake.drops = drops or []
    return Entry(name, "room", fake, joined=True)


def test_failures_come_first_and_no_more_than_fit() -> None:
    rows = Rows(most=3)
    for number in range(5):
        rows.add({"n": number}, failed=number >= 3)
    assert rows.take() == ([{"n": 3}, {"n": 4}, {"n": 0}], 2)
    assert rows.take() == ([], 0)
    for number in range(9):
        rows.add({"n": number}, failed=True)
    assert rows.take() == ([{"n": 0}, {"n": 1}, {"n": 2}], 6)


def test_a_harvest_takes_it_all() -> None:
    bench, gathering = Bench(), Gathering()
    gathering.sink(Sample("join_duration_seconds", 0.5, 1.0, {"topology": "p2p"}))
    gathering.came(+1, START)
    gathering.retries += 1
    gathering.stayed(_entry("a"))
    bench.context.crashes["bug"] += 1
    delta = Delta.from_dict(gathering.harvest(bench.context, ()).to_dict())
    found = delta.summary.histogram("join_duration_seconds", "topology=p2p")
    assert found is not None
    assert (found.count, found.mean) == (1, 0.5)
    assert (delta.presence, delta.retries, delta.crashes) == ([(START, 1)], 1, {"bug": 1})
    assert [row["name"] for row in delta.participants] == ["a"]
    again = gathering.harvest(bench.context, ())
    assert (list(again.summary), again.presence, again.retries, again.crashes) == ([], [], 0, {})
    assert gathering.present == 1


def test_a_harvest_says_who_took_the_readings_since_the_last() -> None:
    want, tags = UnitWant("round_trip_time_seconds", "topology=p2p"), {"topology": "p2p"}
    bench, gathering = Bench(), Gathering([want])
    for who in ("a", "b"):
        gathering.sink(Sample("round_trip_time_seconds", 0.5, 1.0, tags, {"who": who, "meeting": "m"}))
        gathering.sink(Sample("jitter_seconds", 0.5, 1.0, tags, {"who": who, "meeting": "m"}))
    values = np.array([0.25, 0.5])
    gathering.batch_sink(SampleBatch("round_trip_time_seconds", values, 1.0, tags, [("m\nb", 1), ("m\nc", 1)]))
    delta = Delta.from_dict(gathering.harvest(bench.context, ()).to_dict())
    assert delta.units.shares(want) == {"m\na": Share(1, 0.5), "m\nb": Share(2, 0.75), "m\nc": Share(1, 0.5)}
    assert delta.units.shares(UnitWant("jitter_seconds")) == {}
    gathering.sink(Sample("round_trip_time_seconds", 0.125, 2.0, tags, {"who": "b", "meeting": "m"}))
    assert gathering.harvest(bench.context, ()).units.shares(want) == {"m\nb": Share(1, 0.125)}
    assert gathering.harvest(bench.context, ()).units.shares(want) == {}


def test_the_first_drop_is_told_once_in_wall_time() -> None:
    bench, gathering = Bench(), Gathering()
    bench.clock.time = START + 60.0
    calls = [_entry("a"), _entry("b", [(START + 50.0, "x")]), _entry("c", [(START + 40.0, "y"), (START + 59.0, "z")])]
    told = gathering.harvest(bench.context, calls).first_drop
    assert told == pytest.approx(time.time() - 20.0, abs=5.0)
    assert gathering.harvest(bench.context, calls).first_drop is None


def test_errors_that_wait_are_folded_when_there_are_many() -> None:
    bench, gathering = Bench(), Gathering()
    for number in range(499):
        bench.context.errors["in_call", f"u{number}", "gone"] += 1
    gathering.fold_errors(bench.context, ())
    assert len(bench.context.errors) == 499
    bench.context.errors["in_call", "u499", "gone"] += 1
    gathering.fold_errors(bench.context, ())
    assert not bench.context.errors
    assert gathering.harvest(bench.context, ()).errors == {("in_call", "", "gone"): 500}
