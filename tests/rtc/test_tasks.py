"""Work that goes on by itself, and how it ends."""

from __future__ import annotations

import asyncio

from probe.rtc.tasks import Tasks


async def test_what_was_spawned_is_done() -> None:
    tasks, done = Tasks(), asyncio.Event()

    async def work() -> None:
        done.set()

    tasks.spawn(work())
    async with asyncio.timeout(5):
        await done.wait()
    await tasks.close()


async def test_all_are_called_off_and_waited_for() -> None:
    tasks, ended = Tasks(), []

    async def work(name: str) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(name)

    for name in "ab":
        tasks.spawn(work(name))
    await asyncio.sleep(0)
    await tasks.close()
    assert sorted(ended) == ["a", "b"]


async def test_who_calls_the_others_off_goes_on() -> None:
    tasks, ended = Tasks(), []

    async def other() -> None:
        await asyncio.sleep(60)
        ended.append("other")

    async def caller() -> None:
        tasks.cancel()
        await asyncio.sleep(0)
        ended.append("caller")

    tasks.spawn(other())
    tasks.spawn(caller())
    async with asyncio.timeout(5):
        while not ended:  # noqa: ASYNC110 - bounded, of things that know of no event
            await asyncio.sleep(0.001)
    await tasks.close()
    assert ended == ["caller"]
