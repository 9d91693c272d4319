"""The embedded test server, in a process of its own: what it forwards costs the generator's event loop nothing."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from probe.child_process import ChildProcess, Loss
from probe.model.errors import MeasurementError
from probe.model.scenario import Scenario

READY_DEADLINE = 60.0
"""Seconds until it listens: about one on an idle machine."""
_NICENESS = -10
_NAME = "embedded server"


class ServerProcess:
    """Started, perhaps not ready yet: `await server.url()` when it is needed."""

    def __init__(self, child: ChildProcess) -> None:
        self._child = child
        self._url = ""

    async def url(self) -> str:
        """Where it listens, on loopback. Raises MeasurementError when it does not get so far."""
        if not self._url:
            self._url = _url_in(await self._child.read(READY_DEADLINE))
        return self._url

    @property
    def pid(self) -> int:
        return self._child.pid

    async def lost(self) -> Loss:
        """Waits, and returns when the server ends that should not."""
        await asyncio.shield(self._child.ended)
        error = MeasurementError(f"{self._child.last_words} during the run", who=_NAME, phase="process")
        return self._child.loss(error, "the meetings were called off")


@asynccontextmanager
async def server_process(scenario: Scenario) -> AsyncIterator[ServerProcess]:
    """Start it with the scenario's policy; it ends with the context, and with this process whatever becomes of that."""
    child = await ChildProcess.start(
        _NAME, "sfu_shim", "--supervised", "--port", "0", "--p2p-limit", str(scenario.p2p_limit),
        "--migration-deadline", str(scenario.migration_deadline),
        *(() if 4 in scenario.ice.families else ("--media-address", "::1")),
    )  # fmt: skip
    with suppress(PermissionError, ProcessLookupError):
        # As far forward as the generator (`probe.stage`), or it would wait for a processor behind it, and look slow.
        os.setpriority(os.PRIO_PROCESS, child.pid, min(os.getpriority(os.PRIO_PROCESS, 0), _NICENESS))
    try:
        yield ServerProcess(child)
    finally:
        await child.end()


def _url_in(line: bytes) -> str:
    """The ready line: {"protocol": "meetprobe/shim/1", "type": "ready", "url": "ws://…"}."""
    try:
        ready = json.loads(line)
        if (ready["protocol"], ready["type"]) == ("meetprobe/shim/1", "ready"):
            return str(ready["url"])
    except (ValueError, KeyError, TypeError):
        pass
    raise MeasurementError(f"said {line[:200]!r} where its URL should be", who=_NAME, phase="process")
