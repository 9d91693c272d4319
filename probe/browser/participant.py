"""A participant that is a Chromium: it joins on the shim's meeting page, and what it sees comes as samples of our metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from probe.browser.chromium import Chromium, close
from probe.browser.readings import BrowserReadings, join_samples, migration_samples
from probe.browser.stats_map import path_report
from probe.model.errors import ConfigError, ConnectionFailed, MeasurementError, ProbeError, SignallingError
from probe.model.samples import Sample
from probe.model.url import without_secrets

if TYPE_CHECKING:
    from playwright.async_api import Page

LOOK_INTERVAL = 1.0
CALL_DEADLINE = 5.0
LEAVE_DEADLINE = 4.0
_POLL = 0.1


def door_url(url: str) -> str:
    """The page of the shim whose signalling is at `url`, before anybody joins. Raises ConfigError for a URL that is no shim's."""
    parts = urlsplit(url)
    schemes = {"ws": "http", "wss": "https"}
    if parts.scheme not in schemes:
        raise ConfigError(
            f"{without_secrets(url)} is no shim's ws:// or wss:// address",
            who="browser",
            phase="configuration",
            hint="browsers join meetings of the shim only",
        )
    return urlunsplit((schemes[parts.scheme], parts.netloc, "/", "", ""))


def page_url(url: str, room: str, name: str, token: str = "", *, camera: bool = True) -> str:
    """The same page, where `name` joins `room` at once. The token stands in the fragment, which no server sees."""
    query = urlencode({"name": name, "auto": "1", "camera": "1" if camera else "0"})
    fragment = urlencode({"token": token}) if token else ""
    return f"{door_url(url)}meet/{quote(room, safe='')}?{query}{f'#{fragment}' if fragment else ''}"


class ChromiumParticipant:
    """`await join(...)`, later `await leave()`. `sink` gets its samples; `clock` gives seconds of the run."""

    def __init__(
        self, browser: Chromium, url: str, token: str, sink: Callable[[Sample], None], clock: Callable[[], float]
    ) -> None:
        self.participant = ""
        self.name = ""
        self.errors: list[ProbeError] = []
        self._browser = browser
        self._url = url
        self._token = token
        self._sink = sink
        self._clock = clock
        self._page: Page | None = None
        self._looking: asyncio.Task[None] | None = None
        self._readings = BrowserReadings("")
        self._state: dict[str, Any] = {}

    @property
    def topology(self) -> str | None:
        """What carries it, as the page last said."""
        return self._state.get("topology")

    async def join(self, room: str, name: str, deadline: float) -> None:
        """Enter and wait for the first picture of another; who is alone there is done when it is in.

        Raises SignallingError (it did not get in) or ConnectionFailed (no picture came) at the deadline, in seconds.
        """
        self.name, self._readings = name, BrowserReadings(name)
        self._page = await self._browser.take_page()
        self._page.on("pageerror", self._page_error)
        try:
            async with asyncio.timeout(deadline):
                await self._enter(page_url(self._url, room, name, self._token))
        except TimeoutError:
            raise self._too_late(deadline) from None
        self.participant = str(self._state["me"])
        for sample in join_samples(self._state["marks"], str(self.topology), name, self._clock()):
            self._sink(sample)
        self._looking = asyncio.create_task(self._look())

    async def _enter(self, address: str) -> None:
        from playwright.async_api import Error

        assert self._page is not None
        try:
            await self._page.goto(address)
        except Error as error:
            what = str(error).splitlines()[0].replace(address, without_secrets(address))
            raise SignallingError(
                f"the meeting page does not open: {what}", who=self.name, phase="signalling_connect",
                hint="is it a shim, and a version that has the page?",
            ) from error  # fmt: skip
        while True:
            self._state = await self._ask("meetprobe.state()")
            if self._state["phase"] == "meeting" and (not self._state["members"] or "picture" in self._state["marks"]):
                return
            if self._state["notice"]:
                raise SignallingError(str(self._state["notice"]), who=self.name, phase="room_join")
            await asyncio.sleep(_POLL)

    def _too_late(self, deadline: float) -> ProbeError:
        if self._state.get("me"):
            bad = [note["text"] for note in self._state["notes"] if note["level"] == "bad"]
            message = f"no picture within {deadline:g} s{': ' + bad[-1] if bad else ''}"
            return ConnectionFailed(message, who=self.name, phase="first_decoded", hint="did ICE find a way?")
        return SignallingError(f"not in the room within {deadline:g} s", who=self.name, phase="room_join")

    async def _ask(self, expression: str) -> Any:
        """What an expression is worth on the page. Raises MeasurementError when the page is gone."""
        from playwright.async_api import Error

        assert self._page is not None
        try:
            async with asyncio.timeout(CALL_DEADLINE):
                return await self._page.evaluate(expression)
        except (Error, TimeoutError) as error:
            what = (str(error) or "no answer").splitlines()[0]
            raise MeasurementError(f"the page is gone: {what}", who=self.name, phase="stats") from error

    # once a second

    async def _look(self) -> None:
        try:
            while True:
                await self.look()
                await asyncio.sleep(LOOK_INTERVAL)
        except ProbeError as error:
            self.errors.append(error)

    async def look(self) -> None:
        """Take its reports now. Raises MeasurementError when the page is gone or says something else."""
        self._state = await self._ask("meetprobe.state()")
        if self._state["phase"] != "meeting":
            raise SignallingError(str(self._state["notice"] or "it left"), who=self.name, phase="in_call")
        found = await self._ask("meetprobe.reports()")
        for sample in self._readings.take([path_report(raw) for raw in found["reports"]], self._clock()):
            self._sink(sample)

    def _page_error(self, error: object) -> None:
        self.errors.append(MeasurementError(f"the page raised {error}", who=self.name, phase="page"))

    # the end

    async def leave(self) -> None:
        """Leave, tell what is final, give the page back. Ends within seconds. Idempotent."""
        page = self._page
        if page is None:
            return
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        await self._last_look()
        self._page = None
        page.remove_listener("pageerror", self._page_error)
        if self.errors:
            await close(page)
            return
        from playwright.async_api import Error

        with suppress(Error, TimeoutError):  # a page that is gone has left
            async with asyncio.timeout(LEAVE_DEADLINE):
                await page.evaluate("meetprobe.leave()")
        await self._browser.give_back(page, door_url(self._url))

    async def _last_look(self) -> None:
        if self.participant and not self.errors:
            try:
                await self.look()
            except ProbeError as error:
                self.errors.append(error)
        for sample in self._readings.finish(self._clock()):
            self._sink(sample)
        for sample in migration_samples(self._state.get("moves", ()), self.name, self._clock()):
            self._sink(sample)
