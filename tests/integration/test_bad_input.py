"""Servers that are dead, dumb or malicious: every join ends in time, in a named phase, and nothing is taken for a bug."""

from __future__ import annotations

import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from probe.model.errors import ConfigError, MediaError
from probe.model.platform import Platform
from probe.model.result import RunResult
from probe.model.scenario import Media, VideoMedia
from probe.run import RunOptions
from sfu_shim.config import ShimConfig
from sfu_shim.server import ShimServer
from tests.integration import servers
from tests.integration.small import bugs, count, mean, phases, run, scenario

JOIN_DEADLINE = 1.0
LEAVING = 8.0
"""Seconds that leaving two participants may take when the server does not answer, on a busy machine."""

RUBBISH = '{"type": "welcome", "participant": 7}'


async def _failed_run(url: str, token: str = "") -> RunResult:
    """Two participants who can't get in. The run ends soon after the deadline and counts exactly two failed joins."""
    began = time.monotonic()
    result = await run(
        scenario(topology="p2p", settle=0.0, after=0.0, join_deadline=JOIN_DEADLINE),
        RunOptions(platform=Platform(url=url, token=token)),
    )
    assert time.monotonic() - began < 2 * JOIN_DEADLINE + LEAVING
    assert count(result, "join_success_ratio") == 2
    assert mean(result, "join_success_ratio") == 0.0
    assert not count(result, "join_duration_seconds")
    assert not count(result, "connection_stability_ratio")
    assert mean(result, "concurrent_participants_peak") == 0
    assert sum(error.count for error in result.errors) == 2  # one each: nothing is told twice
    assert all(entry["error"] and not entry["joined"] for entry in result.participants)
    assert not bugs(result)
    return result


async def test_nobody_listens() -> None:
    result = await _failed_run(f"ws://127.0.0.1:{await servers.unused_port()}/ws")
    assert phases(result) == {"signalling_connect"}
    assert "is the server running" in result.errors[0].message


@pytest.mark.parametrize(
    ("server", "phase", "said"),
    [
        (servers.mute_server(), "signalling_connect", "not joined within 1 s"),
        (servers.http_server(), "signalling_connect", "HTTP 404"),
        (servers.websocket_server(servers.says(RUBBISH)), "room_join", "what the protocol does not allow"),
        (servers.websocket_server(servers.says("<html>")), "room_join", "what the protocol does not allow"),
        (servers.websocket_server(servers.says(b"\x00\xff")), "room_join", "binary data"),
        (servers.websocket_server(servers.closes_at_once), "room_join", "closed"),
        (servers.websocket_server(servers.never_answers), "room_join", "not joined within 1 s"),
        (servers.websocket_server(servers.welcomes()), "offer_answer", "no description came"),
        (servers.websocket_server(servers.answers_with(servers.unknown_codecs)), "offer_answer", "no codec in common"),
        (servers.websocket_server(servers.answers_with(servers.complains)), "offer_answer", "no such luck"),
    ],
    ids=[
        "mute", "no-websocket", "rubbish", "no-json", "binary", "closes-at-once", "silent", "welcome-only",
        "no-usable-codec", "sfu-complains",
    ],
)  # fmt: skip
async def test_a_server_that_misbehaves(server: AbstractAsyncContextManager[str], phase: str, said: str) -> None:
    async with server as url:
        result = await _failed_run(url)
    assert phases(result) == {phase}
    assert all(said in error.message for error in result.errors)


async def test_a_wrong_token() -> None:
    server = ShimServer(ShimConfig(port=0, token="right"))
    url = await server.start()
    result = await _failed_run(url, token="wrong")
    await server.stop()
    assert phases(result) == {"room_join"}
    assert all("--token" in error.message for error in result.errors)


async def test_ice_that_never_connects() -> None:
    async with servers.websocket_server(servers.answers_with(servers.dead_candidate)) as url:
        result = await _failed_run(url)
    assert phases(result) == {"ice_connected"}
    assert count(result, "connection_success_ratio", "topology=sfu") == 2
    assert mean(result, "connection_success_ratio") == 0.0
    assert not count(result, "p2p_connection_success_ratio")


async def test_a_welcome_to_an_empty_room_is_a_join_without_a_time() -> None:
    async with servers.websocket_server(servers.welcomes(members=())) as url:
        result = await run(scenario(settle=0.0, after=0.0), RunOptions(platform=Platform(url=url)))
    assert mean(result, "join_success_ratio") == 1.0
    assert not count(result, "join_duration_seconds")
    assert mean(result, "connection_stability_ratio") == 1.0
    assert not result.errors


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "ws://", "meet", "ws://host:99999", ""])
async def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(ConfigError):
        await run(scenario(), RunOptions(platform=Platform(url=url)))


async def test_media_that_is_none(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"not a film")
    broken = Media(video=VideoMedia(width=160, height=90, fps=10, bitrate_bps=60_000, seconds=2, file=clip))
    with pytest.raises(MediaError, match=r"clip\.mp4"):
        await run(scenario(media=broken))


async def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    with pytest.raises(ConfigError, match="--out"):
        await run(scenario(), RunOptions(spool=file / "below"))
