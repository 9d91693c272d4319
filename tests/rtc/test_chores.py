"""Work that can wait, in simulated time: when it is done, in which order, and how much of it at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import groupby, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.rtc.beat import PERIOD, Beat, Turn
from probe.rtc.chores import Chores
from tests.client.fakes import START, FakeClock
from tests.simulated import in_simulated_time

GRID = 0.05


class Worker:
    """Takes so long for each of two kinds of work. `done` says what was done, when it was due, and when it was done."""

    def __init__(self, clock: FakeClock, seconds: float = 0.0) -> None:
        self.done: list[tuple[str, float, float]] = []
        self._clock = clock
        self._seconds = seconds

    def report(self, due: float) -> None:
        self._work("report", due)

    def rate(self, due: float) -> None:
        self._work("rate", due)

    def _work(self, kind: str, due: float) -> None:
        self.done.append((kind, due, self._clock.now()))
        self._clock.time += self._seconds

    @property
    def times(self) -> list[float]:
        return [time for _, _, time in self.done]


def chores_of(clock: FakeClock, *, on_the_beat: bool) -> tuple[Chores, Beat]:
    beat = Beat(clock)
    chores = Chores(clock, beat, GRID)
    if on_the_beat:
        beat.start()
    return chores, beat


def either_way(test: Callable[[FakeClock, bool], Any]) -> Callable[[bool], None]:
    """With the beat, and by timers."""

    @pytest.mark.parametrize("on_the_beat", [False, True], ids=["by timer", "on the beat"])
    def run(on_the_beat: bool) -> None:
        in_simulated_time(lambda clock: test(clock, on_the_beat))()

    return run


async def _some_are_done_in_batches(clock: FakeClock, on_the_beat: bool) -> None:
    chores, beat = chores_of(clock, on_the_beat=on_the_beat)
    worker = Worker(clock)
    dues = [START + 0.001 * number for number in range(1, 200)]
    for due in reversed(dues):
        chores.at(due, worker.report)
    await asyncio.sleep(0.3)
    beat.stop()
    assert sorted(due for _, due, _ in worker.done) == dues
    for _, due, time in worker.done:
        assert -1e-6 <= time - due <= GRID + PERIOD
    assert len({round(time, 6) for time in worker.times}) == 4
    assert all(
        time / GRID == pytest.approx(round(time / GRID), abs=PERIOD / GRID if on_the_beat else 1e-6)
        for time in worker.times
    )


test_some_are_done_in_batches_and_never_early = either_way(_some_are_done_in_batches)


async def _like_beside_like(clock: FakeClock, on_the_beat: bool) -> None:
    chores, beat = chores_of(clock, on_the_beat=on_the_beat)
    workers = [Worker(clock) for _ in range(5)]
    order: list[str] = []
    for number, worker in enumerate(workers):
        worker.done = _Told(order)
        chores.at(START + 0.01 + 0.001 * number, worker.report)
        chores.at(START + 0.01 + 0.001 * number, worker.rate)
    await asyncio.sleep(0.1)
    beat.stop()
    assert sorted((kind, len(list(found))) for kind, found in groupby(order)) == [("rate", 5), ("report", 5)]


class _Told(list[tuple[str, float, float]]):
    def __init__(self, order: list[str]) -> None:
        super().__init__()
        self._order = order

    def append(self, entry: tuple[str, float, float]) -> None:
        self._order.append(entry[0])


test_like_is_done_beside_like_whoever_wants_it = either_way(_like_beside_like)


async def _a_little_at_a_time(clock: FakeClock, on_the_beat: bool) -> None:
    chores, beat = chores_of(clock, on_the_beat=on_the_beat)
    worker = Worker(clock, 0.0005)
    for number in range(30):
        chores.at(START + 0.02 + number * 1e-4, worker.report)
    seen, loop = list[int](), asyncio.get_running_loop()
    for tick in range(200):
        loop.call_at(START + 0.001 * tick, lambda: seen.append(len(worker.done)))
    await asyncio.sleep(0.2)
    beat.stop()
    assert [due for _, due, _ in worker.done] == pytest.approx([START + 0.02 + number * 1e-4 for number in range(30)])
    assert max(after - before for before, after in pairwise(seen)) in (2, 3)
    assert max(after - before for before, after in pairwise(worker.times)) <= 0.0005 + 2 * PERIOD


test_a_batch_that_takes_long_lets_others_in_between = either_way(_a_little_at_a_time)


async def _regular(clock: FakeClock, on_the_beat: bool) -> None:
    chores, beat = chores_of(clock, on_the_beat=on_the_beat)
    worker = Worker(clock)
    stop = chores.every(0.33, worker.report)
    await asyncio.sleep(3.4)
    stop()
    assert [due for _, due, _ in worker.done] == pytest.approx([START + 0.33 * n for n in range(1, 11)])
    assert all(0 <= time - due <= GRID + PERIOD for _, due, time in worker.done)
    await asyncio.sleep(2.0)
    beat.stop()
    assert len(worker.done) == 10


test_what_is_regular_keeps_its_rhythm_until_it_is_stopped = either_way(_regular)


async def _behind(clock: FakeClock, on_the_beat: bool) -> None:
    chores, beat = chores_of(clock, on_the_beat=on_the_beat)
    worker = Worker(clock)
    chores.every(0.1, worker.report)
    await asyncio.sleep(1.0)
    before = len(worker.done)
    clock.time += 0.5
    await asyncio.sleep(1.0)
    assert len(worker.done) - before == pytest.approx(15, abs=1)  # a little late, but all of them
    before = len(worker.done)
    clock.time += 30.0
    await asyncio.sleep(1.0)
    beat.stop()
    assert len(worker.done) - before <= 13
    rests = {round((due - START) / 0.1, 6) % 1 for _, due, _ in worker.done}
    assert rests == {0.0}


test_far_behind_it_leaves_out_what_it_missed = either_way(_behind)


async def _raising(clock: FakeClock, on_the_beat: bool) -> None:
    chores, beat = chores_of(clock, on_the_beat=on_the_beat)
    worker, told, tries = Worker(clock), list[dict[str, Any]](), list[float]()
    asyncio.get_running_loop().set_exception_handler(lambda _, what: told.append(what))

    def bad(due: float) -> None:
        tries.append(due)
        raise KeyError("mine")

    chores.at(START + 0.01, bad)
    chores.at(START + 0.011, worker.report)
    chores.at(START + 0.012, bad)
    chores.at(START + 0.013, worker.rate)
    chores.at(START + 0.2, worker.report)
    await asyncio.sleep(0.5)
    beat.stop()
    assert sorted(kind for kind, _, _ in worker.done) == ["rate", "report", "report"]
    assert len(told) == len(tries) == 2
    assert all(isinstance(what["exception"], KeyError) for what in told)


test_one_that_raises_stops_only_itself = either_way(_raising)


async def _more_from_within(clock: FakeClock, on_the_beat: bool) -> None:
    chores, beat = chores_of(clock, on_the_beat=on_the_beat)
    times: list[float] = []

    def again(left: int, due: float) -> None:
        times.append(clock.now())
        if left:
            chores.at(clock.now() + 0.12, partial(again, left - 1))

    chores.at(START + 0.01, partial(again, 5))
    await asyncio.sleep(2.0)
    beat.stop()
    assert len(times) == 6
    assert all(0.12 <= after - before <= 0.12 + GRID + 2 * PERIOD for before, after in pairwise(times))


test_a_chore_may_put_the_next_one_in = either_way(_more_from_within)


async def _closed(clock: FakeClock, on_the_beat: bool) -> None:
    chores, beat = chores_of(clock, on_the_beat=on_the_beat)
    worker = Worker(clock, 0.002)
    for _ in range(4):
        chores.at(START + 0.01, worker.report)
    chores.every(0.1, worker.rate)
    chores.at(START + 0.04, lambda due: chores.close())
    await asyncio.sleep(0.5)
    done = len(worker.done)
    assert done <= 4
    chores.at(clock.now(), worker.report)
    await asyncio.sleep(1.0)
    beat.stop()
    await asyncio.sleep(1.0)
    assert len(worker.done) == done


test_closed_it_calls_nobody = either_way(_closed)


CHANGE = st.tuples(
    st.one_of(st.floats(0.0, 0.2), st.integers(0, 60).map(lambda beats: beats * PERIOD)),
    st.sampled_from(["start", "stop", "stop in a turn"]),
)


@settings(max_examples=150)
@given(st.lists(CHANGE, max_size=6), st.lists(st.integers(1, 5), min_size=8, max_size=60), st.booleans())
def test_whenever_the_beat_begins_or_ends_each_chore_is_done_once(
    changes: list[tuple[float, str]], dues: list[int], begin: bool
) -> None:
    async def story(clock: FakeClock) -> None:
        beat, wanted = Beat(clock), list[bool]()
        beat.follow(Turn.READ, lambda due: wanted.clear() or beat.stop() if wanted else None, lambda: None)  # type: ignore[func-returns-value]
        chores, worker = Chores(clock, beat, GRID), Worker(clock, 0.0011)
        if begin:
            beat.start()
        for due in dues:
            chores.at(START + due * GRID / 1.5, worker.report)
        chores.every(0.1, worker.rate)
        loop = asyncio.get_running_loop()
        does = {"start": beat.start, "stop": beat.stop, "stop in a turn": lambda: wanted.append(True)}
        for time, change in changes:
            loop.call_at(START + time, does[change])
        await asyncio.sleep(1.08)
        beat.stop()
        reports = sorted(due for kind, due, _ in worker.done if kind == "report")
        assert reports == pytest.approx(sorted(START + due * GRID / 1.5 for due in dues))
        assert len(worker.done) - len(reports) == 10
        chores.close()

    in_simulated_time(story)()


@in_simulated_time
async def test_the_beat_may_end_between_two_turns(clock: FakeClock) -> None:
    """Who reads ends it in the middle of a batch, and the chores' turn is next."""
    beat = Beat(clock)
    beat.follow(Turn.READ, lambda due: beat.stop() if clock.now() > START + 0.052 else None, lambda: None)
    chores, worker = Chores(clock, beat, GRID), Worker(clock, 0.001)
    beat.start()
    for number in range(20):
        chores.at(START + 0.02 + number * 1e-4, worker.report)
        chores.at(START + 0.12 + number * 1e-4, worker.rate)
    await asyncio.sleep(1.0)
    assert not beat.running
    kinds = [kind for kind, _, _ in worker.done]
    assert (kinds.count("report"), kinds.count("rate")) == (20, 20)


@pytest.mark.parametrize(
    ("sending", "chores_done"), [(0.0, 10), (0.6 * PERIOD - 0.00075, 8), (0.6 * PERIOD, 4), (2 * PERIOD, 4)]
)
def test_what_sending_leaves_of_a_beat_is_theirs_and_never_nothing(sending: float, chores_done: int) -> None:
    """Each takes a little more than 0.1 ms; they have 1 ms at most, and 0.4 in any case."""

    async def story(clock: FakeClock) -> None:
        def send(due: float) -> None:
            clock.time += sending

        beat, counts = Beat(clock), [0]
        beat.follow(Turn.SEND, send, lambda: None)
        chores, worker = Chores(clock, beat, GRID), Worker(clock, 0.000101)
        beat.follow(Turn.CHORES, lambda due: counts.append(len(worker.done)), lambda: None)
        beat.start()
        for _ in range(60):
            chores.at(START + 0.01, worker.report)
        await asyncio.sleep(1.0)
        beat.stop()
        done = [after - before for before, after in pairwise(counts) if after > before]
        assert sum(done) == 60
        assert set(done[:-1]) == {chores_done}

    in_simulated_time(story)()
