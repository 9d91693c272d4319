"""The other end of a call, made by Chromium: pages/call.html and its getStats()."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.interop.browser import BrowserPage
from tests.interop.party import DEADLINE

Stats = dict[str, Any]


def assert_steady(inbound: Stats) -> None:
    """Nothing froze or was dropped, but for what a busy machine does to a browser: a second, and a frame in twenty."""
    assert inbound["totalFreezesDuration"] < 1.0
    assert inbound["framesDropped"] <= inbound["framesDecoded"] / 20


class ChromiumEnd:
    """`page` shows pages/call.html."""

    def __init__(self, page: BrowserPage) -> None:
        self.page = page

    async def begin(
        self, codec: str, *, send: bool = True, trickle: bool = False, size: tuple[int, int] = (320, 240)
    ) -> None:
        """`size`: of the camera's picture."""
        width, height = size
        await self.page.call(
            "begin", {"codec": codec, "send": send, "trickle": trickle, "width": width, "height": height}
        )

    async def offer(self) -> str:
        return str(await self.page.call("offer"))

    async def answer(self, sdp: str) -> str:
        return str(await self.page.call("answer", sdp))

    async def accept(self, sdp: str) -> None:
        await self.page.call("accept", sdp)

    async def stats(self, type: str, kind: str | None = None) -> list[Stats]:
        """The entries of getStats() of a type, and of a media kind."""
        found: list[Stats] = await self.page.call("stats")
        return [entry for entry in found if entry["type"] == type and kind in (None, entry.get("kind"))]

    async def inbound(self, kind: str = "video") -> Stats:
        """inbound-rtp of the one track that we send; empty before its first packet."""
        found = await self.stats("inbound-rtp", kind)
        return found[0] if found else {}

    async def until(
        self, condition: Callable[[Stats], object], what: str, seconds: float = DEADLINE, kind: str = "video"
    ) -> Stats:
        """Wait for its inbound-rtp to satisfy a condition, looking five times a second."""
        found: Stats = {}
        try:
            async with asyncio.timeout(seconds):
                while not condition(found):
                    await asyncio.sleep(0.2)
                    found = await self.inbound(kind)
        except TimeoutError:
            raise AssertionError(f"not within {seconds:g} s: {what}; last seen: {found}") from None
        return found
