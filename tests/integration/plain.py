"""The shim as a platform that moves its rooms by itself: an adapter that keeps the handshake from the participant."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from probe.client.participant import Participant
from probe.signalling import base

Says = Literal["nothing", "first", "last"]
KINDS = ("audio", "video")
PAUSE = 0.4
"""Seconds without any path, where the old ones are closed first."""


class PlainPlatform:
    """Around the shim's own adapter. It answers the handshake itself, and notes when what of it happened (monotonic).

    `says`: whether and when the platform tells its topology; `breaks`: the old paths are closed a while before any new
    one is there; `reaches`: False where nobody who was there before gets through to the SFU.
    """

    def __init__(
        self, shim: base.Signalling, now: Callable[[], float], says: Says, *, breaks: bool, reaches: bool
    ) -> None:
        self.shim = shim
        self.began: list[float] = []
        self.ended: list[float] = []
        self.who: Participant | None = None
        self._now = now
        self._says = says
        self._breaks = breaks
        self._reaches = reaches
        self._moving: base.MigrationStarted | None = None
        self._new: set[str] = set()
        self._open: dict[str, base.Topology] = {}
        self._later: list[base.Event] = []

    async def join(self, room: str, name: str) -> base.Joined:
        return replace(await self.shim.join(room, name), handshake=False)

    async def next_event(self) -> base.Event:
        while not self._later:
            event = await self.shim.next_event()
            if self._breaks and isinstance(event, base.OpenPath) and event.migration is not None:
                await asyncio.sleep(PAUSE)
            self._later += self._shown(event)
        return self._later.pop(0)

    def _shown(self, event: base.Event) -> list[base.Event]:
        """What a participant gets to see of it."""
        match event:
            case base.MigrationStarted():
                return self._begins(event)
            case base.MigrationCommitted(_, topology) | base.MigrationRolledBack(_, topology, _):
                if self._moving is not None:
                    self.ended.append(self._now())
                    self._moving = None
                return [base.TopologyChanged(topology)] if self._says == "last" else []
            case base.OpenPath():
                self._open[event.path] = event.kind
                if event.migration is not None:
                    self._new.add(event.path)
                return [replace(event, migration=None)]
            case base.ClosePath(path):
                self._open.pop(path, None)
            case base.RemoteDescription() if not self._reaches and event.path in self._new:
                return [replace(event, sdp=event.sdp.replace("a=ice-pwd:", "a=ice-pwd:not"))]
        return [event]

    def _begins(self, event: base.MigrationStarted) -> list[base.Event]:
        self._moving, self._new = event, set()
        self.began.append(self._now())
        said: list[base.Event] = [base.TopologyChanged(event.target)] if self._says == "first" else []
        old = [path for path, kind in self._open.items() if kind == event.source] if self._breaks else []
        return said + [base.ClosePath(path, "the platform moves") for path in old]

    async def answer(self) -> None:
        """Tell the shim once what it waits for has come."""
        moving, who = self._moving, self.who
        if moving is None or who is None or not self._new:
            return
        views = [who.views[member] for member in moving.members if member in who.views and member in who.members]
        if all(any(view.flows_on(path, KINDS) for path in self._new) for view in views):
            self._new.clear()
            await self.shim.send_ready(moving.migration)

    async def connect(self) -> None:
        await self.shim.connect()

    async def send_description(self, path: str, type: Literal["offer", "answer"], sdp: str) -> None:
        await self.shim.send_description(path, type, sdp)

    async def send_candidate(self, path: str, candidate: str | None) -> None:
        await self.shim.send_candidate(path, candidate)

    async def send_connected(self, path: str) -> None:
        await self.shim.send_connected(path)

    async def send_ready(self, migration: str) -> None:
        raise AssertionError("there is no handshake")

    async def send_failed(self, migration: str, reason: str) -> None:
        raise AssertionError("there is no handshake")

    async def force_topology(self, topology: base.Topology | None) -> None:
        await self.shim.force_topology(topology)

    async def leave(self) -> None:
        await self.shim.leave()


async def keep_answering(platforms: list[PlainPlatform], participants: Callable[[], list[Participant]]) -> None:
    """For all of them, until it is cancelled."""
    while True:
        for who in participants():
            for platform in platforms:
                if who._signalling is platform:
                    platform.who = who
        for platform in platforms:
            if platform.who is not None and platform.who.left_at is None:
                await platform.answer()
        await asyncio.sleep(0.02)
