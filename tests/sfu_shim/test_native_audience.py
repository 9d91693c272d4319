"""The compiled fan-out in a running shim: packets, counters, and what happens when a path goes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest

from probe import native
from probe.wire.rtp import payload
from sfu_shim.config import ShimConfig
from sfu_shim.core.policy import Policy
from sfu_shim.media import SfuMedia
from sfu_shim.server import HUB, ShimServer
from tests.bench.forwarding import profile_of
from tests.sfu_shim.test_media import DELTA, KEY, connected, forwarding, from_publisher, send


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def counters(session: aiohttp.ClientSession, url: str) -> dict[str, float]:
    page = url.replace("ws://", "http://").replace("/ws", "/metrics")
    async with session.get(page) as answer:
        text = await answer.text()
    return {name: float(value) for name, value in re.findall(r"^sfu_shim_(\w+)_total ([\d.e+]+)$", text, re.MULTILINE)}


def media(server: ShimServer) -> SfuMedia:
    found = server.app[HUB].media
    assert isinstance(found, SfuMedia)
    return found


@pytest.mark.parametrize("compiled", [True, False])
async def test_both_ways_forward_and_count_alike(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, compiled: bool
) -> None:
    if not native.available():
        pytest.skip("the extension is not built here")
    if not compiled:
        monkeypatch.setattr(native, "core", None)
    server = ShimServer(ShimConfig(port=0, policy=Policy(p2p_limit=0), report_interval=0.1))
    url = await server.start()
    a, b, c = await connected(session, url, 3)
    for subscriber in (b, c):
        await forwarding(server, a, subscriber)
    await asyncio.sleep(0.1)  # the last of the warm-up
    before = await counters(session, url)
    routes = media(server)._routes
    sent_before = routes.bytes_sent if routes is not None else 0
    bodies = [KEY + b"first", *(DELTA + bytes(number) for number in range(20))]
    for number, body in enumerate(bodies):
        send(a, "video", number, body)
    for subscriber in (b, c):
        await subscriber.until(lambda each: len(from_publisher(each, a, "video")) == len(bodies))
        packets = from_publisher(subscriber, a, "video")
        assert [payload(data, header) for data, header in packets] == bodies
    after = await counters(session, url)
    clear = sum(len(data) for each in (b, c) for data, _ in from_publisher(each, a, "video"))
    assert after["packets_sent"] - before["packets_sent"] == 2 * len(bodies)
    assert after["bytes_sent"] - before["bytes_sent"] == clear
    assert after["packets_dropped"] == 0
    if routes is not None:
        tag = 16 if "GCM" in profile_of(a.peers[a.path("sfu")]) else 10
        assert routes.bytes_sent - sent_before == clear + 2 * len(bodies) * tag
    for each in (a, b, c):
        await each.close()
    await server.stop()


@pytest.mark.skipif(not native.available(), reason="the extension is not built here")
async def test_a_path_that_breaks_leaves_the_others_alone(session: aiohttp.ClientSession) -> None:
    server = ShimServer(ShimConfig(port=0, policy=Policy(p2p_limit=0), report_interval=0.1))
    url = await server.start()
    a, b, c = await connected(session, url, 3)
    for subscriber in (b, c):
        await forwarding(server, a, subscriber)
    routes = media(server)._routes
    assert routes is not None
    gone = b.path("sfu")
    route = routes.to(gone)
    await b.peers[gone].close()
    await b.until(lambda each: gone not in each.opened)
    reached, sent = len(from_publisher(c, a, "audio")), route.bytes_sent
    assert sent > 0
    send(a, "audio", 5000, b"after")
    await c.until(lambda each: len(from_publisher(each, a, "audio")) > reached)
    assert route.bytes_sent == sent
    assert (await counters(session, url))["packets_malformed"] == 0
    for each in (a, b, c):
        await each.close()
    await server.stop()
    assert routes._routes == {}
