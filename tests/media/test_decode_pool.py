from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Iterator

import pytest

from probe.media.decode_pool import DecodePool
from probe.model.errors import MeasurementError

WAIT = 10.0


@pytest.fixture
def pool() -> Iterator[DecodePool]:
    pool = DecodePool(2, queue_limit=4)
    yield pool
    pool.close(WAIT)


class Gate:
    """A task that holds its worker until it is opened."""

    def __init__(self) -> None:
        self.entered, self.open = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.entered.set()
        assert self.open.wait(WAIT)


def test_tasks_of_a_stream_run_in_order_in_one_thread() -> None:
    pool = DecodePool(3, queue_limit=300)
    seen: dict[str, list[int]] = defaultdict(list)
    threads: dict[str, set[int]] = defaultdict(set)

    def task(key: str, number: int) -> tuple[str, int]:
        threads[key].add(threading.get_ident())
        return key, number

    def done(result: tuple[str, int]) -> None:
        threads[result[0]].add(threading.get_ident())
        seen[result[0]].append(result[1])

    for number in range(200):
        for key in ("a", "b", "c", "d"):
            assert pool.submit(key, task, key, number, done=done)
    assert pool.close(WAIT)
    assert seen == {key: list(range(200)) for key in ("a", "b", "c", "d")}
    assert all(len(idents) == 1 for idents in threads.values())
    assert len(set.union(*threads.values())) == 3
    assert threading.get_ident() not in set.union(*threads.values())


def test_streams_on_other_workers_do_not_wait(pool: DecodePool) -> None:
    gate, ran = Gate(), threading.Event()
    pool.submit("slow", gate)
    assert gate.entered.wait(WAIT)
    pool.submit("quick", ran.set)
    assert ran.wait(WAIT)
    gate.open.set()


def test_a_full_queue_refuses_and_counts_for_that_stream_only(pool: DecodePool) -> None:
    gate = Gate()
    assert pool.submit("a", gate)
    assert gate.entered.wait(WAIT)
    ran: list[int] = []
    accepted = [pool.submit("a", ran.append, number) for number in range(6)]
    assert accepted == [True, True, True, False, False, False]  # the running one takes a place too
    assert (pool.overloaded, pool.refused("a"), pool.refused("b")) == (3, 3, 0)
    assert pool.submit("b", ran.append, 99)
    assert pool.pending >= 4
    gate.open.set()
    assert pool.close(WAIT)
    assert [number for number in ran if number != 99] == [0, 1, 2]
    assert (pool.pending, pool.dropped) == (0, 0)


def test_a_failing_task_is_counted_and_the_stream_goes_on(pool: DecodePool, caplog: pytest.LogCaptureFixture) -> None:
    results: list[int] = []

    def divide(by: int) -> int:
        return 12 // by

    with caplog.at_level(logging.WARNING):
        for by in (1, 0, 3):
            pool.submit("a", divide, by, done=results.append)
        pool.submit("a", divide, 4, done=lambda result: results[99])
        assert pool.close(WAIT)
    assert results == [12, 4]
    assert pool.errors == 2
    assert isinstance(pool.last_error, IndexError)
    assert "ZeroDivisionError" in caplog.text


def test_a_forgotten_stream_finishes_and_leaves_its_place() -> None:
    pool = DecodePool(2, queue_limit=4)
    gate, ran = Gate(), threading.Event()
    pool.submit("a", gate)
    assert gate.entered.wait(WAIT)
    for _ in range(5):
        pool.submit("a", ran.set)
    assert pool.refused("a") == 2
    pool.forget("a")
    pool.forget("never seen")
    assert pool.refused("a") == 2  # still there: tasks wait
    gate.open.set()
    assert pool.close(WAIT)
    assert ran.is_set()
    assert pool.refused("a") == 0


def test_close_gives_up_at_its_deadline_and_says_what_it_dropped() -> None:
    pool = DecodePool(1, queue_limit=4)
    gate = Gate()
    ran: list[int] = []
    pool.submit("a", gate)
    assert gate.entered.wait(WAIT)
    pool.submit("a", ran.append, 1)
    pool.submit("b", ran.append, 2)
    assert not pool.close(0.05)
    assert pool.dropped == 3
    gate.open.set()
    assert not pool.close(WAIT)
    assert (pool.dropped, ran, pool.pending) == (3, [], 0)


def test_nothing_is_taken_after_close(pool: DecodePool) -> None:
    assert pool.close(WAIT)
    with pytest.raises(MeasurementError, match="closed"):
        pool.submit("a", print)


def test_close_of_an_idle_pool_ends_its_threads() -> None:
    before = threading.active_count()
    pool = DecodePool(3)
    assert threading.active_count() == before + 3
    assert pool.close(WAIT)
    assert threading.active_count() == before


@pytest.mark.parametrize(("workers", "limit"), [(0, 1), (-1, 1), (1, 0)])
def test_a_pool_of_nothing_is_refused(workers: int, limit: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        DecodePool(workers, limit)
