"""Headless Chromium, started once, with a page per participant. Needs the extra `browser` (playwright) and a Chromium."""

from __future__ import annotations

import asyncio
import importlib
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from probe.model.errors import ConfigError, MeasurementError

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

EXECUTABLE = "MEETPROBE_CHROMIUM"
"""The environment variable that names another executable."""
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
START_DEADLINE = 30.0
CLOSE_DEADLINE = 10.0
GIVE_BACK_DEADLINE = 3.0
ARGUMENTS = (
    "--disable-gpu",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--mute-audio",
)


def executable() -> str:
    """The Chromium to start. Raises ConfigError where there is none."""
    named = os.environ.get(EXECUTABLE)
    found = shutil.which(named) if named else next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        what = f"{EXECUTABLE}={named} is no executable" if named else "no Chromium was found"
        raise ConfigError(
            what, who="browser", phase="configuration", hint=f"install Debian's chromium, or name one in {EXECUTABLE}"
        )
    return found


class Chromium:
    """`take_page` for every participant, `give_back` after it. A page is a process, whose start takes a core for a moment: who
    must not disturb a meeting by it calls `warm_up` before."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._spare: list[Page] = []

    async def warm_up(self, count: int, address: str) -> None:
        """So many pages, at that address of the server that they will be used with. Raises MeasurementError."""
        from playwright.async_api import Error

        for _ in range(count):
            page = await self._new_page()
            self._spare.append(page)
            try:
                await page.goto(address, timeout=START_DEADLINE * 1000)
            except Error as error:
                raise MeasurementError(
                    f"the meeting page does not open: {_first_line(error)}", who="browser", phase="start",
                    hint="is the target a shim, and a version that has the page?",
                ) from error  # fmt: skip

    async def take_page(self) -> Page:
        """A warm one where there is one. Raises MeasurementError when the browser is gone."""
        return self._spare.pop() if self._spare else await self._new_page()

    async def give_back(self, page: Page, address: str) -> None:
        """It has left its meeting, and waits at that address for the next one. One that is in trouble is closed."""
        from playwright.async_api import Error

        try:
            await page.goto(address, timeout=GIVE_BACK_DEADLINE * 1000)
            self._spare.append(page)
        except (Error, TimeoutError):
            await close(page)

    async def _new_page(self) -> Page:
        """In a context of its own: nothing is shared."""
        from playwright.async_api import Error

        try:
            async with asyncio.timeout(START_DEADLINE):
                context = await self._browser.new_context(viewport={"width": 800, "height": 600})
                return await context.new_page()
        except (Error, TimeoutError) as error:
            raise MeasurementError(
                f"the browser gives no page: {_first_line(error)}", who="browser", phase="start", hint="did it crash?"
            ) from error


@asynccontextmanager
async def chromium(fps: int) -> AsyncIterator[Chromium]:
    """Chromium with a made-up camera of `fps`, ended with the context. Raises ConfigError where something is missing or it does
    not start."""
    path = executable()
    try:
        api = importlib.import_module("playwright.async_api")
    except ModuleNotFoundError as error:
        raise ConfigError(
            "playwright is not installed", who="browser", phase="configuration", hint="pip install 'meetprobe[browser]'"
        ) from error
    async with api.async_playwright() as driver:
        browser = await _launch(api, driver, path, fps)
        try:
            yield Chromium(browser)
        finally:
            async with asyncio.timeout(CLOSE_DEADLINE):
                await browser.close()


async def _launch(api: object, driver: object, path: str, fps: int) -> Browser:
    """Chromium's sandbox does not start for root, who has to say that it is not wanted."""
    arguments = [
        *ARGUMENTS,
        f"--use-fake-device-for-media-stream=fps={fps}",
        *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
    ]
    try:
        browser: Browser = await driver.chromium.launch(  # type: ignore[attr-defined]
            executable_path=path, args=arguments, timeout=START_DEADLINE * 1000
        )
    except api.Error as error:  # type: ignore[attr-defined]
        raise ConfigError(
            f"{path} does not start: {_first_line(error)}", who="browser", phase="start", hint=f"try {path} --headless"
        ) from error
    return browser


async def close(page: Page) -> None:
    """For good, within seconds; one that is gone is closed."""
    from playwright.async_api import Error

    with suppress(Error, TimeoutError):
        async with asyncio.timeout(CLOSE_DEADLINE):
            await page.context.close()


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
