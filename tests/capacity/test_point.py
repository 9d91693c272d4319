"""Real points, as small as they can be, in processes of their own."""

from __future__ import annotations

import asyncio

import pytest

from probe.capacity.crew import Crew
from probe.capacity.measure import Options, measure_point
from probe.capacity.work import Work
from probe.media.video import VideoSpec
from probe.model.errors import MeasurementError, ProbeError
from probe.native import available

SMALL = VideoSpec(160, 90, 10, 60_000)


async def test_four_participants_in_two_processes() -> None:
    said: list[str] = []
    async with asyncio.timeout(60.0):
        point = await measure_point(Options(Work(), seconds=1.5, processes=2), 4, said.append)
    assert point.bugs == ()
    assert point.errors == ()
    assert (point.joined, point.join_failures, len(point.readings)) == (4, 0, 2)
    assert point.seconds == pytest.approx(1.5, abs=0.3)
    assert point.packets_lost == 0
    assert [reading.streams_measured for reading in point.readings] == [4, 4]
    # 57 + 50 packets a second each way; on a busy machine a tick more or less, and what a stall left out
    assert point.packets_received == pytest.approx(4 * 107 * point.seconds, rel=0.15)
    assert point.packets_sent == pytest.approx(point.packets_received, rel=0.1)
    assert 0 < (point.cpu_core_per_participant or 0) < 1
    assert 0 < (point.join_cpu_seconds or 0) < 1
    assert 0 < (point.rss_bytes_per_participant or 0) < 50e6
    assert 0 < (point.join_seconds_p95 or 0) < 15
    assert point.native == available()
    share = point.authenticated_share
    assert share is not None
    assert 0 < share <= 1.0
    assert said[0] == "4 participants: starting"
    assert said[-1] == "4 participants: leaving"


async def test_decoded_pictures_through_the_sfu() -> None:
    work = Work(topology="sfu", depth="pictures", video=SMALL)
    async with asyncio.timeout(60.0):
        point = await measure_point(Options(work, seconds=1.0), 2, lambda line: None)
    assert point.bugs == ()
    assert (point.joined, sum(reading.elsewhere for reading in point.readings)) == (2, 0)
    assert sum(reading.streams_measured for reading in point.readings) == point.streams_expected == 4
    assert point.authenticated_share == 1.0
    assert not point.native  # every packet is decrypted and looked into, in Python


async def test_a_process_that_cannot_go_on_says_why_and_all_end() -> None:
    async with asyncio.timeout(60.0):
        async with Crew.start(1) as crew:
            order = {
                "work": Work().to_dict() | {"depth": "frames"},
                "url": "ws://127.0.0.1:9/ws",
                "meetings": 1,
                "processes": 1,
            }
            with pytest.raises(ProbeError, match="can't be decoded at depth frames"):
                await crew.ask([order], "ready", 30.0)
        async with Crew.start(1) as crew:
            with pytest.raises(RuntimeError, match="ended with exit code 1: KeyError: 'work'"):
                await crew.ask([{}], "ready", 30.0)
        async with Crew.start(1) as crew:
            with pytest.raises(MeasurementError, match=r"within|nothing for"):
                await crew.ask([{}], "ready", 0.01)
