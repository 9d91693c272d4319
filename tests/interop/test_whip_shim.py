"""WHIP and WHEP against the shim's endpoints: some publish, some watch, the pictures are decoded and counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from probe.client.participant import Participant
from probe.media.audio import EncodedAudio
from probe.media.video import EncodedVideo
from probe.signalling.access import Access
from probe.signalling.shim import ShimSignalling
from probe.signalling.whep import WhepSignalling
from probe.signalling.whip import WhipSignalling
from sfu_shim.config import ShimConfig
from sfu_shim.core.room import Room
from sfu_shim.server import HUB, ShimServer
from tests.interop.browser import open_page
from tests.interop.conftest import FPS
from tests.interop.party import until
from tests.interop.room import frames_seen
from tests.interop.stage import Stage, open_stage

pytestmark = pytest.mark.timeout(60)

TOKEN = "interop"


class Shim:
    """A server with one room of interest."""

    def __init__(self) -> None:
        self.server = ShimServer(ShimConfig(port=0, token=TOKEN))
        self.url = ""

    async def start(self) -> None:
        self.url = await self.server.start()

    def publisher(self) -> WhipSignalling:
        return WhipSignalling(f"whip+{self.http}/whip/{{room}}", Access(TOKEN))

    def viewer(self, whom: str | None = None) -> WhepSignalling:
        return WhepSignalling(
            f"whep+{self.http}/whep/{{room}}" + (f"?participant={whom}" if whom else ""), Access(TOKEN)
        )

    def member(self) -> ShimSignalling:
        return ShimSignalling(self.url, Access(TOKEN))

    @property
    def http(self) -> str:
        return self.url.replace("ws://", "http://").removesuffix("/ws")

    @property
    def room(self) -> Room | None:
        return self.server.app[HUB].rooms.room("stage")

    @property
    def inside(self) -> int:
        return self.server.app[HUB].rooms.participants


@pytest.fixture
async def shim() -> AsyncIterator[Shim]:
    shim = Shim()
    await shim.start()
    yield shim
    await shim.server.stop()


@pytest.fixture
async def stage(videos: dict[str, EncodedVideo], audio: EncodedAudio) -> AsyncIterator[Stage]:
    async with open_stage(videos["VP8"], audio) as stage:
        yield stage


async def _sees(who: Participant, whom: str, frames: int = FPS) -> None:
    before = frames_seen(who, whom)
    await until(lambda: frames_seen(who, whom) >= before + frames, f"{frames} pictures of {whom}")


def _all_is_well(stage: Stage) -> None:
    assert not stage.context.errors
    assert not [drop for who in stage.participants for drop in who.drops]


async def test_a_publisher_and_a_viewer(shim: Shim, stage: Stage) -> None:
    publisher = await stage.enter(shim.publisher(), "ann")
    viewer = await stage.enter(shim.viewer(), "ben")
    assert (publisher.topology, viewer.topology) == ("sfu", "sfu")
    assert shim.room is not None
    assert len(shim.room.members) == 1
    assert viewer.members == {"ann"}  # as the publisher calls its stream
    whom = "ann"
    await _sees(viewer, whom, 2 * FPS)
    delays = [one.value for one in stage.samples if one.metric == "one_way_delay_seconds"]
    assert len(delays) > FPS
    assert 0 <= min(delays) < 1
    assert viewer.views[whom].timelines["audio"].new > 20
    assert publisher.join_clock is not None
    assert publisher.join_clock.total == publisher.join_clock.after("dtls_connected") is not None
    assert viewer.join_clock is not None
    assert viewer.join_clock.failed_phase is None
    [path] = viewer.paths.values()
    receiver = path.receiver(whom, "video")
    assert receiver is not None
    assert (receiver.frames_given_up, receiver.stream.lost_first) == (0, 0)
    await viewer.leave()
    assert shim.inside == 1
    await publisher.leave()
    assert shim.inside == 0
    _all_is_well(stage)


async def test_a_viewer_who_comes_first_waits(shim: Shim, stage: Stage) -> None:
    watching = asyncio.create_task(stage.enter(shim.viewer(), "ben"))
    await asyncio.sleep(0.3)
    assert shim.inside == 0
    await stage.enter(shim.publisher(), "ann")
    viewer = await watching
    [whom] = viewer.members
    await _sees(viewer, whom)
    _all_is_well(stage)


async def test_a_publisher_brings_a_meeting_to_the_sfu_and_back(shim: Shim, stage: Stage) -> None:
    ann = await stage.enter(shim.member(), "ann")
    publisher = await stage.enter(shim.publisher(), "obs")
    await until(lambda: ann.topology == "sfu", "the SFU")
    [whom] = ann.members
    await _sees(ann, whom)
    ben = await stage.enter(shim.member(), "ben")
    assert ben.topology == "sfu"
    await _sees(ben, whom)
    await publisher.leave()
    await until(lambda: (ann.topology, ben.topology) == ("p2p", "p2p"), "the way back")
    await _sees(ann, ben.participant)
    _all_is_well(stage)


async def test_a_viewer_watches_one_of_a_meeting_unseen(shim: Shim, stage: Stage) -> None:
    ann, ben = await stage.enter(shim.member(), "ann"), await stage.enter(shim.member(), "ben")
    assert (ann.topology, ben.topology) == ("p2p", "p2p")
    viewer = await stage.enter(shim.viewer(ben.participant), "eve")
    assert viewer.members == {ben.participant}
    await _sees(viewer, ben.participant)
    assert set(viewer.views) == {ben.participant}
    assert (ann.topology, ben.topology) == ("sfu", "sfu")
    assert (ann.members, ben.members) == ({ben.participant}, {ann.participant})
    await viewer.leave()
    await until(lambda: (ann.topology, ben.topology) == ("p2p", "p2p"), "the way back")
    await _sees(ann, ben.participant)
    _all_is_well(stage)


async def test_what_is_watched_ends_and_so_does_the_session(shim: Shim, stage: Stage) -> None:
    publisher = await stage.enter(shim.publisher(), "ann")
    viewer = await stage.enter(shim.viewer(), "ben")
    await publisher.leave()
    await until(lambda: shim.inside == 0, "the viewer's end")
    assert shim.room is None
    await until(lambda: viewer.drops, "a drop that is told")
    [(_, reason)] = viewer.drops
    assert "closed the connection" in reason


async def test_chromium_publishes_and_watches(shim: Shim, stage: Stage) -> None:
    async with open_page("whip.html") as camera, open_page("whip.html") as screen:
        await camera.call("publish", f"{shim.http}/whip/stage", TOKEN)
        viewer = await stage.enter(shim.viewer(), "ben")
        [whom] = viewer.members
        await _sees(viewer, whom, 2 * FPS)
        assert viewer.views[whom].timelines["audio"].new > 20
        publisher = await stage.enter(shim.publisher(), "ann")
        assert shim.room is not None
        *_, ours = shim.room.members
        await screen.call("watch", f"{shim.http}/whep/stage?participant={ours}", TOKEN)
        await screen.until(f"frames().then((seen) => seen >= {2 * FPS})")
        for page in (camera, screen):
            statuses = await page.call("leave")
            assert statuses[0] == "POST 201"
            assert statuses[-1] == "DELETE 200"
            assert set(statuses[1:-1]) == {"PATCH 204"}
        await publisher.leave()
        assert not stage.context.errors
