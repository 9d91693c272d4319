"""A headless Chromium with a made-up camera, showing a page of this folder from http://127.0.0.1."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.interop import needs
from tests.interop.party import DEADLINE
from tests.web_server import web_server

if TYPE_CHECKING:
    from playwright.async_api import Page

PAGES = Path(__file__).parent / "pages"
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--use-fake-device-for-media-stream=fps=20",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",  # nothing of the world outside can even be looked up
)


@asynccontextmanager
async def _served() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_static("/", PAGES)
    async with web_server(app, patience=1.0) as port:
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def open_page(name: str) -> AsyncIterator[BrowserPage]:
    """The page, in a browser of its own. Skips (or fails, see `needs`) without Chromium or playwright."""
    executable = needs.program("chromium", package="chromium")
    playwright = needs.module("playwright.async_api", package="playwright")
    async with _served() as url, playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=executable, args=list(_ARGUMENTS), timeout=30_000)
        try:
            page = BrowserPage(await browser.new_page())
            await page.open(f"{url}/{name}")
            yield page
            assert not page.errors
        finally:
            await browser.close()


class BrowserPage:
    """Calls the page's functions. `errors` are the exceptions that nobody caught there."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    async def open(self, url: str) -> None:
        await self._page.goto(url, timeout=DEADLINE * 1000)

    async def call(self, function: str, *arguments: Any) -> Any:
        """The result of a function of the page, awaited there."""
        async with asyncio.timeout(DEADLINE):
            return await self._page.evaluate(f"args => {function}(...args)", list(arguments))

    async def until(self, expression: str, seconds: float = DEADLINE) -> None:
        """Wait until an expression is true there."""
        await self._page.wait_for_function(expression, timeout=seconds * 1000, polling=100)

    async def value(self, expression: str) -> Any:
        """What an expression is worth there."""
        async with asyncio.timeout(DEADLINE):
            return await self._page.evaluate(expression)
