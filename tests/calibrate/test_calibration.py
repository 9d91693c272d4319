"""Real calls on loopback, calibrated: bounded, and true or honest about it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from probe.calibrate.calibration import LOAD_FACTOR, Calibration, Options, calibrate
from probe.calibrate.cases import Case, quick
from probe.run import RunOptions, run_scenario
from reports.document import build_document
from reports.targets.files import load_profile
from tests.integration.small import scenario


async def run(*cases: Case, within: float = 60.0, load: bool = False) -> Calibration:
    async with asyncio.timeout(within):
        return await calibrate(Options(cases, load=load))


def wrong(found: Calibration) -> list[str]:
    return [f"{row.profile}: {row.reading}: {row.truth} read as {row.measured}" for row in found.rows if not row.ok]


async def test_a_quick_calibration_is_right_or_says_that_it_could_not_judge() -> None:
    found = await run(*quick())
    assert found.bugs == []
    assert not found.trustworthy or wrong(found) == []
    assert found.errors == []
    assert found.exit_code == (0 if found.trustworthy else 4)
    readings = {row.reading for row in found.rows}
    for reading in ("packets lost, video", "jitter, audio", "audio MOS-CQ", "frames lost", "migration gap, video"):
        assert reading in readings


async def test_under_load_readings_stay_true_or_the_run_says_that_they_may_not() -> None:
    """Truth under load: within twice the tolerance, or untrustworthy with the reason; never a confident wrong reading."""
    found = await run(replace(quick()[0], seconds=5.0), load=True)
    assert found.bugs == []
    if found.trustworthy:
        assert wrong(found) == []
    else:
        assert found.health["reasons"]
        assert found.verdict == "inconclusive"
    assert LOAD_FACTOR == 2.0


async def test_a_starved_generator_reads_nothing_that_is_judged() -> None:
    """The other side: what `probe run` reads while its loop is held up for 0.2 s at a time decides no target, good or bad."""
    stop = False

    async def hog() -> None:
        while not stop:
            time.sleep(0.2)  # noqa: ASYNC251 - it is meant to hold the loop up
            await asyncio.sleep(0.1)

    task = asyncio.create_task(hog())
    try:
        async with asyncio.timeout(60.0):
            small = scenario(visitors=0, topology="p2p", settle=1.0, join_deadline=10.0)
            result = await run_scenario(small, RunOptions())
    finally:
        stop = True
        await task
    document = build_document(result, load_profile("video-platform"), "6m", None, strict=False)
    assert any("loop lag" in reason for reason in document["health"]["reasons"])
    assert {kpi["status"] for kpi in document["kpis"]} <= {"inconclusive", "not_judged"}
    assert document["verdict"]["exit_code"] == 4
