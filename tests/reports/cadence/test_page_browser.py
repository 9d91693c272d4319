"""The pages in a real browser that has no network: nothing is asked for, telephones see it all, a board reads one sheet."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from reports.cadence.audiences import AUDIENCES
from reports.cadence.page import render
from tests.interop import needs
from tests.reports.cadence.build import eventful, report, two_weeks

_TIMEOUT = 30_000


async def test_pages_open_offline_fit_a_telephone_and_print(tmp_path: Path) -> None:
    executable = needs.program("chromium", package="chromium")
    playwright = needs.module("playwright.async_api", package="playwright")
    found = report(two_weeks(tmp_path, eventful))
    sheets = {}
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-gpu", "--no-first-run"], timeout=_TIMEOUT
        )
        try:
            for audience in AUDIENCES:
                path = tmp_path / f"{audience}.html"
                path.write_text(render(dataclasses.replace(found, audience=audience)), encoding="utf-8")
                context = await browser.new_context(offline=True, viewport={"width": 400, "height": 800})
                page, asked, wrong = await context.new_page(), list[str](), list[str]()
                page.set_default_timeout(_TIMEOUT)
                page.on("request", lambda request, asked=asked: asked.append(request.url))
                page.on("console", lambda message, wrong=wrong: wrong.append(message.text))
                await page.goto(path.as_uri())
                assert (asked, wrong) == ([path.as_uri()], [])
                assert await page.evaluate("document.documentElement.scrollWidth") == 400, audience
                sheets[audience] = len(re.findall(rb"/Type\s*/Page\b", await page.pdf(prefer_css_page_size=True)))
                await context.close()
        finally:
            await browser.close()
    assert (sheets["leadership"], sheets["board"]) == (1, 1)
    assert max(sheets.values()) <= 3


@pytest.mark.parametrize("audience", sorted(AUDIENCES))
def test_colours_are_never_alone(tmp_path: Path, audience: str) -> None:
    """Every mark is a sign or a word too."""
    page = render(dataclasses.replace(report(two_weeks(tmp_path, eventful)), audience=audience))
    marked = re.findall(r'class="(?:verdict )?(?:on|near|below)">([^<]*)<', page)
    assert marked
    assert all(re.match(r"[✓≈✗▲▼≥≤<>&]", words) for words in marked), marked
