"""Streams that are not ours, watched as cameras are: by whole runs, through the shim and through a server that shares no code with us."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from probe.measure.capture_clock import WHY_NOT
from probe.model.platform import Platform
from probe.model.result import RunResult
from probe.model.scenario import Media, Scenario, VideoMedia
from probe.run import RunOptions, run_scenario
from reports.document import build_document
from reports.targets.files import load_profile
from sfu_shim.config import ShimConfig
from sfu_shim.server import ShimServer
from tests.interop import needs
from tests.interop.browser import BrowserPage, open_page
from tests.interop.party import DEADLINE

pytestmark = pytest.mark.timeout(90)

TOKEN = "camera"
WATCH = Scenario(
    name="watch", topology="sfu", watch=True, participants=2, join_spacing=0.1, settle=6, after=0, targets="camera-traffic",
    horizon="target", media=Media(video=VideoMedia(), audio=None), judges=("frame_rate", "frame_latency"),
)  # fmt: skip


async def _watch(camera: BrowserPage, url: str, **changes: Any) -> RunResult:
    """What two viewers read of it, with the frame rate that the camera itself says it had meanwhile."""
    scenario = WATCH.model_copy(update=changes)
    before = await camera.call("sent")
    async with asyncio.timeout(45):
        result = await run_scenario(scenario, RunOptions(platform=Platform(url=url, token=TOKEN)))
    after = await camera.call("sent")
    assert not result.errors
    assert [entry["joined"] for entry in result.participants] == [True, True]
    _pictures_are_read_and_not_rated(
        result, (after["frames"] - before["frames"]) / (after["seconds"] - before["seconds"])
    )
    return result


def _found(result: RunResult, metric: str, tag: str = "") -> Mapping[str, Any]:
    found: Mapping[str, Any] = result.summary[metric]
    return found["by"][tag] if tag else found


def _row(result: RunResult, name: str) -> Mapping[str, Any]:
    """What it says of the stream, whether or not this machine was quiet."""
    quiet = replace(result, health={**result.health, "trustworthy": True, "reasons": []})
    document = build_document(quiet, load_profile("camera-traffic"), "target", WATCH.judges)
    row: Mapping[str, Any] = next(row for row in document["kpis"] if row["kpi"] == name)
    return row


def _pictures_are_read_and_not_rated(result: RunResult, fps: float) -> None:
    assert fps > 5
    assert _found(result, "window_frame_rate")["mean"] == pytest.approx(fps, rel=0.1)
    assert _found(result, "window_frame_rate")["count"] >= 8
    assert _found(result, "stream_available_ratio")["mean"] == 1.0
    for metric in ("video_mos", "video_quality_score", "frame_id_unread_ratio", "frame_id_wrong", "frames_lost"):
        assert metric not in result.summary, metric


@pytest.fixture
async def shim() -> AsyncIterator[str]:
    server = ShimServer(ShimConfig(port=0, token=TOKEN))
    url = await server.start()
    yield url.replace("ws://", "http://").removesuffix("/ws")
    await server.stop()


async def test_a_browser_s_stream_that_carries_no_clock(shim: str) -> None:
    async with open_page("whip.html") as camera:
        await camera.call("publish", f"{shim}/whip/street", TOKEN)
        result = await _watch(camera, f"{shim}/whep/street")
    assert "kind=video" not in result.summary.get("one_way_delay_seconds", {}).get("by", {})
    assert _found(result, "capture_clock_ratio", "source=none")["count"] == 2
    row = _row(result, "frame_latency")
    assert row["status"] == "inconclusive"
    assert WHY_NOT["none"] in row["evidence"]
    assert any("2 streams of others: VP8 320×240" in note for note in result.notes)
    assert any(WHY_NOT["none"] in note for note in result.notes)


async def test_a_browser_s_stream_that_carries_a_clock(shim: str) -> None:
    """The second time with 80 ms on the way to the viewers, and none back: the most that half a round trip can be wrong by."""
    async with open_page("whip.html") as camera:
        await camera.call("publish", f"{shim}/whip/street", TOKEN, True)
        result = await _watch(camera, f"{shim}/whep/street")
        far = await _watch(camera, f"{shim}/whep/street", network={"down": {"delay": 0.08}})
    assert _found(result, "capture_clock_ratio")["mean"] == 1.0
    error = _found(result, "capture_clock_error_seconds")
    delay = _found(result, "one_way_delay_seconds", "kind=video")
    assert delay["count"] > 50
    assert 0.0 < delay["p50"] < 0.3  # one machine: capture, encoder, and a decoder of ours
    assert error["p50"] < 0.1
    assert _row(result, "frame_latency")["count"] == delay["count"]
    more = _found(far, "one_way_delay_seconds", "kind=video")["p50"] - delay["p50"]
    assert abs(more - 0.08) < _found(far, "capture_clock_error_seconds")["max"] + error["max"] + 0.02
    assert 0.04 <= _found(far, "capture_clock_error_seconds")["min"] < 0.15


@asynccontextmanager
async def _werift() -> AsyncIterator[str]:
    node = needs.node_package("werift")
    script = Path(__file__).parent / "werift_server.cjs"
    process = await asyncio.create_subprocess_exec(
        node, str(script), TOKEN, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        async with asyncio.timeout(DEADLINE):
            words = (await process.stdout.readline()).decode().split()
        yield f"http://127.0.0.1:{words[1]}"
    finally:
        process.stdin.close()
        async with asyncio.timeout(DEADLINE):
            await process.wait()


async def test_a_browser_s_stream_through_another_server() -> None:
    async with _werift() as url, open_page("whip.html") as camera:
        await camera.call("publish", f"{url}/whip", TOKEN)
        result = await _watch(camera, f"{url}/whep")
    assert _found(result, "capture_clock_ratio", "source=none")["count"] == 2
