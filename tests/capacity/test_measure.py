"""The search over machines that are played: what is tried, when it stops, and what it concludes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from probe.capacity import measure
from probe.capacity.figures import Point
from probe.capacity.measure import Capacity, Options, shares
from probe.capacity.work import Work
from probe.model.errors import ConfigError, MeasurementError
from tests.capacity.build import broken, held

Machine = Callable[[int], Point]


def play(monkeypatch: pytest.MonkeyPatch, machine: Machine) -> None:
    """Points come from `machine`."""

    async def measure_point(options: Options, participants: int, tell: Callable[[str], None]) -> Point:
        return replace(machine(participants), processes=options.processes)

    monkeypatch.setattr(measure, "measure_point", measure_point)


async def search(**options: float) -> Capacity:
    return await measure.measure(Options(**options), lambda line: None)  # type: ignore[arg-type]


async def test_a_ramp(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, lambda n: held(n) if n <= 100 else broken(n))
    found = await search()
    assert [point.participants for point in found.points] == [16, 32, 64, 128, 96, 112, 104, 100]
    assert (found.max_trusted, found.per_core, found.exit_code) == (100, 100.0, 0)
    assert found.limiting_factor is not None
    assert found.limiting_factor.startswith("CPU (a process used 97% of its core)")
    assert found.best is not None
    assert found.best.participants == 100


async def test_one_point_has_something_to_say_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, lambda n: held(n) if n <= 100 else broken(n))
    well, ill = await search(participants=80), await search(participants=120)
    assert (well.max_trusted, well.exit_code, well.limiting_factor) == (80, 0, None)
    assert (ill.max_trusted, ill.exit_code, ill.per_core) == (None, 0, None)
    assert ill.best is ill.points[0]


async def test_a_machine_that_can_t_even_do_one_meeting(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, broken)
    found = await search()
    assert [point.participants for point in found.points] == [16, 8, 4, 2]
    assert (found.max_trusted, found.exit_code) == (None, 4)


async def test_what_can_t_be_measured_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    def machine(participants: int) -> Point:
        if participants > 100:
            raise MeasurementError("was ended by SIGKILL", who="engine 1")
        return held(participants)

    play(monkeypatch, machine)
    found = await search()
    assert found.max_trusted == 100
    assert found.limiting_factor == "memory: engine 1: was ended by SIGKILL"
    alone = await search(participants=120)
    assert (alone.exit_code, alone.max_trusted, alone.best) == (4, None, None)
    assert alone.points[0].failure == "engine 1: was ended by SIGKILL"


async def test_files_and_memory_end_the_ramp_before_they_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, held)
    monkeypatch.setattr(measure, "available_memory", lambda: 100_000_000)  # half a megabyte each, a fifth stays free
    found = await search()
    assert found.max_trusted is not None
    assert 152 <= found.max_trusted <= 160
    assert found.limiting_factor is not None
    assert found.limiting_factor.startswith("memory: 16")
    monkeypatch.setattr("probe.capacity.machine.raise_file_limit", lambda: 220)
    found = await search()
    assert found.max_trusted == 40
    assert found.limiting_factor is not None
    assert found.limiting_factor.startswith("open files: 42 participants need 226")


async def test_time_ends_the_ramp(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def machine(participants: int) -> Point:
        nonlocal now
        now += 20.0
        return held(participants)

    play(monkeypatch, machine)
    monkeypatch.setattr(time, "monotonic", lambda: now)
    found = await measure.measure(Options(limit_seconds=60.0), lambda line: None)
    assert [point.participants for point in found.points] == [16, 32, 64]
    assert found.limiting_factor == "time: the search was stopped after 60 s (--limit-seconds)"
    assert found.exit_code == 0


async def test_a_bug_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, lambda n: held(n, bugs=("KeyError (1 times)",)))
    found = await search()
    assert (len(found.points), found.exit_code, found.bugs) == (1, 1, ["KeyError (1 times)"])


async def test_the_ceiling_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, held)
    monkeypatch.setattr(measure, "MOST", 64)
    found = await search(processes=2)
    assert found.max_trusted == 64
    assert found.per_core == 32.0
    assert found.limiting_factor == "none found: the search goes no further than 64 participants"


def test_meetings_are_shared_evenly() -> None:
    assert shares(7, 3) == [3, 2, 2]
    assert shares(2, 2) == [1, 1]


@pytest.mark.parametrize(
    ("changes", "who"),
    [
        ({"participants": 3}, "--participants"),
        ({"participants": 0}, "--participants"),
        ({"participants": 5002}, "--participants"),
        ({"participants": 2, "processes": 2}, "--processes"),
        ({"processes": 0}, "--processes"),
        ({"seconds": 0.5}, "--seconds"),
        ({"limit_seconds": 1.0}, "--limit-seconds"),
    ],
)
def test_options_that_cannot_be(changes: dict[str, float], who: str) -> None:
    with pytest.raises(ConfigError) as told:
        Options(Work(), **changes)  # type: ignore[arg-type]
    assert told.value.who == who
