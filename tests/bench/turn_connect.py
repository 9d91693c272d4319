"""How long gathering and connecting take through a real coturn on loopback; `python -m tests.bench.turn_connect [CALLS]`.

Prints the median milliseconds of CALLS calls for each way: gathering of the side that is relayed, and from the exchange of
descriptions until ICE and DTLS are up at both ends.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import time

from probe.model.platform import Tls
from probe.rtc.clock import Clock
from probe.rtc.ice_server import IceServer
from probe.rtc.peer import Peer, PeerConfig
from tests.interop.coturn import PASSWORD, USER, Coturn, coturn

_MOST_CALLS = 200


def _peer(label: str, config: PeerConfig) -> Peer:
    peer = Peer(config, label=label, controlling=label == "a", clock=Clock(), rng=random.Random(label))
    peer.add_transceiver("audio", "sendrecv", (label, f"{label}-audio"))
    return peer


async def _call(a_config: PeerConfig, b_config: PeerConfig) -> tuple[float, float, str]:
    a, b = _peer("a", a_config), _peer("b", b_config)
    began = time.monotonic()
    offer = await a.create_offer()
    gathered = time.monotonic()
    await a.accept_answer(await b.accept_offer(offer))
    described = time.monotonic()
    await asyncio.gather(a.connect(), b.connect())
    connected = time.monotonic()
    label = a.pair_label
    await asyncio.gather(a.close(), b.close())
    return gathered - began, connected - described, label


def _relaying(turn: Coturn, *ways: str) -> PeerConfig:
    server = IceServer(tuple(turn.url(way) for way in ways), USER, PASSWORD)
    return PeerConfig(ice_servers=(server,), relay_only=True, tls=Tls(ca=turn.authority))


async def _main(calls: int) -> None:
    async with coturn() as turn:
        print(f"{'pair':18} {'gather':>9} {'connect':>9}")
        for far_relays in (False, True):
            for way in ("udp", "tcp", "tls"):
                near = _relaying(turn, way)
                done = [await _call(near, near if far_relays else PeerConfig()) for _ in range(calls)]
                gather = 1000 * statistics.median(gathered for gathered, _, _ in done)
                connect = 1000 * statistics.median(connected for _, connected, _ in done)
                print(f"{done[0][2]:18} {gather:6.1f} ms {connect:6.1f} ms")


if __name__ == "__main__":
    asyncio.run(_main(min(_MOST_CALLS, int(sys.argv[1]) if len(sys.argv) > 1 else 20)))
