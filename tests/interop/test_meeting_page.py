"""The shim's meeting page in a real Chromium, in one room with headless participants of ours: both ways, through a migration,
and what it measures beside what we measure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from probe.browser.chromium import Chromium, chromium
from probe.browser.comparison import compare
from probe.browser.participant import ChromiumParticipant, page_url
from probe.client.participant import Participant
from probe.measure.summary import Summary
from probe.media.audio import EncodedAudio
from probe.media.video import EncodedVideo
from probe.model.errors import SignallingError
from probe.model.samples import Sample
from tests.interop import needs
from tests.interop.conftest import FPS
from tests.interop.party import DEADLINE, until
from tests.interop.room import ROOM, TOKEN, Room, frames_seen, open_room

pytestmark = pytest.mark.timeout(90)


@asynccontextmanager
async def _browser() -> AsyncIterator[Chromium]:
    """Skips (or fails, see `needs`) without Chromium or playwright."""
    needs.program("chromium", package="chromium")
    needs.module("playwright.async_api", package="playwright")
    async with chromium(FPS) as found:
        yield found


async def _state(page: Any) -> dict[str, Any]:
    found: dict[str, Any] = await page.evaluate("meetprobe.state()")
    return found


async def _sees(page: Any, condition: Callable[[Mapping[str, Any]], object], what: str) -> dict[str, Any]:
    """Wait for the page's state to satisfy a condition, looking five times a second."""
    found: dict[str, Any] = {}
    try:
        async with asyncio.timeout(DEADLINE):
            while not found or not condition(found):
                await asyncio.sleep(0.2)
                found = await _state(page)
    except TimeoutError:
        raise AssertionError(f"not within {DEADLINE:g} s: {what}; last seen: {found}") from None
    return found


async def _is_watched(browser: str, by: list[Participant], frames: int = FPS) -> None:
    """Each has decoded that many more pictures of the browser."""
    before = {who.participant: frames_seen(who, browser) for who in by}

    def enough(who: Participant) -> Callable[[], bool]:
        return lambda: frames_seen(who, browser) >= before[who.participant] + frames

    for who in by:
        await until(enough(who), f"{frames} pictures of the browser at {who.participant}")


def _all_is_well(room: Room) -> None:
    assert not room.context.errors
    assert not [drop for who in room.participants for drop in who.drops]
    assert [failure for _, failure in room.moves if failure] == []


@pytest.mark.parametrize("camera", [False, True], ids=["drawn", "camera"])
async def test_the_page_calls_directly_and_moves_along_to_the_sfu_and_back(
    videos: dict[str, EncodedVideo], audio: EncodedAudio, camera: bool
) -> None:
    async with _browser() as browser, open_room(videos["VP8"], audio) as room:
        ann = await room.enter("ann")
        page = await browser.take_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        await page.goto(page_url(room.url, ROOM, "zoe", TOKEN, camera=camera))
        state = await _sees(page, lambda s: "picture" in s["marks"], "ann's picture")
        assert "token" not in page.url
        assert state["source"] == ("camera" if camera else "canvas")
        assert state["topology"] == ann.topology == "p2p"
        assert state["names"][ann.participant] == "ann"
        await _is_watched(state["me"], [ann])

        ben = await room.enter("ben")
        state = await _sees(page, lambda s: s["topology"] == "sfu" and len(s["paths"]) == 1, "the move to the SFU")
        assert [path["kind"] for path in state["paths"]] == ["sfu"]
        [move] = state["moves"]
        assert (move["source"], move["target"], move["outcome"]) == ("p2p", "sfu", "committed")
        assert move["readyAt"] <= move["endedAt"]
        await _is_watched(state["me"], [ann, ben])
        both = {ann.participant, ben.participant}
        state = await _sees(
            page,
            lambda s: (
                all((s["figures"].get(who) or {}).get("fps") for who in both) and s["figures"][s["me"]]["bitrate"]
            ),
            "figures of both",
        )
        for who in both:
            figures = state["figures"][who]
            assert (figures["width"], figures["height"], figures["topology"]) == (320, 180, "sfu")
        assert state["names"][ben.participant] == "ben"

        await ben.leave()
        state = await _sees(page, lambda s: s["topology"] == "p2p" and len(s["paths"]) == 1, "the move back to P2P")
        assert state["members"] == [ann.participant]
        assert await page.locator(".tile").count() == 2
        await _is_watched(state["me"], [ann])
        assert [note["text"] for note in state["notes"] if note["level"] == "bad"] == []
        await page.get_by_role("button", name="Leave").click()
        state = await _sees(page, lambda s: s["phase"] == "door", "the door")
        assert state["notice"] == "You left."
        assert problems == []
        _all_is_well(room)


def _has_moved(times: int, state: Mapping[str, Any]) -> bool:
    """So often, and the old path is closed."""
    return len([move for move in state["moves"] if move["outcome"]]) == times and len(state["paths"]) == 1


