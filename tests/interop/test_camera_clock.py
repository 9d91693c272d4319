"""A stream of ours, watched as if it were somebody else's: what its clock tells against what its frame numbers tell, whatever
the time on the camera's and the server's machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from types import SimpleNamespace

import pytest

import probe.rtc.clock
from probe.media.audio import EncodedAudio
from probe.media.video import EncodedVideo
from probe.model.platform import Platform
from probe.model.result import RunResult
from probe.model.scenario import Media, Scenario, VideoMedia
from probe.run import RunOptions, run_scenario
from probe.signalling.access import Access
from probe.signalling.whep import WhepSignalling
from probe.signalling.whip import WhipSignalling
from sfu_shim.config import ShimConfig
from sfu_shim.server import ShimServer
from tests.interop.stage import open_stage

pytestmark = pytest.mark.timeout(60)

WATCH = Scenario(
    name="watch", topology="sfu", watch=True, participants=1, settle=4, after=0, targets="camera-traffic",
    horizon="target", media=Media(video=VideoMedia(), audio=None),
)  # fmt: skip
NOISE = 0.03
"""Seconds by which two decoders of one busy machine may differ."""


@contextmanager
def _wall_clock(ahead: float) -> Iterator[None]:
    """Who asks for the time meanwhile lives that many seconds ahead, for good."""
    wrong = SimpleNamespace(time=lambda: time.time() + ahead, monotonic=time.monotonic)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe.rtc.clock, "time", wrong)
        yield


async def _watched(video: EncodedVideo, audio: EncodedAudio, server: float, camera: float) -> tuple[RunResult, float]:
    """What a run reads, and the latency by frame numbers, of a viewer of the camera's own."""
    with _wall_clock(server):
        shim = ShimServer(ShimConfig(port=0))
        url = (await shim.start()).replace("ws://", "http://").removesuffix("/ws")
    try:
        with _wall_clock(camera):
            staging = open_stage(video, audio)
            stage = await staging.__aenter__()
        try:
            await stage.enter(WhipSignalling(f"{url}/whip/stage", Access()), "ann")
            await stage.enter(WhepSignalling(f"{url}/whep/stage", Access()), "ben")
            async with asyncio.timeout(30):
                result = await run_scenario(WATCH, RunOptions(platform=Platform(url=f"{url}/whep/stage")))
        finally:
            await staging.__aexit__(None, None, None)
    finally:
        await shim.stop()
    assert not result.errors
    known = [s.value for s in stage.samples if s.metric == "one_way_delay_seconds" and s.tags["kind"] == "video"]
    return result, median(known)


@pytest.mark.parametrize(
    ("server", "camera", "sources"),
    [
        (0.0, 0.0, {"synchronised", "estimated"}),  # a millisecond more or less decides
        (40.0, 40.0, {"estimated"}),
        (-40.0, -40.0, {"estimated"}),
        (0.0, 0.2, {"synchronised", "estimated"}),
        (40.0, 40.2, {"estimated"}),
    ],
)
async def test_the_clock_tells_what_the_frame_numbers_tell(
    videos: dict[str, EncodedVideo], audio: EncodedAudio, server: float, camera: float, sources: set[str]
) -> None:
    result, known = await _watched(videos["VP8"], audio, server, camera)
    delay = result.summary["one_way_delay_seconds"]["by"]["kind=video"]
    error = result.summary["capture_clock_error_seconds"]
    assert {tag.partition("=")[2] for tag in error["by"]} <= sources
    assert delay["count"] > 40
    assert abs(delay["p50"] - known) < error["max"] + NOISE
    assert abs(server - camera) - NOISE < error["max"] < abs(server - camera) + 0.1


async def test_a_camera_that_lives_in_another_time_than_its_server_is_not_believed(
    videos: dict[str, EncodedVideo], audio: EncodedAudio
) -> None:
    result, _ = await _watched(videos["VP8"], audio, 0.0, 40.0)
    assert "kind=video" not in result.summary.get("one_way_delay_seconds", {}).get("by", {})
    assert result.summary["capture_clock_ratio"]["by"]["source=apart"]["count"] == 1
