"""Chromium's congestion control on our transport-wide feedback: with it the browser sends on, without it it holds back.

What its camera shows compresses well, so what it sends says little; what it believes it may send is in its statistics.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from probe import native
from probe.client.context import Depth
from probe.media.audio import EncodedAudio
from probe.media.video import EncodedVideo
from probe.rtc.beat import Beat
from probe.rtc.clock import Clock
from probe.rtc.reading import Reading
from probe.wire.extensions import TRANSPORT_CC
from probe.wire.sdp import SessionDescription
from tests.interop.browser import open_page
from tests.interop.chromium_end import ChromiumEnd
from tests.interop.party import Party, Role, until
from tests.interop.room import ROOM, TOKEN, open_room

pytestmark = pytest.mark.timeout(60)

START = 300_000
"""Bits/s: what Chromium takes for granted before it knows anything. Receiver reports without loss let it creep up a little."""
ENOUGH = 1_000_000
"""Bits/s: more than it would ever dare without feedback, less than 720p may take."""


COMPILED = "headers in C"


@asynccontextmanager
async def _call(
    video: EncodedVideo, audio: EncodedAudio, role: Role, reader: str, *, feedback: bool = True
) -> AsyncIterator[tuple[Party, ChromiumEnd]]:
    """A connected call in which the browser's camera gives 720p; `role` is ours, `reader` how we read."""
    if reader == COMPILED and not native.available():
        pytest.skip("missing: the compiled packet path (a C compiler at installation)")
    depth: Depth = "frames" if reader == "frames" else "headers"
    async with open_page("call.html") as page:
        theirs = ChromiumEnd(page)
        await theirs.begin("VP8", size=(1280, 720))
        clock = Clock()
        reading = Reading(clock, Beat(clock)) if reader == COMPILED else None
        async with Party(video, audio, role, depth=depth, reading=reading) as ours:
            if not feedback:
                ours.path.twcc.close()
            await ours.call(theirs)
            yield ours, theirs


async def _available(theirs: ChromiumEnd) -> float:
    """availableOutgoingBitrate of the pair in use, bits/s; 0 while it is unknown."""
    pairs = await theirs.stats("candidate-pair")
    return max(float(pair.get("availableOutgoingBitrate", 0)) for pair in pairs)


async def _target(theirs: ChromiumEnd) -> float:
    """What its video encoder aims at, bits/s."""
    [told] = await theirs.stats("outbound-rtp", "video")
    return float(told.get("targetBitrate", 0))


async def _both_agreed(theirs: ChromiumEnd) -> None:
    """Both descriptions, in both sections, name the extension by one number and ask for its feedback."""
    for side in ("localDescription", "remoteDescription"):
        description = SessionDescription.parse(await theirs.page.value(f"pc.{side}.sdp"))
        ids = {number for s in description.sections for number, uri in s.extensions.items() if uri == TRANSPORT_CC}
        assert len(ids) == 1
        for section in description.sections:
            assert TRANSPORT_CC in section.extensions.values()
            assert "transport-cc" in section.codecs[0].feedback


@pytest.mark.parametrize(
    ("role", "reader"),
    [("offer", "frames"), ("answer", "frames"), ("answer", "headers in Python"), ("answer", COMPILED)],
)
async def test_with_our_feedback_their_bitrate_grows(
    videos: dict[str, EncodedVideo], audio: EncodedAudio, role: Role, reader: str
) -> None:
    async with _call(videos["VP8"], audio, role, reader) as (ours, theirs):
        await _both_agreed(theirs)
        seen: list[tuple[float, float]] = []
        try:
            async with asyncio.timeout(15.0):
                while not seen or seen[-1][0] <= ENOUGH or seen[-1][1] <= START:
                    await asyncio.sleep(0.2)
                    seen.append((await _available(theirs), await _target(theirs)))
        except TimeoutError:
            pytest.fail(f"(available, target) did not get beyond ({ENOUGH}, {START}) bit/s: {seen}")
        assert ours.path.twcc.feedbacks > 0
        lane = ours.path.peer.lane
        assert (lane is not None and lane.bytes_received > 0) == (reader == COMPILED)
        assert ours.path.rtcp.received["TransportFeedback"] == 0  # they have nothing to tell: we number no packets
        assert not ours.path.peer.malformed
        assert not ours.failures


async def test_without_our_feedback_it_does_not(videos: dict[str, EncodedVideo], audio: EncodedAudio) -> None:
    async with _call(videos["VP8"], audio, "answer", "frames", feedback=False) as (ours, theirs):
        await _both_agreed(theirs)
        seen = []
        for _ in range(16):
            await asyncio.sleep(0.5)
            seen.append(await _available(theirs))
        assert 0 < seen[-1] < START
        assert max(seen) < ENOUGH / 2
        assert await _target(theirs) < START
        assert ours.path.twcc.feedbacks == 0


_AVAILABLE_ON_THE_SFU = """(async () => {
  const pcs = [...paths.values()].filter(({kind}) => kind === "sfu").map(({pc}) => pc);
  const stats = (await Promise.all(pcs.map((pc) => pc.getStats()))).flatMap((report) => [...report.values()]);
  return Math.max(0, ...stats.map((entry) => entry.availableOutgoingBitrate || 0));
})()"""


async def test_the_shim_lets_them_send_too(videos: dict[str, EncodedVideo], audio: EncodedAudio) -> None:
    async with open_page("room.html") as page, open_room(videos["VP8"], audio) as room:
        ours = [await room.enter("ann"), await room.enter("ben")]
        await page.call("join", room.url, ROOM, TOKEN)
        await until(lambda: [who.topology for who in ours] == ["sfu", "sfu"], "the move to the SFU")
        seen = [0.0]
        try:
            async with asyncio.timeout(15.0):
                while seen[-1] <= ENOUGH:
                    await asyncio.sleep(0.2)
                    seen.append(await page.value(_AVAILABLE_ON_THE_SFU))
        except TimeoutError:
            pytest.fail(f"available did not get beyond {ENOUGH} bit/s: {seen}")
        assert await page.value("complaints") == []
