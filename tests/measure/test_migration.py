from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest

from probe.measure.migration import Migration, MigrationRecord, StreamSwitch, samples
from probe.measure.summary import Summary
from probe.model.metrics import METRICS

STREAMS = [
    StreamSwitch("anna", "ben", "video", 0.08, frames_lost=2, frames_repeated=1, mos_before=4.6, mos_lowest=4.1),
    StreamSwitch("anna", "cleo", "video", 0.12, frames_lost=0, mos_before=4.6, mos_lowest=4.7),
    StreamSwitch("ben", "anna", "video", 0.05, frames_lost=1),
    StreamSwitch("anna", "ben", "audio", 0.02),
    StreamSwitch("ben", "anna", "audio", 0.04),
]


def _record(streams: list[StreamSwitch] | None = None, deadline: float = 5.0) -> MigrationRecord:
    record = MigrationRecord("m1", "p2p", "sfu", start=10.0, deadline_seconds=deadline)
    for stream in STREAMS if streams is None else streams:
        record.add_stream(stream)
    return record


def _committed(streams: list[StreamSwitch] | None = None, end: float = 11.5) -> Migration:
    record = _record(streams)
    record.commit(end)
    return record.build()


def test_a_success_takes_the_worst_receiver() -> None:
    migration = _committed()
    assert (migration.success, migration.reason, migration.transition) == (True, "", "p2p>sfu")
    assert migration.duration_seconds == 1.5
    assert (migration.audio_gap_seconds, migration.video_gap_seconds) == (0.04, 0.12)
    assert (migration.frames_lost, migration.frames_repeated) == (3, 1)
    assert migration.mos_dip == pytest.approx(0.5)
    assert migration.gaps("video") == {"anna": 0.12, "ben": 0.05}


def test_the_report_entry() -> None:
    entry = json.loads(json.dumps(_committed().to_dict()))
    streams = entry.pop("streams")
    assert entry == {
        "meeting": "m1",
        "from": "p2p",
        "to": "sfu",
        "start_seconds": 10.0,
        "success": True,
        "reason": "",
        "duration_seconds": 1.5,
        "audio_gap_seconds": 0.04,
        "video_gap_seconds": 0.12,
        "frames_lost": 3,
        "frames_repeated": 1,
        "mos_dip": pytest.approx(0.5),
    }
    assert [(one["receiver"], one["sender"], one["kind"]) for one in streams] == sorted(
        (one.receiver, one.sender, one.kind) for one in STREAMS
    )
    assert streams[3] == {
        "receiver": "ben",
        "sender": "anna",
        "kind": "audio",
        "gap_seconds": 0.04,
        "frames_lost": None,
        "frames_repeated": 0,
        "mos_dip": None,
    }


def test_a_rollback_is_a_failure_with_its_reason() -> None:
    record = _record()
    record.roll_back(15.0, "cleo: ICE failed on the SFU path")
    migration = record.build()
    assert (migration.success, migration.reason) == (False, "cleo: ICE failed on the SFU path")
    assert migration.duration_seconds == 5.0


def test_a_commit_after_the_deadline_is_a_failure() -> None:
    assert _committed(end=15.0).success
    late = _committed(end=15.25)
    assert (late.success, late.reason) == (False, "took 5.2 s, the deadline is 5 s")


def test_a_stream_that_never_came_back_is_a_failure() -> None:
    migration = _committed([STREAMS[0], StreamSwitch("ben", "anna", "audio", None)])
    assert (migration.success, migration.reason) == (False, "ben got no audio from anna on the new path")
    assert (migration.audio_gap_seconds, migration.video_gap_seconds) == (None, 0.08)


def test_a_migration_that_nobody_saw_is_no_success() -> None:
    migration = _committed([])
    assert (migration.success, migration.reason) == (False, "no media was observed across the switch")
    assert migration.audio_gap_seconds is migration.video_gap_seconds is migration.mos_dip is None
    assert migration.frames_lost is None


def test_the_last_report_of_a_stream_counts() -> None:
    migration = _committed([STREAMS[3], StreamSwitch("anna", "ben", "audio", 0.5)])
    assert migration.audio_gap_seconds == 0.5
    assert len(migration.streams) == 1


