"""The calls of a real Janus, over both of its ways, and of the shim by both of its protocols: each is named, timed and no error."""

from __future__ import annotations

from typing import Literal

import pytest

from probe.measure.summary import Summary
from probe.model.platform import Platform
from probe.model.scenario_files import parse_scenario
from probe.run import RunOptions, run_scenario
from sfu_shim.config import ShimConfig
from sfu_shim.server import ShimServer
from tests.bench.janus_server import ROOM
from tests.interop.janus import open_janus

pytestmark = pytest.mark.timeout(120)
SCENARIO = {
    "name": "calls",
    "topology": "sfu",
    "participants": 3,
    "settle": 3.0,
    "after": 0.5,
    "media": {"video": None},
}


async def called(platform: Platform | None, **changes: object) -> dict[str, int]:
    """How often each call was made. Asserts that all were answered, and timed."""
    scenario = parse_scenario({**SCENARIO, **changes}, source="test")
    result = await run_scenario(scenario, RunOptions(platform))
    assert result.errors == ()
    found = Summary.from_dict(result.summary)
    errors, times = found.histogram("http_error_ratio"), found.histogram("http_response_seconds")
    assert errors is not None
    assert times is not None
    assert errors.sum == 0.0, found.tags("http_error_class_ratio")
    assert times.count == errors.count
    assert times.minimum is not None
    assert times.minimum > 0.0
    return {
        tag.removeprefix("call="): histogram.count
        for tag in found.tags("http_error_ratio")
        if tag.startswith("call=") and (histogram := found.histogram("http_error_ratio", tag)) is not None
    }


@pytest.mark.parametrize("way", ["ws", "http"])
async def test_janus(way: Literal["ws", "http"]) -> None:
    async with open_janus() as janus:
        server = f"{janus.websocket}/" if way == "ws" else janus.http
        found = await called(Platform(url=f"janus+{server}?room={ROOM}"))
    first = {"ws": "connect", "http": "info"}[way]
    starts, more = found.pop("start"), found.pop("subscribe")
    assert found == {first: 3, "create": 3, "attach": 6, "join": 3, "publish": 3, "unpublish": 3, "destroy": 3}
    assert more >= 3
    assert starts >= more


async def test_whip_at_the_shim() -> None:
    server = ShimServer(ShimConfig(port=0, token="hush"))
    url = (await server.start()).replace("ws:", "http:").removesuffix("/ws")
    try:
        found = await called(
            Platform(url=f"whip+{url}/whip/{{room}}", token="hush"),
            http=[{"name": "endpoint", "url": "/whip/x", "method": "OPTIONS", "token": True}],
        )
    finally:
        await server.stop()
    assert found.pop("check endpoint") >= 1
    patches = found.pop("PATCH", 0)
    assert patches <= 6
    assert found == {"OPTIONS": 3, "POST": 3, "DELETE": 3}


async def test_the_shim_and_a_check_of_it() -> None:
    found = await called(None, http=[{"name": "health", "url": "/healthz", "every": 1}])
    checks = found.pop("check health")
    assert checks >= 3
    assert found == {"connect": 3, "join": 3}
