"""The common beat, in simulated time."""

from __future__ import annotations

import asyncio
import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.rtc.beat import PERIOD, Beat, Turn, on_the_beat
from tests.client.fakes import START, FakeClock
from tests.simulated import in_simulated_time


def nothing() -> None:
    """Who does not mind that the beat ended."""


@given(st.floats(0.0, 1e7))
def test_a_beat_is_never_early_and_at_most_a_period_away(time: float) -> None:
    beat = on_the_beat(time)
    assert time - 1e-8 <= beat < time + PERIOD + 1e-8
    assert beat / PERIOD == pytest.approx(round(beat / PERIOD), abs=1e-4)
    assert on_the_beat(beat) == beat


@pytest.mark.parametrize("interval", [0.02, 1 / 30, 1 / 25, 1 / 10])
def test_what_goes_by_audio_s_and_pictures_intervals_stays_on_the_beat(interval: float) -> None:
    first = on_the_beat(START + 0.123)
    assert all(on_the_beat(first + n * interval) == pytest.approx(first + n * interval, abs=1e-6) for n in range(500))


@in_simulated_time
async def test_everybody_is_called_in_the_order_of_turns(clock: FakeClock) -> None:
    beat, called = Beat(clock), list[tuple[str, float]]()
    for turn in (Turn.CHORES, Turn.READ, Turn.WATCH, Turn.SEND):
        for name in ("one", "two"):
            beat.follow(turn, lambda due, name=f"{turn.name} {name}": called.append((name, due)), nothing)  # type: ignore[misc]
    beat.start()
    await asyncio.sleep(1.5 * PERIOD)
    beat.stop()
    turns = [f"{turn} {name}" for turn in ("WATCH", "SEND", "READ", "CHORES") for name in ("one", "two")]
    assert [name for name, _ in called] == turns + turns
    assert [due for _, due in called[:8]] == pytest.approx([START] * 8)


@in_simulated_time
async def test_the_grid_is_even_and_the_machine_s(clock: FakeClock) -> None:
    clock.time += 0.0007
    beat, dues, times = Beat(clock), list[float](), list[float]()
    beat.follow(Turn.READ, dues.append, nothing)
    beat.follow(Turn.READ, lambda due: times.append(clock.now()), nothing)
    beat.start()
    beat.start()
    await asyncio.sleep(2.0)
    beat.stop()
    assert len(dues) == 300
    assert dues == pytest.approx([START + (n + 1) * PERIOD for n in range(300)], abs=1e-8)
    assert times == pytest.approx(dues, abs=1e-8)


@in_simulated_time
async def test_beats_that_a_stall_swallowed_are_left_out(clock: FakeClock) -> None:
    beat, dues = Beat(clock), list[float]()

    def stalls_once(due: float) -> None:
        dues.append(due)
        if len(dues) == 3:
            clock.time += 0.0251

    beat.follow(Turn.SEND, stalls_once, nothing)
    beat.start()
    await asyncio.sleep(0.1)
    beat.stop()
    beats = [round((due - START) / PERIOD) for due in dues]
    # The one that was armed when the stall began comes late; then it goes on with the first beat to come.
    assert beats[:6] == [0, 1, 2, 3, 6, 7]
    assert all(after == before + 1 for before, after in pairwise(beats[4:]))


@in_simulated_time
async def test_one_that_raises_is_told_and_called_again_and_the_others_go_on(clock: FakeClock) -> None:
    beat, told, calls = Beat(clock), list[dict[str, Any]](), list[float]()
    asyncio.get_running_loop().set_exception_handler(lambda _, what: told.append(what))

    def bad(due: float) -> None:
        raise KeyError("mine")

    beat.follow(Turn.WATCH, bad, nothing)
    beat.follow(Turn.CHORES, calls.append, nothing)
    beat.start()
    await asyncio.sleep(2.5 * PERIOD)
    beat.stop()
    assert len(calls) == len(told) == 3
    assert all(isinstance(what["exception"], KeyError) and "bad" in what["message"] for what in told)


@in_simulated_time
async def test_quickened_it_comes_twice_as_often_and_stays_on_its_grid(clock: FakeClock) -> None:
    beat, dues = Beat(clock), list[float]()
    beat.follow(Turn.READ, dues.append, nothing)
    beat.start()
    await asyncio.sleep(10.5 * PERIOD)
    beat.quicken()
    beat.quicken()
    assert beat.period == PERIOD / 2
    await asyncio.sleep(10 * PERIOD)
    beat.stop()
    first, half = round(dues[0] / PERIOD), PERIOD / 2
    slow = [(first + number) * PERIOD for number in range(len(dues) - 19)]
    quick = [slow[-1] + (number + 1) * half for number in range(19)]
    assert dues == pytest.approx(slow + quick, abs=1e-8)


@in_simulated_time
async def test_the_end_is_told_once_and_it_can_begin_again(clock: FakeClock) -> None:
    beat, calls, ends = Beat(clock), list[float](), list[str]()
    beat.follow(Turn.CHORES, calls.append, lambda: ends.append("chores"))
    beat.follow(Turn.SEND, lambda due: None, lambda: ends.append("send"))
    beat.stop()
    assert not beat.running
    assert ends == []
    beat.start()
    assert beat.running
    await asyncio.sleep(0.01)
    beat.stop()
    beat.stop()
    assert ends == ["send", "chores"]
    assert not beat.running
    count = len(calls)
    await asyncio.sleep(1.0)
    assert len(calls) == count == math.floor(0.01 / PERIOD) + 1
    beat.start()
    await asyncio.sleep(0.01)
    beat.stop()
    assert len(calls) >= count + 1
    assert len(ends) == 4


@in_simulated_time
async def test_who_ends_it_in_its_turn_ends_it(clock: FakeClock) -> None:
    beat, calls, ends = Beat(clock), list[float](), list[int]()
    beat.follow(Turn.READ, lambda due: beat.stop(), lambda: ends.append(1))
    beat.follow(Turn.WATCH, calls.append, nothing)
    beat.start()
    await asyncio.sleep(1.0)
    assert len(calls) == len(ends) == 1
    assert not beat.running
