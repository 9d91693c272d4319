"""Samples of a browser's stay: windows between looks, totals when a stream or a path is gone, the join, the migrations."""

from __future__ import annotations

import pytest

from probe.browser.readings import BrowserReadings, join_samples, migration_samples
from probe.browser.stats_map import PathReport
from probe.measure.summary import Summary
from probe.model.samples import Sample
from tests.browser.test_stats_map import AFTER, AUDIO_OF_ANN, BEFORE, VIDEO_OF_BEN

_FINAL = "packet_loss_ratio"


def finals(samples: list[Sample]) -> set[str]:
    return {f"{sample.tags['kind']} of {sample.detail['remote']}" for sample in samples if sample.metric == _FINAL}


def without(report: PathReport, *entries: str) -> PathReport:
    kept = {key: one for key, one in report.stats.items() if key not in entries}
    return PathReport(report.path, report.topology, report.owners, kept)


def test_the_first_look_says_nothing_the_second_has_a_window() -> None:
    readings = BrowserReadings("zoe")
    assert readings.take([BEFORE], 1.0) == []
    samples = readings.take([AFTER], 3.0)
    assert {sample.time for sample in samples} == {3.0}
    assert {sample.detail["who"] for sample in samples} == {"zoe"}
    assert finals(samples) == set()


def test_a_stream_that_is_gone_is_told_of_once() -> None:
    readings = BrowserReadings("zoe")
    readings.take([BEFORE], 1.0)
    samples = readings.take([without(AFTER, VIDEO_OF_BEN, AUDIO_OF_ANN)], 3.0)
    assert finals(samples) == {"video of u6034749e", "audio of u6fb86e02"}
    assert finals(readings.finish(4.0)) == {"video of u6fb86e02", "audio of u6034749e"}
    assert readings.finish(5.0) == []


def test_a_path_that_is_closed_takes_its_streams_along() -> None:
    readings = BrowserReadings("zoe")
    other = PathReport("p2p:a:b:9", "p2p")
    readings.take([BEFORE, other], 1.0)
    samples = readings.take([other], 3.0)
    assert len(finals(samples)) == 4
    assert {sample.tags["topology"] for sample in samples} == {"sfu"}


def test_the_summary_takes_them_all() -> None:
    readings, summary = BrowserReadings("zoe"), Summary()
    for time, report in ((1.0, BEFORE), (3.0, AFTER)):
        for sample in readings.take([report], time):
            summary.add(sample)
    for sample in readings.finish(4.0):
        summary.add(sample)
    frames = summary.histogram("frame_rate")
    assert frames is not None
    assert frames.count == 2


def test_a_join_is_timed_to_the_first_picture() -> None:
    marks = {"begun": 10.0, "signalling": 10.25, "welcome": 10.5, "connected": 10.75, "picture": 11.0}
    samples = join_samples(marks, "p2p", "zoe", 5.0)
    assert [(one.metric, one.tags.get("phase"), one.value) for one in samples] == [
        ("join_duration_seconds", None, 1.0),
        ("join_phase_seconds", "signalling_connect", 0.25),
        ("join_phase_seconds", "room_join", 0.25),
    ]
    assert join_samples({"begun": 1.0, "welcome": 2.0}, "p2p", "alone", 5.0) == []


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("committed", [("migration_duration_seconds", 0.5), ("migration_video_gap_seconds", 0.125)]),
        ("rolled back", []),
        ("", []),
    ],
)
def test_only_a_migration_that_was_made_has_a_length(outcome: str, expected: list[tuple[str, float]]) -> None:
    move = {"source": "p2p", "target": "sfu", "begun": 1.0, "endedAt": 1.5, "gap": 0.125, "outcome": outcome}
    samples = list(migration_samples([move], "zoe", 9.0))
    assert [(one.metric, one.value) for one in samples] == expected
    assert all(one.tags == {"transition": "p2p>sfu"} for one in samples)
