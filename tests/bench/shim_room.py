"""The same meeting on our own SFU shim."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from probe.rtc.peer import Peer
from tests.bench.server_process import ServerProcess, until
from tests.sfu_shim.client import Participant

_NEGOTIATED_SECONDS = 20.0


@asynccontextmanager
async def running(native: bool = True) -> AsyncIterator[tuple[ServerProcess, str]]:
    """(process, WebSocket URL), stopped at the end. Not `native`: without the compiled extension."""
    command = [sys.executable, "-c", "from sfu_shim.cli import main; main()", "--port", "0", "--p2p-limit", "0"]
    process = await ServerProcess.start(command, {"MEETPROBE_NATIVE": "1" if native else "0"})
    try:
        yield process, (await process.line()).rsplit(" ", 1)[1]
    finally:
        await process.stop()


class ShimMeeting:
    """Implements `forwarding.Meeting`."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http
        self._participants: list[Participant] = []

    @property
    def publisher(self) -> Peer:
        return _peer(self._participants[0])

    @property
    def subscribers(self) -> list[Peer]:
        return [_peer(participant) for participant in self._participants[1:]]

    async def open(self, url: str, subscribers: int) -> None:
        for number in range(1 + subscribers):
            participant = Participant(self._http, sends=number == 0)
            await participant.join(url, "bench")
            self._participants.append(participant)
            await participant.until(lambda each: any(peer.connected for peer in each.peers.values()))
        await until(lambda: all(_receives(peer) for peer in self.subscribers), _NEGOTIATED_SECONDS)

    async def close(self) -> None:
        for participant in self._participants:
            await participant.close()


def _peer(participant: Participant) -> Peer:
    return participant.peers[participant.path("sfu")]


def _receives(peer: Peer) -> bool:
    return sum(transceiver.receives for transceiver in peer.transceivers) == 2
