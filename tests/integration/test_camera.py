"""A stream of the probe's own camera, watched through the test server: what is read against what was sent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from probe.model.errors import ConfigError
from probe.model.platform import Platform
from probe.model.result import RunResult
from probe.model.scenario import Media
from probe.run import RunOptions, run_scenario
from reports.document import build_document
from reports.targets.files import load_profile
from sfu_shim.config import ShimConfig
from sfu_shim.server import ShimServer
from tests.integration.small import VIDEO, bugs, count, mean, phases, run, scenario

WATCH: dict[str, Any] = {
    "topology": "sfu", "watch": True, "settle": 3.2, "after": 0.0, "join_deadline": 8.0, "media": Media(video=VIDEO, audio=None),
}  # fmt: skip


async def _watched(**changes: Any) -> RunResult:
    result = await run(scenario(**WATCH | changes))
    assert not result.errors
    assert [entry["joined"] for entry in result.participants] == [True] * len(result.participants)
    return result


def _latency(result: RunResult) -> float:
    return float(result.summary["one_way_delay_seconds"]["by"]["kind=video"]["p50"])


async def test_the_viewers_read_what_the_camera_sent() -> None:
    result = await _watched()
    if not result.health["trustworthy"]:
        pytest.skip(f"the generator was not well: {result.health['reasons']}")
    assert len(result.participants) == 2
    assert mean(result, "window_frame_rate") == pytest.approx(VIDEO.fps, abs=0.3)
    assert count(result, "window_frame_rate") == count(result, "stream_available_ratio") >= 2 * 2
    assert mean(result, "stream_available_ratio") == 1.0
    assert mean(result, "freeze_ratio") == mean(result, "frames_lost") == mean(result, "frame_id_wrong") == 0.0
    assert 0.0 < _latency(result) < 0.1
    assert mean(result, "video_quality_score") > 4.0
    assert "capture_clock_ratio" not in result.summary  # it is ours: the frame IDs tell


async def test_nobody_counts_the_camera() -> None:
    result = await _watched(participants=1)
    for metric in ("join_success_ratio", "connection_success_ratio", "connection_stability_ratio"):
        assert count(result, metric) == 1, metric
    assert "send_bitrate_bps" not in result.summary
    assert result.summary["concurrent_participants_peak"]["max"] == 1


async def test_an_emulated_delay_is_read_as_latency() -> None:
    near, far = await _watched(), await _watched(network={"down": {"delay": 0.08}})
    if not near.health["trustworthy"] or not far.health["trustworthy"]:
        pytest.skip("the generator was not well")
    assert _latency(far) - _latency(near) == pytest.approx(0.08, abs=0.015)
    assert mean(far, "window_frame_rate") == pytest.approx(VIDEO.fps, abs=0.3)


async def test_a_stream_that_stops_is_a_freeze_and_not_available() -> None:
    """Nothing comes for 2.5 s, in which at least one whole second lies, wherever the seconds begin."""
    network = {"down": {"schedule": [{"at": 2.0, "blackout": 2.5}]}}
    result = await _watched(network=network, settle=6.0, participants=1)
    assert mean(result, "freeze_count") >= 1.0
    assert 0.25 < mean(result, "freeze_ratio") < 0.75
    assert 0.2 < mean(result, "stream_available_ratio") < 0.9
    # What came of it later, sent again, counts where it came: of five or six seconds one has next to nothing.
    assert result.summary["window_frame_rate"]["min"] < 0.1 * VIDEO.fps
    assert mean(result, "window_frame_rate") < 0.9 * VIDEO.fps


async def test_several_streams_each_with_its_viewers() -> None:
    result = await _watched(meetings=2, participants=1)
    assert count(result, "frames_lost") == 2
    assert mean(result, "frame_id_wrong") == 0.0


async def test_a_test_server_elsewhere_is_given_a_camera_too() -> None:
    server = ShimServer(ShimConfig(port=0, token="secret"))
    url = await server.start()
    try:
        result = await run(scenario(**WATCH), RunOptions(platform=Platform(url=url, token="secret")))
    finally:
        await server.stop()
    assert not result.errors
    assert count(result, "frames_lost") == 2


async def test_a_stream_that_nobody_sends_is_a_failed_join() -> None:
    server = ShimServer(ShimConfig(port=0))
    url = (await server.start()).replace("ws://", "http://").removesuffix("/ws")
    try:
        options = RunOptions(platform=Platform(url=f"{url}/whep/empty"))
        result = await run(scenario(**WATCH | {"join_deadline": 1.0, "participants": 1}), options)
    finally:
        await server.stop()
    assert mean(result, "join_success_ratio") == 0.0
    assert phases(result) == {"offer_answer"}
    assert not bugs(result)
    assert "connection_success_ratio" not in result.summary  # the server never answered: nothing was connected to
    document = build_document(result, load_profile("camera-traffic"), "target", None)
    assert (document["verdict"]["exit_code"], document["verdict"]["measured"]) == (4, False)


@pytest.mark.parametrize("url", ["https://host.invalid/whip", "janus+wss://host.invalid/?room=1"])
def test_where_nobody_can_watch_nothing_is_begun(url: str) -> None:
    with pytest.raises(ConfigError, match="without taking part"):
        asyncio.run(run_scenario(scenario(**WATCH), RunOptions(platform=Platform(url=url))))
