"""Browsers of an engine: none without a scenario that wants them, errors before the first packet, and what a report says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from probe.browser.chromium import EXECUTABLE
from probe.engine.browsers import browsers
from probe.engine.outcome import Outcome
from probe.engine.protocol import Setup
from probe.engine.summing import beside_of, notes_of
from probe.measure.summary import Summary
from probe.model.errors import ConfigError
from probe.model.platform import Platform
from probe.model.samples import Sample
from probe.model.scenario import Scenario
from tests.client.fakes import Bench


def setup(url: str = "ws://127.0.0.1:1/ws", **fields: Any) -> Setup:
    return Setup(scenario=Scenario(name="x", **fields), platform=Platform(url=url), stamp="s", epoch=0.0)


async def test_a_scenario_without_browsers_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EXECUTABLE, "/nowhere/chromium")
    summary = Summary()
    async with browsers(setup("janus+ws://somewhere/"), Bench().context, summary) as found, found.enter("room"):
        assert list(summary) == []


@pytest.mark.parametrize(
    ("url", "message"),
    [("janus+ws://somewhere/janus?room=1", "is no shim's"), ("ws://127.0.0.1:1/ws", "is no executable")],
)
async def test_what_is_missing_is_told_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, url: str, message: str
) -> None:
    monkeypatch.setenv(EXECUTABLE, "/nowhere/chromium")
    with pytest.raises(ConfigError, match=message):
        async with browsers(setup(url, browsers=1), Bench().context, Summary()):
            pass


def outcome(browser: float, ours: float) -> Outcome:
    found = Outcome()
    found.browsers.add(Sample("frame_rate", browser, 1.0, {"topology": "sfu"}))
    found.browsers.add(Sample("join_duration_seconds", 0.25, 1.0, {"topology": "sfu"}))
    found.summary.add(Sample("frame_rate", ours, 1.0, {"topology": "sfu"}))
    return found


def test_a_note_says_how_many_came_and_the_rows_what_both_saw() -> None:
    total = outcome(29.5, 30.0)
    assert notes_of(total, 1, 1) == (
        "1 real browser took part: what Chromium measures is shown apart, and is not judged",
    )
    [row] = beside_of(total)
    assert (row["metric"], row["browser"], row["ours"], row["difference"]) == ("frame_rate", 29.5, 30.0, -0.5)
    total.merge(outcome(30.5, 30.0))
    assert notes_of(total, 2, 2)[0].startswith("2 real browsers took part")
    assert beside_of(total)[0]["browser_count"] == 2


def test_without_browsers_nothing_is_said_of_them() -> None:
    assert notes_of(Outcome(), 1, 1) == ()
    assert beside_of(Outcome()) == ()


def test_browsers_of_many_processes_add_up_and_cross_a_pipe() -> None:
    total = outcome(20.0, 30.0)
    total.merge(Outcome.from_dict(json.loads(json.dumps(outcome(40.0, 30.0).to_dict()))))
    histogram = total.browsers.histogram("frame_rate", "topology=sfu")
    assert histogram is not None
    assert histogram.count == 2
    assert histogram.mean == pytest.approx(30.0)
