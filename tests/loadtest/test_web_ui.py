"""The tab in Locust's real web UI, in a real browser: what a user sees, and that nothing is asked of the world outside."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.interop import needs
from tests.loadtest.made_up import HOST

if TYPE_CHECKING:
    from playwright.async_api import FrameLocator, Page

pytestmark = pytest.mark.timeout(120)
PATIENCE = 20_000.0


@dataclass
class Site:
    """Where Locust's UI and /metrics are."""

    url: str
    metrics: str


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    with socket.create_server(("127.0.0.1", 0)) as held:
        metrics = held.getsockname()[1]
    pipe = asyncio.subprocess.PIPE
    options = ("--host", HOST, "--metrics-port", str(metrics), "--users", "60", "--spawn-rate", "10")
    command = (sys.executable, "-m", "tests.loadtest.ui_site", *options)
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            told = json.loads(await process.stdout.readline())
        yield Site(f"http://127.0.0.1:{told['web']}", f"http://127.0.0.1:{metrics}/metrics")
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


@dataclass
class Watched:
    """A page, and what went on in it that should not."""

    page: Page
    home: str
    wrong: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        self.page.on("request", lambda asked: self._asked(asked.url))

    def _asked(self, url: str) -> None:
        if not url.startswith((self.home, "data:", "blob:", "about:")):
            self.wrong.append(f"asked for {url}")


@asynccontextmanager
async def browser_page(home: str, **context: Any) -> AsyncIterator[Watched]:
    executable = needs.program("chromium", package="chromium")
    playwright = needs.module("playwright.async_api", package="playwright")
    async with playwright.async_playwright() as driver:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        rules = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
        browser = await driver.chromium.launch(executable_path=executable, args=[*arguments, rules], timeout=30_000)
        try:
            page = await browser.new_page(**context)
            page.set_default_timeout(PATIENCE)
            watched = Watched(page, home)
            watched.watch()
            yield watched
        finally:
            await browser.close()


async def start(page: Page, url: str, users: str = "60") -> None:
    """As a user would, in Locust's start form."""
    await page.goto(url)
    await page.locator('[name="userCount"]').fill(users)
    await page.get_by_role("button", name="Start").click()


async def see_figures(view: FrameLocator | Page) -> None:
    """The page's parts, in their order."""
    tile = view.locator(".tile", has_text="Participants")
    await tile.locator(".figure", has_text="60").wait_for()
    await view.locator("#verdict", has_text="(so far)").wait_for()
    await view.locator("#scorecard .chip", has_text="met").first.wait_for()
    await view.locator("#workers td", has_text="worker 2 (beta)").wait_for()
    assert await view.locator("#charts figure").count() == 9
    for title in ("Participants", "Time to join", "Round trip", "Packet loss"):
        chart = view.locator("#charts figure", has_text=title).first
        assert await chart.locator("polyline.line-0").first.get_attribute("points")


async def test_a_campaign_in_locusts_own_page() -> None:
    needs.program("chromium", package="chromium")
    async with site() as there, browser_page(there.url, viewport={"width": 1400, "height": 1000}) as seen:
        page = seen.page
        await start(page, there.url, users="5000")
        await page.get_by_role("alert").filter(has_text="5000 participants are more than the 1000").wait_for()
        await start(page, there.url)
        await page.get_by_role("tab", name="WebRTC").click()
        view = page.frame_locator("#webrtc-live")
        await see_figures(view)
        await view.locator("#errors td", has_text="no picture within 15 s").wait_for()
        assert await page.locator("table").count() == await page.locator("table:visible").count() + 1
        await page.get_by_role("tab", name="Statistics").click()
        await page.locator("#webrtc-live").wait_for(state="detached")
        async with page.expect_download() as download:
            await page.goto(f"{there.url}/webrtc")
            await page.locator('a[href="webrtc/report.json"]').click()
        report = json.loads((await (await download.value).path()).read_text())
        assert report["run"]["id"] == "load-2026-11-22"
        assert not seen.wrong


async def test_the_page_alone_before_and_after_the_start_and_when_locust_goes() -> None:
    needs.program("chromium", package="chromium")
    async with site() as there, browser_page(there.url, viewport={"width": 500, "height": 900}) as seen:
        page = seen.page
        await page.goto(f"{there.url}/webrtc")
        await page.get_by_text("No campaign yet").wait_for()
        async with page.context.expect_page() as opened:
            await page.evaluate("window.open('./', '_blank')")
        other = await opened.value
        await start(other, there.url)
        await see_figures(page)
        width = "document.documentElement.scrollWidth"
        assert await page.evaluate(width) <= 500  # tables scroll within themselves
        chart = page.locator("#charts figure svg[role=img]").first
        await chart.scroll_into_view_if_needed()
        await chart.hover(position={"x": 200, "y": 60})
        assert await page.locator(".moment", has_text="at ").count() == 9
        assert not seen.wrong
        await page.route("**/webrtc/live", lambda route: route.abort())
        await page.locator("#lost", has_text="No answer from Locust").wait_for()


async def test_metrics_are_served_beside_locust() -> None:
    """In a process that Locust has patched, with its web UI."""
    async with site() as there:

        def get(url: str, data: bytes | None = None) -> str:
            with urllib.request.urlopen(url, data, timeout=20) as answer:
                return str(answer.read().decode())

        assert "meetprobe_campaign_running 0.0" in await asyncio.to_thread(get, there.metrics)
        form = b"user_count=60&spawn_rate=10&host=ws://127.0.0.1:8787"
        assert json.loads(await asyncio.to_thread(get, f"{there.url}/swarm", form))["success"]
        for _ in range(100):
            told = await asyncio.to_thread(get, there.metrics)
            if "meetprobe_campaign_running 1.0" in told:
                break
            await asyncio.sleep(0.1)
        assert "meetprobe_participants 60.0" in told
        assert 'meetprobe_worker_trustworthy{worker="worker 2 (beta)"} 1.0' in told
