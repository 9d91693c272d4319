"""The browsers among a run's participants: one Chromium for an engine, a page for everybody in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from probe.browser.chromium import Chromium, chromium
from probe.browser.participant import ChromiumParticipant, door_url
from probe.client.context import Context
from probe.engine.protocol import Setup
from probe.measure.summary import Summary
from probe.model.errors import ProbeError
from probe.model.samples import Sample

MOST_WARM = 20
"""Pages that are started before they are needed."""


class Browsers:
    """`enter` is a meeting's `Guests`. What they measure goes to `summary`, apart from what we measure; what goes wrong is an
    error of the run."""

    def __init__(self, browser: Chromium | None, setup: Setup, context: Context, summary: Summary) -> None:
        self._browser = browser
        self._setup = setup
        self._context = context
        self._summary = summary

    @asynccontextmanager
    async def enter(self, room: str) -> AsyncIterator[None]:
        """All of one meeting. They are there, or have failed, when this begins; they have left when it ends."""
        browser, count = self._browser, self._setup.scenario.browsers
        if browser is None or not count:
            yield
            return
        guests = [self._guest(browser) for _ in range(count)]
        try:
            await asyncio.gather(*(self._join(one, room, f"{room}-b{n}") for n, one in enumerate(guests, start=1)))
            yield
        finally:
            await asyncio.gather(*(self._leave(one) for one in guests))

    def _guest(self, browser: Chromium) -> ChromiumParticipant:
        return ChromiumParticipant(browser, self._setup.platform.url, self._setup.platform.token, self._take, self._now)

    def _take(self, sample: Sample) -> None:
        self._summary.add(sample)

    def _now(self) -> float:
        return self._context.clock.now() - self._context.epoch

    async def _join(self, guest: ChromiumParticipant, room: str, name: str) -> None:
        try:
            await guest.join(room, name, self._setup.scenario.join_deadline)
        except ProbeError as error:
            self._context.complain(error, who=name)

    async def _leave(self, guest: ChromiumParticipant) -> None:
        await guest.leave()
        for error in guest.errors:
            self._context.complain(error, who=guest.name)


@asynccontextmanager
async def browsers(setup: Setup, context: Context, summary: Summary) -> AsyncIterator[Browsers]:
    """The Chromium that the scenario's browsers need, started before the first join; none where it has none. Raises ConfigError
    where there is no Chromium, and for a target without a meeting page."""
    scenario = setup.scenario
    if not scenario.browsers:
        yield Browsers(None, setup, context, summary)
        return
    door, video = door_url(setup.platform.url), scenario.media.video
    async with chromium(video.fps if video is not None else 30) as browser:
        # Before the first join: the start of a page's process would disturb those who are in a meeting by then.
        await browser.warm_up(min(MOST_WARM, scenario.browsers * -(-scenario.meetings // setup.of)), door)
        yield Browsers(browser, setup, context, summary)
