"""Pays, before the first join, for what only the first one would: imports, a certificate, cold code.

Otherwise the first participant of a run would read some tens of milliseconds of our own as the platform's join time.
"""

from __future__ import annotations

import asyncio

import aiohttp

from probe.model.errors import ProbeError
from probe.rtc.addresses import LOOPBACK
from probe.rtc.clock import Clock
from probe.rtc.peer import Peer, PeerConfig

_DEADLINE = 5.0


async def warm_up(clock: Clock) -> None:
    """Connect two peers of our own on loopback and let go of them. What fails here will fail, and be told, in the run."""
    config = PeerConfig((LOOPBACK,), connect_deadline=_DEADLINE)
    a, b = (Peer(config, label="warm-up", controlling=first, clock=clock) for first in (True, False))
    try:
        for kind in ("audio", "video"):
            a.add_transceiver(kind, "sendonly", ("warm-up", kind))
        async with asyncio.timeout(_DEADLINE), aiohttp.ClientSession(trust_env=True):
            await a.accept_answer(await b.accept_offer(await a.create_offer()))
            await asyncio.gather(a.connect(), b.connect())
    except (ProbeError, TimeoutError):
        return
    finally:
        await asyncio.gather(a.close(), b.close())
