"""A client's machine at a site: one process, which takes part in many rooms, as long as a test wants."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, field

from tests.nat.child import Child
from tests.nat.internet import Site
from tests.nat.plan import CONNECT_SECONDS, Plan, Report

_START_SECONDS = 90.0
"""Until all are up: each takes a second or two of a processor, and there are a dozen."""
_ENTER_SECONDS = 10.0
_REPORT_SECONDS = 3 * CONNECT_SECONDS + _ENTER_SECONDS
"""Join, wait, rescue, and a loaded machine."""


@dataclass(slots=True)
class _Stay:
    """What is known of one stay in a room."""

    entered: asyncio.Event = field(default_factory=asyncio.Event)
    report: asyncio.Future[Report] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Machine:
    """`start`, `ready`, then `enter`, `report` and `leave` as often as wanted, each time in another room, and `end`."""

    def __init__(self, site: Site, child: Child) -> None:
        self.site = site
        self._child = child
        self._stays: dict[str, _Stay] = {}
        self._listening: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, site: Site) -> Machine:
        return cls(site, await Child.start(site.client, sys.executable, "-m", "tests.nat.one"))

    async def ready(self) -> None:
        """Until it may be asked for something."""
        await self._child.line(_START_SECONDS)
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        with suppress(RuntimeError):  # the end of the child: who waits for a report learns of it by its deadline
            while True:
                told = json.loads(await self._child.line(3600.0))
                if isinstance(told, str):
                    self._stays[told].entered.set()
                else:
                    report = Report.read(told)
                    self._stays[report.room].report.set_result(report)

    def enter(self, plan: Plan) -> None:
        """Take part. It stays in the room."""
        self._stays[plan.room] = _Stay()
        self._child.say(json.dumps(asdict(plan)))

    async def entered(self, room: str) -> None:
        """Until one that came first is in. Raises TimeoutError."""
        async with asyncio.timeout(_ENTER_SECONDS):
            await self._stays[room].entered.wait()

    async def report(self, room: str) -> Report:
        """Of how it went. Raises TimeoutError when nothing is heard of it."""
        async with asyncio.timeout(_REPORT_SECONDS):
            return await self._stays[room].report

    def leave(self, room: str) -> None:
        self._child.say(json.dumps(room))

    async def end(self) -> int:
        """Returns the exit code of its process. Idempotent."""
        code = await self._child.end()
        if self._listening is not None:
            await self._listening
        return code
