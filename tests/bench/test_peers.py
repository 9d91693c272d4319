"""aiortc's, Chromium's and the servers' rows: what they send, how counts become figures, what is missing. Nothing is run."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
from typing import Any

import pytest
from aiortc.codecs.vpx import Vp8Encoder

from tests.bench import aiortc_pairs, chromium, janus_server, servers
from tests.bench.aiortc_peer import AUDIO_CLOCK, FRAME, FRAMES_PER_SECOND, SOUND, VIDEO_CLOCK, Packets
from tests.bench.chromium_peer import PAGES, STAGES, Stages, result
from tests.bench.processes import Usage
from tests.bench.row import NotInstalled, PeerFailed

COUNTS: dict[str, Any] = {
    "participants": 2,
    "seconds": 5.0,
    "setup_cpu_seconds": 0.1,
    "cpu_seconds": 2.0,
    "packets_received": 1000,
    "packets_sent": 1000,
    "frames_decoded": 300,
    "idle_rss_bytes": 10,
    "rss_bytes": 1_000_010,
}


def _commands(monkeypatch: pytest.MonkeyPatch, module: Any, found: Any) -> list[list[str]]:
    commands: list[list[str]] = []

    def run(command: list[str], **_: Any) -> Any:
        commands.append(command)
        return found

    monkeypatch.setattr(module, "run_json", run)
    return commands


# aiortc


async def _track(kind: str, data: bytes, rate: float, clock: int) -> Packets:
    begin = asyncio.Event()
    begin.set()
    return Packets(kind, data, rate, clock, begin)


async def test_a_frame_makes_two_packets_of_the_work_s_size_on_average() -> None:
    track = await _track("video", FRAME, FRAMES_PER_SECOND, VIDEO_CLOCK)
    encoder = Vp8Encoder()
    encoder.picture_id = 1000  # the long form, which nearly all have
    payloads, timestamp = encoder.pack(await track.recv())
    assert (len(payloads), sum(map(len, payloads)), timestamp) == (2, 2 * 1090, 0)
    assert 2 * FRAMES_PER_SECOND == 57


async def test_packets_are_numbered_in_their_clock() -> None:
    track = await _track("audio", SOUND, 5000, AUDIO_CLOCK)
    packets = [await track.recv() for _ in range(3)]
    assert [packet.pts for packet in packets] == [0, 10, 19]
    assert [bytes(packet) for packet in packets] == [bytes(80)] * 3


async def test_nothing_is_sent_before_the_beginning() -> None:
    begin = asyncio.Event()
    track = Packets("audio", SOUND, 5000, AUDIO_CLOCK, begin)
    waiting = asyncio.create_task(track.recv())
    await asyncio.sleep(0)
    assert not waiting.done()
    begin.set()
    assert (await waiting).pts == 0


@pytest.mark.parametrize(("asked", "taken"), [(100, "10"), (4, "4")])
def test_aiortc_takes_what_it_can_carry(monkeypatch: pytest.MonkeyPatch, asked: int, taken: str) -> None:
    commands = _commands(monkeypatch, aiortc_pairs, COUNTS)
    row = aiortc_pairs.measure(asked, 5.0)
    assert commands[0][1:] == ["-m", "tests.bench.aiortc_peer", "--participants", taken, "--seconds", "5"]
    assert (row.name, row.cpu_us_per_packet, row.packets_per_second) == ("aiortc", 2000.0, 100.0)


# Chromium


def test_without_a_browser_chromium_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(NotInstalled, match="apt-get install chromium"):
        chromium.measure(100, 5.0)


def test_chromium_holds_one_call_and_says_what_it_showed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    commands = _commands(monkeypatch, chromium, COUNTS)
    row = chromium.measure(100, 5.0)
    assert " ".join(commands[0][2:-1]) == (
        "tests.bench.chromium_peer --browser /usr/bin/chromium --participants 2 --seconds 5 --profile"
    )
    assert (row.participants, row.rss_bytes_per_participant) == (2, 500_000.0)
    assert row.note == "30 pictures/s each; the idle browser takes 0 MB more"


async def test_a_window_is_what_lies_between_the_page_s_stages() -> None:
    stages = Stages()
    for number, stage in enumerate(STAGES):
        stages.times[stage] = 100.0 + number**2
        stages.usages[stage] = Usage(cpu_seconds=number**3, memory_bytes=number + 7)
        stages.counts[stage] = {"packetsReceived": number * 10, "packetsSent": number * 11, "framesDecoded": number}
    assert result(stages, participants=2) == {
        "participants": 2,
        "seconds": 7.0,
        "setup_cpu_seconds": 7,
        "cpu_seconds": 37,
        "packets_received": 10,
        "packets_sent": 11,
        "frames_decoded": 1,
        "idle_rss_bytes": 7,
        "rss_bytes": 11,
    }


def test_the_page_posts_the_stages_that_are_waited_for() -> None:
    page = (PAGES / "calls.html").read_text(encoding="utf-8")
    assert [page.count(f'post("/{stage}"') for stage in (*STAGES, "failed")] == [1] * 6


# servers

FORWARDED = {"subscribers": 30, "forwarded": 3000, "cpu_us_per_packet": 22.0, "lost": 0, "wrong": 0}


def test_a_server_s_row_is_compared_with_the_shim() -> None:
    row = servers.row_of("janus", FORWARDED)
    assert (row.name, row.reference, row.participants, row.cpu_us_per_packet) == ("janus", "shim", 31, 22.0)
    assert row.note == ""


def test_lost_packets_are_told() -> None:
    assert servers.row_of("shim", FORWARDED | {"lost": 2, "wrong": 1}).note == "3 packets lost or wrong"


def test_a_server_that_forwards_nothing_has_failed() -> None:
    with pytest.raises(PeerFailed, match="nothing was forwarded"):
        servers.row_of("shim", FORWARDED | {"forwarded": 0})


def test_one_row_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = _commands(monkeypatch, servers, [FORWARDED])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert servers.measure("shim", 8.0).cpu_us_per_packet == 22.0
    assert commands[0][1:7] == ["-m", "tests.bench.forwarding", "--rounds", "1", "--seconds", "8"]
    assert commands[0][7:9] == ["--only", "shim"]
    monkeypatch.setattr(servers, "run_json", lambda command, **_: [])
    with pytest.raises(PeerFailed, match="0 rows where one"):
        servers.measure("shim", 8.0)


def test_without_the_measurement_the_servers_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(NotInstalled, match=r"tests/bench/forwarding\.py"):
        servers.measure("shim", 8.0)


def test_without_janus_its_row_is_missing_and_the_shim_s_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    _commands(monkeypatch, servers, [FORWARDED])
    monkeypatch.setattr(janus_server, "why_not", lambda: "janus is not installed (apt-get install janus)")
    with pytest.raises(NotInstalled, match=r"apt-get install janus"):
        servers.measure("janus", 8.0)
    assert servers.measure("shim", 8.0).name == "shim"
