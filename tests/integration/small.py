"""The cheapest meetings that still measure everything."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from probe.model.result import RunResult
from probe.model.scenario import AudioMedia, Media, Scenario, VideoMedia
from probe.run import RunOptions, run_scenario

VIDEO = VideoMedia(width=160, height=90, fps=10, bitrate_bps=60_000, seconds=2)
AUDIO = AudioMedia(seconds=2)
SMALL = Media(video=VIDEO, audio=AUDIO)


def scenario(**changes: Any) -> Scenario:
    """Two participants, one short meeting, short deadlines."""
    values: dict[str, Any] = {
        "name": "small", "topology": "hybrid", "meetings": 1, "participants": 2, "join_spacing": 0.05,
        "settle": 0.5, "visit": 0.5, "after": 0.2, "join_deadline": 2.0, "migration_deadline": 5.0, "media": SMALL,
    }  # fmt: skip
    return Scenario(**(values | changes))


async def run(scenario: Scenario, options: RunOptions | None = None, *, within: float = 30.0) -> RunResult:
    """The result; fails the test when the run takes longer than `within` seconds."""
    async with asyncio.timeout(within):
        return await run_scenario(scenario, options or RunOptions())


def mean(result: RunResult, metric: str, tag: str = "") -> float:
    """Mean of a metric, overall or of one `tag=value`."""
    found: Mapping[str, Any] = result.summary[metric]
    return float((found["by"][tag] if tag else found)["mean"])


def count(result: RunResult, metric: str, tag: str = "") -> int:
    """How many samples a metric has; 0 where it has none."""
    found: Mapping[str, Any] = result.summary.get(metric, {})
    return int((found.get("by", {}).get(tag, {}) if tag else found).get("count", 0))


def phases(result: RunResult) -> set[str]:
    """The phases in which something failed."""
    return {error.phase for error in result.errors}


def bugs(result: RunResult) -> list[str]:
    """What the run itself holds for a bug of ours."""
    return [error.message for error in result.errors if error.phase == "bug"]
