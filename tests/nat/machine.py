"""A client's machine at a site: one process, which takes part in many rooms, as long as a test wants."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress

from tests.nat.child import Child
from tests.nat.internet import Site
from tests.nat.plan import CONNECT_SECONDS, Plan, Report

_START_SECONDS = 60.0
"""Until all are up: each takes a second or two of a processor, and there are a dozen."""
_REPORT_SECONDS = 3 * CONNECT_SECONDS + 10.0
"""Join, wait, rescue, and a loaded machine."""


class Machine:
    """`start`, `ready`, then `take_part` and `leave` as often as wanted, and `end`."""

    def __init__(self, site: Site, child: Child) -> None:
        self.site = site
        self._child = child
        self._awaited: dict[str, asyncio.Future[Report]] = {}
        self._listening: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, site: Site) -> Machine:
        return cls(site, await Child.start(site.client, sys.executable, "-m", "tests.nat.one"))

    async def ready(self) -> None:
        """Until it may be asked for something."""
        await self._child.line(_START_SECONDS)
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        try:
            while True:
                report = Report.read(await self._child.line(3600.0))
                self._awaited.pop(report.room).set_result(report)
        except RuntimeError as error:
            for waiting in self._awaited.values():
                waiting.set_exception(error)

    async def take_part(self, plan: Plan) -> Report:
        """It stays in the room. Raises TimeoutError when nothing is heard of it."""
        heard: asyncio.Future[Report] = asyncio.get_running_loop().create_future()
        self._awaited[plan.room] = heard
        self._child.say(plan.line())
        async with asyncio.timeout(_REPORT_SECONDS):
            return await heard

    def leave(self, room: str) -> None:
        self._child.say(json.dumps(room).encode() + b"\n")

    async def end(self) -> None:
        """Idempotent."""
        await self._child.end()
        if self._listening is not None:
            with suppress(asyncio.CancelledError):
                await self._listening
