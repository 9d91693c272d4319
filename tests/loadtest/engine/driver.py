"""A parent of a real engine process, and a real shim in a process of its own: what a Locust worker and a server are to it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from loadtest.harvest import Delta, Standing
from loadtest.protocol import ANSWERS, PROTOCOL, Harvest, Harvested, Join, Joined, Leave, Left, Prepare, Ready
from probe.child_process import ChildProcess
from probe.engine.protocol import Message, decode, encode
from probe.model.platform import Platform
from probe.model.scenario import Scenario, Topology
from reports.units import UnitWant

Answer = TypeVar("Answer", bound=Message)
_PATIENCE = 30.0
RTT = UnitWant("round_trip_time_seconds", "topology=p2p")


class Driver:
    """Sends commands, and waits for answers; what came meanwhile is in `heard`, in order."""

    def __init__(self, child: ChildProcess) -> None:
        self.child = child
        self.heard: list[Message] = []
        self._first_sent = self._first_heard = True

    def send(self, command: Message) -> None:
        self.child.send(encode(command, first=self._first_sent, protocol=PROTOCOL))
        self._first_sent = False

    async def expect(self, kind: type[Answer], ticket: int | None = None) -> Answer:
        """The next answer of that kind and ticket that nobody waited for yet."""
        while True:
            for message in self.heard:
                if isinstance(message, kind) and ticket in (None, getattr(message, "ticket", None)):
                    self.heard.remove(message)
                    return message
            line = await self.child.read(_PATIENCE)
            self.heard.append(decode(line, ANSWERS, first=self._first_heard, protocol=PROTOCOL))
            self._first_heard = False

    def send_prepare(self, scenario: Scenario, url: str) -> None:
        self.send(Prepare(scenario=scenario, platform=Platform(url=url), stamp="test", units=(RTT,)))

    async def prepare(self, scenario: Scenario, url: str) -> Ready:
        """Sends, and waits for it."""
        self.send_prepare(scenario, url)
        return await self.expect(Ready)

    async def join(self, ticket: int, room: str, topology: Topology = "hybrid", position: int = 0) -> Joined:
        """Sends, and waits for it."""
        self.ask_to_join(ticket, room, topology, position)
        return await self.expect(Joined, ticket)

    def ask_to_join(self, ticket: int, room: str, topology: Topology = "hybrid", position: int = 0) -> None:
        self.send(
            Join(
                ticket=ticket, room=room, name=f"p{position}", position=position, topology=topology,
                intended=time.monotonic(),
            )
        )  # fmt: skip

    async def leave(self, ticket: int) -> Left:
        self.send(Leave(ticket=ticket))
        return await self.expect(Left, ticket)

    async def harvest(self) -> tuple[Delta, Standing]:
        self.send(Harvest())
        harvested = await self.expect(Harvested)
        return Delta.from_dict(harvested.delta), Standing.from_dict(harvested.total)


@asynccontextmanager
async def engine_process() -> AsyncIterator[Driver]:
    """A `python -m loadtest.engine` that has heard nothing yet."""
    child = await ChildProcess.start("engine", "loadtest.engine")
    try:
        yield Driver(child)
    finally:
        await child.end()


@asynccontextmanager
async def shim_process() -> AsyncIterator[tuple[ChildProcess, str]]:
    """The server, and its URL."""
    child = await ChildProcess.start("shim", "sfu_shim", "--supervised", "--port", "0")
    try:
        yield child, str(json.loads(await child.read(_PATIENCE))["url"])
    finally:
        await child.end()


async def gauges(url: str) -> dict[str, float]:
    """The shim's own figures; those with labels as "name{value}"."""
    async with aiohttp.ClientSession() as session, session.get(_page(url)) as answer:
        families = text_string_to_metric_families(await answer.text())
    return {_key(sample): sample.value for family in families for sample in family.samples}


def _page(url: str) -> str:
    return url.replace("ws://", "http://").removesuffix("/ws") + "/metrics"


def _key(sample: Any) -> str:
    labels = ",".join(sample.labels.values())
    return f"{sample.name}{{{labels}}}" if labels else str(sample.name)


async def until(condition: Any, within: float = 10.0) -> None:
    """Wait for what an awaited condition says; fails the test after `within` seconds."""
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110 - it looks into other processes
            await asyncio.sleep(0.1)
