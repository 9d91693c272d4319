"""Child process: aiortc as it is, one-to-one calls on loopback, pre-encoded packets, nothing decoded. Prints one JSON object.

Two things of aiortc are replaced. Its ICE leaves 127.0.0.1 out of the candidates, and the load must stay there. Its receivers decode
every frame; here what the jitter buffer completes is discarded, on the same thread: the other peers don't decode either.
"""

from __future__ import annotations

import argparse
import asyncio
import fractions
import json
import os
import resource
import time
from typing import Any
from unittest.mock import patch

from aioice import ice
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, rtcrtpreceiver
from av.packet import Packet

VIDEO_CLOCK, AUDIO_CLOCK = 90_000, 48_000
FRAME = bytes(2 * 1090 - 2 * 4)
"""A frame of two packets, 1090 bytes each on average: aiortc cuts at 1300, and adds a descriptor of four bytes to each."""

FRAMES_PER_SECOND = 28.5
SOUND = bytes(80)
_JOIN_SECONDS = 60.0


class Packets(MediaStreamTrack):
    """The same encoded packet, `rate` times a second from `begin` on, by absolute times: who is late catches up."""

    def __init__(self, kind: str, data: bytes, rate: float, clock_rate: int, begin: asyncio.Event) -> None:
        super().__init__()
        self.kind = kind
        self._begin = begin
        self._data, self._rate, self._clock_rate = data, rate, clock_rate
        self._number = 0
        self._start: float | None = None

    async def recv(self) -> Packet[Any]:
        await self._begin.wait()
        loop = asyncio.get_running_loop()
        if self._start is None:
            self._start = loop.time()
        await asyncio.sleep(max(0.0, self._start + self._number / self._rate - loop.time()))
        packet = Packet(self._data)
        packet.pts = round(self._number / self._rate * self._clock_rate)
        packet.time_base = fractions.Fraction(1, self._clock_rate)
        self._number += 1
        return packet


class Discard:
    """Stands where a decoder would."""

    def decode(self, _: object) -> list[object]:
        return []


async def call(begin: asyncio.Event) -> tuple[RTCPeerConnection, RTCPeerConnection]:
    """Two connected ends, silent until `begin`."""
    caller, callee = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
    for end in (caller, callee):
        end.addTrack(Packets("audio", SOUND, 50, AUDIO_CLOCK, begin))
        end.addTrack(Packets("video", FRAME, FRAMES_PER_SECOND, VIDEO_CLOCK, begin))
    connected = [_connected(end) for end in (caller, callee)]
    await caller.setLocalDescription(await caller.createOffer())
    await callee.setRemoteDescription(caller.localDescription)
    await callee.setLocalDescription(await callee.createAnswer())
    await caller.setRemoteDescription(callee.localDescription)
    await asyncio.gather(*connected)
    return caller, callee


async def _connected(end: RTCPeerConnection) -> None:
    while end.connectionState != "connected":
        if end.connectionState in ("failed", "closed"):
            raise ConnectionError(f"a call is {end.connectionState}")
        await asyncio.sleep(0.01)


async def counted(ends: list[RTCPeerConnection]) -> tuple[int, int]:
    """Packets sent and received so far, by aiortc's own count."""
    sent = received = 0
    for end in ends:
        for stats in (await end.getStats()).values():
            sent += stats.packetsSent if stats.type == "outbound-rtp" else 0
            received += stats.packetsReceived if stats.type == "inbound-rtp" else 0
    return sent, received


async def measure(participants: int, seconds: float, warm_up: float) -> dict[str, Any]:
    """What joins and a window come to, in the words of pion_peer/main.go."""
    idle, before = resident_bytes(), cpu_seconds()
    ends: list[RTCPeerConnection] = []
    begin = asyncio.Event()
    try:
        async with asyncio.timeout(_JOIN_SECONDS):
            for _ in range(max(1, participants // 2)):
                ends += await call(begin)
        setup = cpu_seconds() - before
        begin.set()
        await asyncio.sleep(warm_up)
        found = await window(ends, seconds)
    finally:
        await asyncio.gather(*(end.close() for end in ends))
    return {"participants": len(ends), "setup_cpu_seconds": setup, "idle_rss_bytes": idle, **found}


async def window(ends: list[RTCPeerConnection], seconds: float) -> dict[str, Any]:
    """CPU and packets from now on; counting them is outside."""
    sent, received = await counted(ends)
    began, cpu = time.monotonic(), cpu_seconds()
    await asyncio.sleep(seconds)
    lasted, spent = time.monotonic() - began, cpu_seconds() - cpu
    sent_after, received_after = await counted(ends)
    return {
        "seconds": lasted,
        "cpu_seconds": spent,
        "packets_received": received_after - received,
        "packets_sent": sent_after - sent,
        "rss_bytes": resident_bytes(),
    }


def cpu_seconds() -> float:
    """User and system time of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def resident_bytes() -> int:
    """The second field of /proc/self/statm, which counts pages."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--participants", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--warm-up", type=float, default=1.0)
    options = parser.parse_args()
    loopback = patch.object(ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"] if use_ipv4 else [])
    undecoded = patch.object(rtcrtpreceiver, "get_decoder", lambda codec: Discard())
    with loopback, undecoded:
        found = asyncio.run(measure(options.participants, options.seconds, options.warm_up))
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
