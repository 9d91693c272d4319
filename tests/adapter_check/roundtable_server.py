"""Roundtable, the platform that docs/adapters.md makes up: a gateway in front of the shim, which does the work.

It moves rooms as plain platforms do: its clients are told which calls to make and to hang up, and are asked nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web

from probe.signalling import base
from probe.signalling.access import Access
from probe.signalling.shim import ShimSignalling
from sfu_shim.config import ShimConfig
from sfu_shim.server import ShimServer
from tests.web_server import web_server

KEY = "let-me-in"
SETTLE = 0.5
"""Seconds from the last new call's connection until the old ones are hung up."""
MODES = {"p2p": "mesh", "sfu": "server"}


class Guest:
    """One client's WebSocket, and its stand-in at the shim."""

    def __init__(self, socket: web.WebSocketResponse, shim: str) -> None:
        self._socket = socket
        self._way = ShimSignalling(shim, Access())
        self._migration = ""
        self._awaited: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def attend(self) -> None:
        """From `enter` to `bye`, or to the end of the WebSocket."""
        entered = json.loads((await self._socket.receive()).data)
        if entered["key"] != KEY:
            await self._say("no", why="that is not the key")
            return
        try:
            await self._way.connect()
            joined = await self._way.join(entered["room"], entered["name"])
            await self._say(
                "seated", you=joined.participant, people=list(joined.members), mode=MODES[joined.topology], ice=[]
            )
            self._tasks.append(asyncio.create_task(self._pass_on()))
            async for message in self._socket:
                if message.type is not WSMsgType.TEXT or not await self._heard(json.loads(message.data)):
                    break
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._way.leave()

    async def _say(self, say: str, **fields: object) -> None:
        if not self._socket.closed:
            await self._socket.send_str(json.dumps({"say": say, **fields}))

    async def _heard(self, message: dict[str, Any]) -> bool:
        match message["say"]:
            case "sdp":
                await self._way.send_description(message["id"], message["type"], message["sdp"])
            case "ice":
                await self._way.send_candidate(message["id"], message["candidate"])
            case "up":
                await self._way.send_connected(message["id"])
                self._awaited.discard(message["id"])
                if self._migration and not self._awaited:
                    self._tasks.append(asyncio.create_task(self._settle(self._migration)))
            case "bye":
                return False
        return True

    async def _settle(self, migration: str) -> None:
        await asyncio.sleep(SETTLE)
        await self._way.send_ready(migration)

    async def _pass_on(self) -> None:
        while True:
            match await self._way.next_event():
                case base.OpenPath() as call:
                    if call.migration:
                        self._awaited.add(call.path)
                    await self._say("call", id=call.path, you=call.role, **{"with": call.remote})
                case base.ClosePath(path=path):
                    await self._say("hang", id=path)
                case base.RemoteDescription() as description:
                    await self._say("sdp", id=description.path, type=description.type, sdp=description.sdp)
                case base.RemoteCandidate(path=path, candidate=candidate):
                    await self._say("ice", id=path, candidate=candidate)
                case base.MemberJoined(participant=who):
                    await self._say("came", who=who)
                case base.MemberLeft(participant=who):
                    await self._say("went", who=who)
                case base.MigrationStarted(migration=migration):
                    self._migration, self._awaited = migration, set()
                case base.MigrationCommitted(topology=topology) | base.MigrationRolledBack(topology=topology):
                    self._migration = ""
                    await self._say("mode", mode=MODES[topology])
                case base.SignallingLost():
                    return


@asynccontextmanager
async def roundtable() -> AsyncIterator[str]:
    """Gives the URL, without `roundtable+`."""
    shim = ShimServer(ShimConfig(port=0))
    url = await shim.start()

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await Guest(socket, url).attend()
        await socket.close()
        return socket

    app = web.Application()
    app.router.add_get("/", handle)
    try:
        async with web_server(app, patience=0.5) as port:
            yield f"ws://127.0.0.1:{port}/"
    finally:
        await shim.stop()
