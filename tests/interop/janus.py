"""The real Janus for a test, and somebody else's client in its room."""

from __future__ import annotations

import os
import statistics
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import aiohttp
import pytest

from probe.client.meeting import Meeting
from probe.client.vmaf_samples import VmafSamples
from probe.measure.join import PHASES
from probe.measure.savings import SavingsLedger
from probe.model.samples import Sample
from probe.model.scenario import Scenario
from probe.signalling.access import Access
from probe.signalling.janus import JanusSignalling
from probe.stage import networks_of, prepare, stage
from tests.bench import janus_server
from tests.bench.janus_room import JanusMeeting
from tests.bench.janus_server import ROOM, Janus
from tests.interop.browser import BrowserPage, open_page

Way = Literal["ws", "http"]


@asynccontextmanager
async def open_janus(*, full_trickle: bool = False, tcp: bool = False) -> AsyncIterator[Janus]:
    """Skips where it is not installed, and fails there with MEETPROBE_REQUIRE_SYSTEM=1."""
    if (missing := janus_server.why_not()) is not None:
        if os.environ.get("MEETPROBE_REQUIRE_SYSTEM") == "1":
            pytest.fail(f"missing: {missing}", pytrace=False)
        pytest.skip(f"missing: {missing}")
    async with janus_server.serving(full_trickle=full_trickle, tcp=tcp) as janus:
        yield janus


def adapter(janus: Janus, way: Way = "ws", options: str = f"room={ROOM}") -> JanusSignalling:
    """A fresh one, which enters the configured room unless told otherwise."""
    server = f"{janus.websocket}/" if way == "ws" else janus.http
    return JanusSignalling(f"janus+{server}?{options}", Access())


@asynccontextmanager
async def stranger(janus: Janus, *, layered: bool = False) -> AsyncIterator[JanusMeeting]:
    """A client that is not this adapter, publishing in the room. Its peer connection is open; it sends nothing. `layered`: it
    says that it sends simulcast layers."""
    async with aiohttp.ClientSession() as http:
        meeting = JanusMeeting(http)
        await meeting.open(janus.websocket, 0, layered=layered)
        try:
            yield meeting
        finally:
            await meeting.close()


@asynccontextmanager
async def chromium_with_layers(janus: Janus) -> AsyncIterator[BrowserPage]:
    """Chromium publishes its camera in three layers: 960x540, a half, and a quarter of that."""
    async with open_page("simulcast.html") as page, aiohttp.ClientSession() as http:
        meeting = JanusMeeting(http)
        try:
            answer = await meeting.publish_for(janus.websocket, await page.call("offer"))
            await page.call("accept", answer)
            yield page
        finally:
            await meeting.close()


async def hold(janus: Janus, scenario: Scenario) -> tuple[Meeting, list[Sample]]:
    """A whole meeting in the configured room, as a run holds it. Returns it when everybody has left, and all it measured."""
    samples: list[Sample] = []
    contents = await prepare(scenario)
    async with stage(scenario, janus.websocket, contents, networks_of(scenario), samples.append) as context:
        meeting = Meeting(
            context, scenario, "meeting", lambda: adapter(janus), lambda: contents.media(context.rng), SavingsLedger(),
            VmafSamples(context, enabled=False), lambda change: None,
        )  # fmt: skip
        await meeting.run(context.clock.now())
        assert not context.crashes
        assert not context.errors
    return meeting, samples


def by_metric(samples: list[Sample]) -> dict[str, list[float]]:
    """Values in the order in which they were measured."""
    found = defaultdict[str, list[float]](list)
    for sample in samples:
        found[sample.metric].append(sample.value)
    return found


def phases(samples: list[Sample]) -> str:
    """A table of the joins: median and greatest milliseconds of each phase, and of all together."""
    found = defaultdict[str, list[float]](list)
    for sample in samples:
        if sample.metric == "join_phase_seconds":
            found[dict(sample.tags)["phase"]].append(1000 * sample.value)
        elif sample.metric == "join_duration_seconds":
            found["total"].append(1000 * sample.value)
    ordered = [name for name in (*PHASES, "total") if name in found]
    return "\n".join(f"{name:20} {statistics.median(found[name]):7.1f} {max(found[name]):7.1f}" for name in ordered)