async def test_a_person_moves_the_room_there_and_back_again(
    videos: dict[str, EncodedVideo], audio: EncodedAudio
) -> None:
    async with _browser() as browser, open_room(videos["VP8"], audio) as room:
        ann = await room.enter("ann")
        page = await browser.take_page()
        await page.goto(page_url(room.url, ROOM, "zoe", TOKEN, camera=False))
        await _sees(page, lambda s: "picture" in s["marks"], "ann's picture")
        for number, topology in enumerate(("sfu", "p2p", "sfu", "p2p"), start=1):
            await page.get_by_label("Topology").select_option(topology)
            state = await _sees(page, partial(_has_moved, number), f"move {number}")
            assert (state["topology"], state["moves"][-1]["outcome"]) == (topology, "committed")
            assert await page.locator(".tile video.shown").count() == 2
            await _is_watched(state["me"], [ann], FPS // 2)
        assert await page.locator(".tile:not(.own) .badge").inner_text() == "P2P"
        _all_is_well(room)


async def test_what_a_browser_measures_is_what_we_measure(videos: dict[str, EncodedVideo], audio: EncodedAudio) -> None:
    """Some seconds on the SFU. The tolerances are a browser's rounding and a busy machine's hiccups."""
    theirs, ours, told = Summary(), Summary(), list[Sample]()

    def sink(sample: Sample) -> None:
        told.append(sample)
        theirs.add(sample)

    async with _browser() as browser, open_room(videos["VP8"], audio) as room:
        now = lambda: room.context.clock.now() - room.context.epoch  # noqa: E731
        ann, ben = await room.enter("ann"), await room.enter("ben")
        reference = ChromiumParticipant(browser, room.url, TOKEN, sink, now)
        await reference.join(ROOM, "zoe", DEADLINE)
        assert reference.topology == "sfu"
        await _is_watched(reference.participant, [ann, ben], 6 * FPS)
        await reference.leave()
        await reference.leave()
        assert reference.errors == []
        assert reference.participant not in ann.members or await _gone(reference.participant, ann)
        await room.close()
        room.context.flush()
        for sample in room.samples:
            ours.add(sample)
        _all_is_well(room)
    on_sfu = {sample.metric for sample in told if sample.tags.get("topology") == "sfu"}
    assert {"join_duration_seconds", "send_bitrate_bps", "receive_bitrate_bps", "packet_loss_ratio"} <= on_sfu
    difference = {(row.metric, row.tag): row for row in compare(theirs, ours)}
    assert abs(difference["packet_loss_ratio", "kind=video"].difference) <= 0.001
    assert abs(difference["packet_loss_ratio", "kind=audio"].difference) <= 0.001
    assert abs(difference["frame_rate", ""].difference) <= 0.1 * FPS
    assert abs(difference["harmonic_frame_rate", ""].difference) <= 0.15 * FPS
    for source in ("stun", "rtcp"):
        assert _least_apart(theirs, ours, "round_trip_time_seconds", f"source={source}") <= 0.01
    for kind in ("audio", "video"):
        assert _least_apart(theirs, ours, "jitter_seconds", f"kind={kind}") <= 0.005
    [join] = [sample.value for sample in told if sample.metric == "join_duration_seconds"]
    assert 0.01 < join < 5.0
    streams = [s.value for s in told if s.metric == "receive_bitrate_bps" and s.tags["kind"] == "video"]
    assert sum(streams) / len(streams) == pytest.approx(_sent_by(room.samples, 2), rel=0.1)


def _least_apart(theirs: Summary, ours: Summary, metric: str, tag: str) -> float:
    """Between the least that each saw: a browser that gets no processor for a moment answers and sends late, in its own eyes and
    in ours, and a mean of a few readings would be of that."""
    browser, own = theirs.histogram(metric, tag), ours.histogram(metric, tag)
    assert browser is not None
    assert own is not None
    assert browser.minimum is not None
    assert own.minimum is not None
    return abs(browser.minimum - own.minimum)


async def _gone(participant: str, who: Participant) -> bool:
    await until(lambda: participant not in who.members, "the browser's leaving")
    return True


def _sent_by(samples: list[Sample], senders: int) -> float:
    """Video bits per second that one of ours sends to the SFU, times so many senders: all of it is forwarded."""
    rates = [
        sample.value
        for sample in samples
        if sample.metric == "send_bitrate_bps" and sample.tags == {"topology": "sfu", "kind": "video"}
    ]
    return senders * sum(rates) / len(rates)


async def test_a_wrong_token_is_told_in_words(videos: dict[str, EncodedVideo], audio: EncodedAudio) -> None:
    async with _browser() as browser, open_room(videos["VP8"], audio) as room:
        reference = ChromiumParticipant(browser, room.url, "wrong", lambda sample: None, lambda: 0.0)
        with pytest.raises(SignallingError, match="wrong token") as caught:
            await reference.join(ROOM, "zoe", DEADLINE)
        assert caught.value.phase == "room_join"
        await reference.leave()


async def test_a_server_that_vanishes_ends_the_meeting_for_the_page(
    videos: dict[str, EncodedVideo], audio: EncodedAudio
) -> None:
    from sfu_shim.server import ShimServer

    server = ShimServer()
    url = await server.start()
    async with _browser() as browser:
        page = await browser.take_page()
        await page.goto(page_url(url, ROOM, "zoe"))
        await _sees(page, lambda s: s["phase"] == "meeting", "the meeting")
        await server.stop()
        state = await _sees(page, lambda s: s["phase"] == "door", "the door")
        assert state["notice"] == "The meeting is over for you: the server shuts down."
        assert await page.get_by_role("button", name="Join").is_enabled()
