"""The generator's own pulse."""

from __future__ import annotations

import asyncio
import time

import pytest

from probe.client.generator_watch import GeneratorWatch
from probe.rtc.beat import PERIOD, Beat, Turn
from probe.rtc.clock import Clock
from tests.client.fakes import Bench, FakeClock
from tests.simulated import in_simulated_time


async def test_a_stall_shows_as_lag_and_work_as_cpu() -> None:
    bench = Bench()
    bench.context.clock = Clock()
    watch = GeneratorWatch(bench.context)
    watch._cpu_at -= 10.0
    watch._cpu -= 5.0
    await asyncio.sleep(0.05)
    time.sleep(0.3)  # noqa: ASYNC251 - the stall that is to be seen
    await asyncio.sleep(0.05)
    watch.close()
    verdict = bench.context.health.verdict()
    assert not verdict.trustworthy
    assert verdict.loop_lag_p99_seconds >= 0.25
    assert any("event-loop lag" in reason for reason in verdict.reasons)
    assert verdict.cpu_ratio > 0.3


async def test_after_closing_nothing_beats() -> None:
    bench = Bench()
    bench.context.clock = Clock()
    watch = GeneratorWatch(bench.context)
    watch.close()
    watch.close()
    time.sleep(0.1)  # noqa: ASYNC251
    await asyncio.sleep(0.05)
    assert bench.context.health.verdict().loop_lag_p99_seconds == 0.0


class Lags:
    """A watch in simulated time, and what it told: lag and interval of each beat."""

    def __init__(self, clock: FakeClock) -> None:
        self.told: list[tuple[float, float | None]] = []
        self.cpu: list[float] = []
        bench = Bench()
        bench.context.clock, bench.context.beat = clock, Beat(clock)
        bench.context.health.loop_lag = self._hear  # type: ignore[method-assign]
        bench.context.health.cpu = self._hear_cpu  # type: ignore[method-assign]
        self.beat = bench.context.beat
        self.watch = GeneratorWatch(bench.context)

    def _hear(self, seconds: float, interval: float | None = None) -> None:
        self.told.append((seconds, interval))

    def _hear_cpu(self, ratio: float) -> None:
        self.cpu.append(ratio)

    def take(self) -> list[tuple[float, float | None]]:
        found, self.told = self.told, []
        return found


@in_simulated_time
async def test_while_the_common_beat_runs_that_is_watched(clock: FakeClock) -> None:
    lags = Lags(clock)
    await asyncio.sleep(1.01)
    assert [interval for _, interval in lags.take()] == [0.02] * 50
    lags.beat.start()
    await asyncio.sleep(1.0)
    on_the_beat = lags.take()
    assert [interval for _, interval in on_the_beat] == [PERIOD] * len(on_the_beat)
    assert len(on_the_beat) == pytest.approx(150, abs=1)
    assert max(lag for lag, _ in on_the_beat) == pytest.approx(0.0, abs=1e-6)
    lags.beat.stop()
    await asyncio.sleep(1.01)
    assert [interval for _, interval in lags.take()] == [0.02] * 50
    assert len(lags.cpu) == pytest.approx(3, abs=1)
    lags.watch.close()


@in_simulated_time
async def test_a_stall_shows_on_the_beat_whoever_made_it(clock: FakeClock) -> None:
    lags = Lags(clock)
    stalls = [0.15]

    def stall(due: float) -> None:
        if stalls:
            clock.time += stalls.pop()

    lags.beat.follow(Turn.CHORES, stall, lambda: None)
    lags.beat.start()
    await asyncio.sleep(0.3)
    lags.beat.stop()
    lags.watch.close()
    late = [lag for lag, _ in lags.take() if lag > 1e-6]
    assert late == pytest.approx([0.15 - PERIOD])


@in_simulated_time
async def test_closed_on_the_beat_it_is_over(clock: FakeClock) -> None:
    lags = Lags(clock)
    lags.beat.start()
    await asyncio.sleep(0.1)
    lags.watch.close()
    lags.take()
    await asyncio.sleep(0.1)
    lags.beat.stop()
    await asyncio.sleep(1.0)
    assert lags.take() == []
