from __future__ import annotations

import asyncio
import itertools

from probe.rtc.clock import Clock
from probe.rtc.wheel import TimerWheel


async def test_callbacks_come_in_order_of_due_time_and_not_early() -> None:
    clock, late, calls = Clock(), list[float](), list[tuple[str, float, float]]()
    wheel = TimerWheel(clock, late.append)
    start = clock.now()
    for name, delay in (("c", 0.03), ("a", 0.01), ("b", 0.02)):
        wheel.at(start + delay, lambda due, name=name: calls.append((name, due, clock.now())))  # type: ignore[misc]
    await asyncio.sleep(0.06)
    assert [name for name, _, _ in calls] == ["a", "b", "c"]
    assert all(called >= due - 0.001 for _, due, called in calls)
    assert len(late) == 3
    assert min(late) >= 0


async def test_every_repeats_until_stopped() -> None:
    clock, dues = Clock(), list[float]()
    wheel = TimerWheel(clock, lambda _: None)
    stop = wheel.every(0.005, dues.append)
    await asyncio.sleep(0.06)
    stop()
    count = len(dues)
    assert count >= 4
    intervals = [b - a for a, b in itertools.pairwise(dues)]
    assert all(abs(interval % 0.005) < 1e-6 or abs(interval % 0.005 - 0.005) < 1e-6 for interval in intervals)
    await asyncio.sleep(0.02)
    assert len(dues) == count


async def test_a_callback_that_raises_stops_only_itself() -> None:
    clock, calls, raised = Clock(), list[str](), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context["exception"]))
    wheel = TimerWheel(clock, lambda _: None)

    def bad(due: float) -> None:
        raise RuntimeError("bad")

    wheel.at(clock.now() + 0.005, bad)
    wheel.at(clock.now() + 0.015, lambda due: calls.append("good"))
    await asyncio.sleep(0.05)
    assert calls == ["good"]
    assert [str(error) for error in raised] == ["bad"]


async def test_after_close_nothing_is_called() -> None:
    clock, calls = Clock(), list[float]()
    wheel = TimerWheel(clock, lambda _: None)
    wheel.at(clock.now() + 0.005, calls.append)
    wheel.close()
    wheel.at(clock.now() + 0.005, calls.append)
    await asyncio.sleep(0.02)
    assert calls == []
