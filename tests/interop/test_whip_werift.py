"""WHIP and WHEP against a second, independent implementation: a small server on werift's peer connections (Node)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from probe.client.participant import Participant
from probe.media.audio import EncodedAudio
from probe.media.video import EncodedVideo
from probe.model.errors import AccessDenied
from probe.signalling.access import Access
from probe.signalling.whep import WhepSignalling
from probe.signalling.whip import WhipSignalling
from tests.interop import needs
from tests.interop.conftest import FPS
from tests.interop.party import DEADLINE, until
from tests.interop.room import frames_seen
from tests.interop.stage import Stage, open_stage

pytestmark = pytest.mark.timeout(60)

TOKEN = "werift"
SERVER = Path(__file__).parent / "werift_server.cjs"


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A fresh server's."""
    node = needs.node_package("werift")
    process = await asyncio.create_subprocess_exec(
        node, str(SERVER), TOKEN, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        async with asyncio.timeout(DEADLINE):
            words = (await process.stdout.readline()).decode().split()
        assert words[0] == "listening"
        yield f"http://127.0.0.1:{words[1]}"
    finally:
        process.stdin.close()
        async with asyncio.timeout(DEADLINE):
            await process.wait()


@pytest.fixture(params=["VP8", "H264"])
def codec(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def stage(videos: dict[str, EncodedVideo], audio: EncodedAudio, codec: str) -> AsyncIterator[Stage]:
    async with open_stage(videos[codec], audio) as stage:
        yield stage


async def _stats(url: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/stats") as answer:
        return dict(await answer.json(content_type=None))


async def _sees_pictures(viewer: Participant) -> None:
    [whom] = viewer.views
    await until(lambda: frames_seen(viewer, whom) >= 2 * FPS, "two seconds of pictures")
    assert viewer.views[whom].timelines["audio"].new > 20


def _all_is_well(stage: Stage) -> None:
    assert not stage.context.errors
    assert not [drop for who in stage.participants for drop in who.drops]


@pytest.mark.parametrize("door", ["whep", "counter", "offers"])
async def test_one_publishes_and_one_watches(url: str, stage: Stage, door: str) -> None:
    publisher = await stage.enter(WhipSignalling(f"{url}/moved", Access(TOKEN)), "ann")
    way = WhepSignalling(f"{url}/{door}", Access(TOKEN), server_offers=door == "offers")
    viewer = await stage.enter(way, "ben")
    await _sees_pictures(viewer)
    found = await _stats(url)
    assert found["video"] >= 2 * FPS
    assert found["audio"] > 50
    assert (found["sessions"], found["refused"]) == (2, 0)
    assert way.ice_servers == (((("stun:127.0.0.1:9",), None, None),) if door == "whep" else ())
    await way.send_candidate("whep", "candidate:1 1 udp 2122260223 127.0.0.1 9 typ host")
    assert (await _stats(url))["trickled"] == 1
    await viewer.leave()
    await publisher.leave()
    found = await _stats(url)
    assert (found["sessions"], found["deleted"]) == (0, 2)
    _all_is_well(stage)


@pytest.mark.parametrize("codec", ["VP8"], indirect=True)
async def test_who_comes_first_waits_and_who_has_no_token_stays_out(url: str, stage: Stage) -> None:
    with pytest.raises(AccessDenied, match="HTTP 401"):
        await stage.enter(WhipSignalling(f"{url}/whip", Access("wrong")), "eve")
    stage.context.errors.clear()
    watching = asyncio.create_task(stage.enter(WhepSignalling(f"{url}/whep", Access(TOKEN)), "ben"))
    await asyncio.sleep(0.3)
    await stage.enter(WhipSignalling(f"{url}/whip", Access(TOKEN)), "ann")
    await _sees_pictures(await watching)
    assert (await _stats(url))["waited"] >= 1
    _all_is_well(stage)
