"""The page in a real browser that has no network: nothing is asked for, nothing goes wrong, tables sort, telephones see it all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from reports.html import render_html
from tests.interop import needs
from tests.reports.full import BESIDE, PICTURE, full_document

if TYPE_CHECKING:
    from playwright.async_api import Page

_TIMEOUT = 15_000


@asynccontextmanager
async def shown(folder: Path, **context: Any) -> AsyncIterator[tuple[Page, list[str], list[str]]]:
    """The page, with what it asked for and what went wrong. Skips (or fails, see `needs`) without Chromium or playwright."""
    executable = needs.program("chromium", package="chromium")
    playwright = needs.module("playwright.async_api", package="playwright")
    document = full_document(browsers=BESIDE)
    document["worst_frames"] = [{"image": PICTURE, "participant": "a", "time_seconds": 1.0}]
    path = folder / "report.html"
    path.write_text(render_html(document), encoding="utf-8")
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-gpu", "--no-first-run"], timeout=30_000
        )
        try:
            opened = await browser.new_context(offline=True, **context)
            opened.set_default_timeout(_TIMEOUT)
            page, asked, wrong = await opened.new_page(), list[str](), list[str]()
            page.on("request", lambda request: asked.append(request.url))
            page.on("console", lambda message: wrong.append(message.text))
            page.on("pageerror", lambda error: wrong.append(str(error)))
            await page.goto(path.as_uri())
            yield page, asked, wrong
        finally:
            await browser.close()


async def column(page: Page, place: int) -> list[str]:
    found: list[str] = await page.eval_on_selector_all(
        f"#participants tbody td:nth-child({place})", "cells => cells.map(cell => cell.textContent)"
    )
    return found


async def test_it_opens_offline_and_sorts(tmp_path: Path) -> None:
    async with shown(tmp_path) as (page, asked, wrong):
        assert await column(page, 2) == ["p1", "p2", "p3"]
        head = page.locator("#participants th").nth(4)
        await head.locator("button").click()
        assert await head.get_attribute("aria-sort") == "ascending"
        assert await column(page, 5) == ["100 ms", "200 ms", "–"]
        await head.locator("button").click()
        assert await head.get_attribute("aria-sort") == "descending"
        assert await column(page, 5) == ["200 ms", "100 ms", "–"]  # what is not known stays last
        await page.locator("#participants th").nth(1).locator("button").click()
        assert await column(page, 2) == ["p1", "p2", "p3"]
        assert [url for url in asked if not url.startswith("data:")] == [(tmp_path / "report.html").as_uri()]
        assert wrong == []


async def test_a_chart_tells_what_is_under_the_pointer(tmp_path: Path) -> None:
    async with shown(tmp_path) as (page, _, wrong):
        chart = page.locator("#time svg[data-chart]").first
        await chart.hover(position={"x": 60, "y": 60})
        told = await page.locator("#time .tip").text_content()
        assert told is not None
        assert told.startswith("0.5 s · P2P: 1 ms · SFU: 4 ms")
        await page.mouse.move(1, 1)
        assert await page.locator("#time .tip").count() == 0
        assert wrong == []


@pytest.mark.parametrize("width", [400, 1280])
async def test_nothing_is_wider_than_the_window(tmp_path: Path, width: int) -> None:
    async with shown(tmp_path, viewport={"width": width, "height": 900}) as (page, _, _):
        await page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true; })")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_without_javascript_everything_is_there(tmp_path: Path) -> None:
    async with shown(tmp_path, java_script_enabled=False) as (page, _, wrong):
        assert await page.locator("h1").text_content() == "✓No target missed: 3 proven, 5 not proven yet"
        assert await page.locator("#time svg").count() == 3
        assert await page.locator("#participants tbody tr").count() == 3
        assert await page.locator("th button").count() == 0
        assert wrong == []