def test_a_better_picture_is_no_dip() -> None:
    assert STREAMS[1].mos_dip == 0.0
    assert StreamSwitch("a", "b", "video", 0.1, mos_before=4.0).mos_dip is None


def test_samples_of_a_success() -> None:
    found = samples(_committed(), 12.0)
    values = sorted((sample.metric, round(sample.value, 6)) for sample in found)
    assert values == [
        ("migration_audio_gap_seconds", 0.02),
        ("migration_audio_gap_seconds", 0.04),
        ("migration_duration_seconds", 1.5),
        ("migration_frames_lost", 0),
        ("migration_frames_lost", 1),
        ("migration_frames_lost", 2),
        ("migration_frames_repeated", 0),
        ("migration_frames_repeated", 0),
        ("migration_frames_repeated", 1),
        ("migration_mos_dip", 0.0),
        ("migration_mos_dip", 0.5),
        ("migration_success_ratio", 1.0),
        ("migration_video_gap_seconds", 0.05),
        ("migration_video_gap_seconds", 0.12),
    ]
    assert all(sample.metric in METRICS and sample.time == 12.0 for sample in found)
    assert all(sample.tags == {"transition": "p2p>sfu"} and sample.detail["meeting"] == "m1" for sample in found)


def test_samples_agree_with_the_report_entry() -> None:
    migration, summary = _committed(), Summary()
    for sample in samples(migration, 0.0):
        summary.add(sample)
    figures, entry = summary.figures(), migration.to_dict()
    for kind in ("audio", "video"):
        assert figures[f"migration_{kind}_gap_seconds"]["max"] == entry[f"{kind}_gap_seconds"]
    assert figures["migration_mos_dip"]["max"] == entry["mos_dip"]
    assert list(figures["migration_success_ratio"]["by"]) == ["transition=p2p>sfu"]


def test_a_failure_has_no_duration_but_what_people_saw() -> None:
    record = MigrationRecord("m2", "sfu", "p2p", 0.0, 5.0)
    record.add_stream(StreamSwitch("anna", "ben", "audio", 2.0))
    record.roll_back(6.0, "deadline")
    found = samples(record.build(), 7.0)
    assert [(sample.metric, sample.value) for sample in found] == [
        ("migration_success_ratio", 0.0),
        ("migration_audio_gap_seconds", 2.0),
    ]
    assert found[0].tags == {"transition": "sfu>p2p"}


def test_one_outcome_only() -> None:
    record = _record()
    with pytest.raises(ValueError, match="no outcome"):
        record.build()
    record.commit(11.0)
    repeats: list[Callable[[], object]] = [lambda: record.commit(12.0), lambda: record.roll_back(12.0, "late")]
    for again in repeats:
        with pytest.raises(ValueError, match="ended already"):
            again()
    assert record.build().duration_seconds == 1.0


@pytest.mark.parametrize(("source", "target"), [("p2p", "p2p"), ("sfu", "sfu"), ("p2p", "mesh")])
def test_impossible_directions(source: str, target: str) -> None:
    with pytest.raises(ValueError, match="from p2p to sfu or back"):
        MigrationRecord("m1", source, target, 0.0, 5.0)  # type: ignore[arg-type]


def test_impossible_values() -> None:
    record = _record([])
    for stream in (
        StreamSwitch("a", "b", "audio", -0.1),
        StreamSwitch("a", "b", "audio", math.nan),
        StreamSwitch("a", "b", "video", 0.1, frames_lost=-1),
        StreamSwitch("a", "b", "video", 0.1, frames_repeated=-1),
    ):
        with pytest.raises(ValueError, match="0 or more"):
            record.add_stream(stream)
    for end in (9.0, math.nan):
        with pytest.raises(ValueError, match="can't end"):
            record.commit(end)
    with pytest.raises(ValueError, match="reason"):
        record.roll_back(11.0, "")
    for deadline in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="deadline"):
            MigrationRecord("m1", "p2p", "sfu", 0.0, deadline)
    record.commit(10.0)
    assert record.build().streams == ()
