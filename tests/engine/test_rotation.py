"""Headers of all, pictures of some in turn: a run says what it sampled, and rates video by what it saw."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from probe import native
from probe.model.result import RunResult
from probe.run import RunOptions, run_scenario
from tests.integration.small import bugs, count, mean, scenario

OBSERVE = {"depth": "headers", "pictures": "50%", "rotate": "2s", "authenticate": "10%"}


async def _run(**changes: Any) -> RunResult:
    values: dict[str, Any] = {
        "topology": "p2p", "meetings": 2, "meeting_spacing": 0.1, "settle": 7.0, "after": 0.0, "observe": OBSERVE,
    }  # fmt: skip
    async with asyncio.timeout(45.0):
        return await run_scenario(scenario(**(values | changes)), RunOptions())


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "python"])
async def test_some_look_at_pictures_in_turn(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if compiled and not native.available():
        pytest.skip("the compiled packet path is not built here")
    monkeypatch.setattr(native, "available", lambda: compiled)
    result = await _run()
    assert not result.errors
    packets, sampled = result.notes[-2:]
    found = re.fullmatch(
        r"headers only: (\d+) packets read from their clear headers, ([\d.]+) % of them authenticated, none refused",
        packets,
    )
    assert found is not None
    assert int(found[1]) > 4 * 7 * 50
    # Each tenth, and those of the pictures that are looked at; in Python every packet.
    assert 9.0 < float(found[2]) < 60.0 if compiled else float(found[2]) > 9.0
    looked = re.fullmatch(
        r"picture quality is a sample: (\d+) looks at 4 video streams, (\d+) s of pictures in all", sampled
    )
    assert looked is not None
    assert 4 <= int(looked[1]) <= 8  # two of four at a time, and everybody has had a turn
    assert int(looked[2]) >= 4
    for metric in ("video_psnr_db", "video_ssim", "video_mos"):
        assert count(result, metric) > 0, metric
    assert result.summary["frame_id_wrong"]["max"] == 0
    assert count(result, "frame_rate") == 4  # of the headers of all
    assert count(result, "packet_loss_ratio") == 8
    assert not bugs(result)
    if result.health["trustworthy"]:
        assert mean(result, "packet_loss_ratio") == 0.0


async def test_a_longer_turn_is_scored() -> None:
    result = await _run(observe=OBSERVE | {"rotate": "3s", "pictures": "100%"}, meetings=1)
    assert not result.errors
    assert count(result, "video_quality_score") > 0
    assert 1.0 < mean(result, "video_quality_score") <= 5.0


async def test_without_pictures_the_run_says_so() -> None:
    result = await _run(observe="headers", meetings=1, settle=1.0)
    assert not result.errors
    assert "authenticated" in result.notes[-2]
    assert result.notes[-1].startswith("no pictures were decoded")
    assert not count(result, "video_psnr_db")
