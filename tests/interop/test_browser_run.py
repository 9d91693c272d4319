"""A whole run with a real browser among its participants: what the scenario's `browsers` brings into the result."""

from __future__ import annotations

import pytest

from probe.measure.summary import Summary
from probe.model.scenario import Scenario
from probe.run import RunOptions, run_scenario
from tests.interop import needs

pytestmark = pytest.mark.timeout(90)

_SMALL = {"codec": "VP8", "width": 320, "height": 180, "fps": 20, "bitrate_bps": 400_000, "seconds": 3}


async def test_its_coming_moves_the_meeting_and_both_views_are_in_the_report() -> None:
    needs.program("chromium", package="chromium")
    needs.module("playwright.async_api", package="playwright")
    scenario = Scenario.model_validate(
        {"name": "browser", "browsers": 1, "settle": 4.0, "after": 0.0, "media": {"video": _SMALL}}
    )
    result = await run_scenario(scenario, RunOptions())
    assert result.errors == ()
    assert [(row["from"], row["to"], row["success"]) for row in result.migrations] == [("p2p", "sfu", True)]
    assert len(result.participants) == 2  # the browser is none of those who are judged
    joins = Summary.from_dict(result.summary).histogram("join_success_ratio")
    assert joins is not None
    assert joins.count == 2
    assert [note for note in result.notes if "browser" in note] == [
        "1 real browser took part: what Chromium measures is shown apart, and is not judged"
    ]
    beside = {(row["metric"], row["tag"]): row for row in result.browsers}
    seen = {("frame_rate", ""), ("packet_loss_ratio", "kind=video"), ("round_trip_time_seconds", "source=stun")}
    assert beside.keys() >= seen
    join = beside["join_duration_seconds", ""]
    assert (join["browser_count"], join["our_count"]) == (1, 1)
    assert 0.0 < join["browser"] < scenario.join_deadline
