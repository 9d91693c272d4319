"""Browsers of an engine: none without a scenario that wants them, errors before the first packet, and what a report says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from probe.browser.chromium import EXECUTABLE
from probe.engine.browsers import browsers
from probe.engine.outcome import Outcome
from probe.engine.protocol import Setup
from probe.engine.summing import notes_of
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
    found.summary.add(Sample("frame_rate", ours, 1.0, {"topology": "sfu"}))
    return found


def test_both_views_are_noted_side_by_side() -> None:
    assert notes_of(Outcome(), 1, 1) == ()
    assert notes_of(outcome(29.5, 30.0), 1, 1) == (
        "Chromium beside us: Frame rate: 29.5 fps there, 30 fps here (means of 1 and 1 readings)",
    )


def test_browsers_of_many_processes_add_up_and_cross_a_pipe() -> None:
    total = outcome(20.0, 30.0)
    total.merge(Outcome.from_dict(json.loads(json.dumps(outcome(40.0, 30.0).to_dict()))))
    histogram = total.browsers.histogram("frame_rate", "topology=sfu")
    assert histogram is not None
    assert histogram.count == 2
    assert histogram.mean == pytest.approx(30.0)
