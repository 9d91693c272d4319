"""The engines of a run: one in this process, or several in processes of their own. Meetings are dealt, results add up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from typing import Any, Protocol

from probe.child_process import Loss
from probe.engine.outcome import Outcome
from probe.engine.protocol import MAX_LISTED, Hold, Setup, Snapshot
from probe.engine.remote import RemoteEngine
from probe.model.scenario import Scenario

_START_DELAY = 0.2
"""Seconds between the command to hold a round and its first join, so that it finds every engine waiting for it."""


class Holder(Protocol):
    """An engine, wherever it is."""

    async def hold(self, hold: Hold) -> None: ...
    async def close(self) -> None: ...
    async def deliver(self, *, vmaf: bool = True) -> Outcome | None: ...
    def snapshot(self) -> Snapshot: ...
    def running(self) -> Outcome | None: ...


def deal(meetings: int, engines: int) -> list[tuple[int, ...]]:
    """Which meetings of a round each engine holds: meeting k goes to engine k mod `engines`, so that those that start one
    after the other fall to different processes."""
    return [tuple(range(engine, meetings, engines)) for engine in range(engines)]


class Crew:
    """`hold_rounds`, `close`, `deliver`. `took`: the seconds of each round that is over."""

    def __init__(self, scenario: Scenario, engines: Sequence[Holder]) -> None:
        self._scenario = scenario
        self._engines = engines
        self.took: list[float] = []

    async def hold_rounds(self) -> None:
        """All meetings of all rounds. A round begins when the last meeting of the one before is over, wherever it was held."""
        shares = deal(self._scenario.meetings, len(self._engines))
        for number in range(self._scenario.rounds):
            began = time.monotonic()
            start = began + _START_DELAY
            holds = [Hold(round=number, start=start, meetings=share) for share in shares]
            await asyncio.gather(*(one.hold(hold) for one, hold in zip(self._engines, holds, strict=True)))
            self.took.append(time.monotonic() - began)

    async def close(self) -> None:
        """Everybody leaves, in all processes, before any of them gets busy with its results."""
        await asyncio.gather(*(one.close() for one in self._engines))

    async def deliver(self, *, vmaf: bool) -> list[Outcome | None]:
        """What each engine measured, in their order; None from one that is lost."""
        return await asyncio.gather(*(one.deliver(vmaf=vmaf) for one in self._engines))

    @property
    def losses(self) -> list[Loss | None]:
        """What became of each engine that is lost, in their order."""
        return [one.lost if isinstance(one, RemoteEngine) else None for one in self._engines]

    def running(self) -> Outcome | None:
        """What was measured so far, where one engine in this process has it all; None for engines in processes of their own."""
        return self._engines[0].running() if len(self._engines) == 1 else None

    def snapshot(self) -> Snapshot:
        """How it goes, in all processes together."""
        parts = [one.snapshot() for one in self._engines]
        there = list(chain.from_iterable(part.participants for part in parts))
        counts: dict[str, Any] = {
            name: sum(getattr(part, name) for part in parts)
            for name in ("joins", "joins_failed", "migrations", "migrations_failed", "unlisted")
        }
        counts["unlisted"] += max(0, len(there) - MAX_LISTED)
        return Snapshot(participants=tuple(there[:MAX_LISTED]), **counts)


@asynccontextmanager
async def one_engine(setup: Callable[[], Awaitable[Setup]]) -> AsyncIterator[Crew]:
    """In this process."""
    from probe.engine.engine import engine  # brings aiortc and av: a second, while the embedded server starts too

    ready = await setup()
    async with engine(ready) as running:
        yield Crew(ready.scenario, [running])


@asynccontextmanager
async def many_engines(count: int, scenario: Scenario, setup: Callable[[], Awaitable[Setup]]) -> AsyncIterator[Crew]:
    """In `count` processes, which end with the context."""
    engines: list[RemoteEngine] = []
    try:
        for number in range(1, count + 1):
            engines.append(await RemoteEngine.start(number))  # noqa: PERF401 - those that have started must end if the next can't
        await _encode(scenario)
        common = await setup()
        setups = [common.model_copy(update={"number": one.number, "of": count}) for one in engines]
        await asyncio.gather(*(one.ready(own) for one, own in zip(engines, setups, strict=True)))
        yield Crew(scenario, engines)
    finally:
        await asyncio.gather(*(one.end() for one in engines))


async def _encode(scenario: Scenario) -> None:
    """The video is made here, once, while the engines start: they take it from the cache."""
    video = scenario.media.video
    if video is None:
        return

    def make() -> None:
        from probe.media.prepare import prepare_video
        from probe.media.video import VideoSpec

        prepare_video(VideoSpec(**video.model_dump()))

    await asyncio.to_thread(make)
