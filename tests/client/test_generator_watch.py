"""The generator's own pulse."""

from __future__ import annotations

import asyncio
import time

from probe.client.generator_watch import GeneratorWatch
from probe.rtc.clock import Clock
from tests.client.fakes import Bench


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
