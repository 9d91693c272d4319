"""Chromium in a meeting of the embedded shim, beside headless participants: P2P, the SFU, and the moves between them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from probe.client.participant import Participant
from probe.media.audio import EncodedAudio
from probe.media.video import EncodedVideo
from tests.interop.browser import BrowserPage, open_page
from tests.interop.chromium_end import Stats, assert_steady
from tests.interop.conftest import FPS
from tests.interop.party import DEADLINE, until
from tests.interop.room import ROOM, TOKEN, Room, frames_seen, open_room

pytestmark = pytest.mark.timeout(90)


async def _received(page: BrowserPage, topology: str) -> dict[str, Stats]:
    """The browser's inbound-rtp of video on paths of that topology, by sender."""
    streams: list[Stats] = await page.call("received")
    return {s["from"]: s for s in streams if s["topology"] == topology and s["kind"] == "video"}


async def _watches(page: BrowserPage, topology: str, remotes: list[Participant], frames: int) -> dict[str, Stats]:
    """Wait until the browser has decoded that many frames of each, on paths of that topology."""
    found: dict[str, Stats] = {}
    wanted = {who.participant for who in remotes}
    try:
        async with asyncio.timeout(DEADLINE):
            while not all(found.get(name, {}).get("framesDecoded", 0) >= frames for name in wanted):
                await asyncio.sleep(0.2)
                found = await _received(page, topology)
    except TimeoutError:
        heard = await page.value("({heard, complaints})")
        raise AssertionError(f"no {frames} frames of each of {wanted}; got {found}; {heard}") from None
    return found


async def _is_watched(browser: str, by: list[Participant], frames: int) -> None:
    """Wait until each participant has decoded that many more pictures of the browser."""
    before = {who.participant: frames_seen(who, browser) for who in by}

    def enough(who: Participant) -> Callable[[], bool]:
        return lambda: frames_seen(who, browser) >= before[who.participant] + frames

    for who in by:
        await until(enough(who), f"{frames} pictures of the browser at {who.participant}")


def _all_is_well(room: Room) -> None:
    assert not room.context.errors
    assert not [drop for who in room.participants for drop in who.drops]
    assert [failure for _, failure in room.moves if failure] == []


async def test_it_enters_as_the_third_and_the_sfu_carries_all_to_all(
    videos: dict[str, EncodedVideo], audio: EncodedAudio
) -> None:
    async with open_page("room.html") as page, open_room(videos["VP8"], audio) as room:
        ours = [await room.enter("ann"), await room.enter("ben")]
        browser = await page.call("join", room.url, ROOM, TOKEN)
        await until(lambda: [who.topology for who in ours] == ["sfu", "sfu"], "the move to the SFU")
        await _is_watched(browser, ours, 2 * FPS)
        found = await _watches(page, "sfu", ours, 2 * FPS)
        assert set(found) == {who.participant for who in ours}
        for stats in found.values():
            assert stats["packetsLost"] == 0
            assert_steady(stats)
            assert (stats["frameWidth"], stats["frameHeight"]) == (320, 180)
        for who in ours:
            [path] = who.paths.values()
            receiver = path.receiver(browser, "video")
            assert receiver is not None
            assert (receiver.frames_given_up, receiver.stream.lost_first) == (0, 0)
            assert who.views[browser].timelines["audio"].new > 50
        await page.call("leave")
        await until(lambda: [who.topology for who in ours] == ["p2p", "p2p"], "the move back to P2P")
        assert await page.value("complaints") == []
        _all_is_well(room)
        assert len(room.moves) == 4


async def test_it_calls_one_directly_and_moves_along_to_the_sfu_and_back(
    videos: dict[str, EncodedVideo], audio: EncodedAudio
) -> None:
    async with open_page("room.html") as page, open_room(videos["VP8"], audio) as room:
        ann = await room.enter("ann")
        browser = await page.call("join", room.url, ROOM, TOKEN)
        await _is_watched(browser, [ann], FPS)
        await _watches(page, "p2p", [ann], FPS)
        assert ann.topology == "p2p"
        ben = await room.enter("ben")
        await until(lambda: ann.topology == "sfu", "the move to the SFU")
        await _is_watched(browser, [ann, ben], FPS)
        await _watches(page, "sfu", [ann, ben], FPS)
        assert await page.value("[...paths.values()].map((entry) => entry.kind)") == ["sfu"]
        await ben.leave()
        await until(lambda: ann.topology == "p2p", "the move back to P2P")
        await _is_watched(browser, [ann], FPS)
        await _watches(page, "p2p", [ann], FPS)
        assert await page.value("heard.filter((type) => type === 'committed').length") == 2
        await page.call("leave")
        assert await page.value("complaints") == []
        _all_is_well(room)
