"""A killed run's summary, out of its samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from probe.measure.summary import Summary
from probe.model.samples import Sample, SampleBatch
from probe.spool import Spool
from reports.store.rebuild import KILLED, interrupted_result, rebuild


def spooled(folder: Path) -> tuple[Summary, list[bytes]]:
    """The same samples, counted and spooled."""
    spool, summary = Spool(folder), Summary()
    for number in range(10):
        sample = Sample("join_duration_seconds", 0.1 * number, float(number), {"topology": "p2p"}, {"participant": "a"})
        spool.add(sample)
        summary.add(sample)
        batch = SampleBatch("one_way_delay_seconds", np.linspace(0.01, 0.02, 50), number + 0.5, {"topology": "sfu"})
        spool.add_batch(batch)
        summary.add_batch(batch)
    spool.close()
    return summary, (folder / "samples.jsonl").read_bytes().splitlines(keepends=True)


def test_the_summary_is_the_one_that_the_run_would_have_made(tmp_path: Path) -> None:
    summary, lines = spooled(tmp_path)
    found = rebuild(lines)
    assert found.summary == summary
    assert (found.seconds, found.lines, found.damaged) == (9.5, 20, 0)


def test_half_a_line_and_junk_are_counted_and_left_out(tmp_path: Path) -> None:
    summary, lines = spooled(tmp_path)
    junk = [b"\n", b"[1]\n", b'{"m":"no_such_metric","v":1,"t":0,"tags":{}}\n', b"\xff\n", lines[0][:20]]
    nan = b'{"m":"join_duration_seconds","v":NaN,"t":1,"tags":{}}\n'
    found = rebuild([*lines[:10], nan, *lines[10:], *junk])
    assert found.summary == summary
    assert (found.lines, found.damaged) == (20, 6)


def test_a_histogram_of_an_unknown_metric_is_damage(tmp_path: Path) -> None:
    _, lines = spooled(tmp_path)
    wrong = lines[1].replace(b"one_way_delay_seconds", b"gone")
    assert rebuild([lines[0], wrong]).damaged == 1


def test_nothing_is_nothing() -> None:
    found = rebuild([])
    assert (found.summary, found.seconds, found.lines) == (Summary(), 0.0, 0)


def test_the_result_says_what_happened(tmp_path: Path) -> None:
    _, lines = spooled(tmp_path)
    header = {
        "id": "k1",
        "started_at": "2026-11-15T02:00:00+00:00",
        "scenario": "p2p",
        "target": "embedded",
        "version": "1",
    }
    found = interrupted_result(header, rebuild([*lines, b"{"]))
    assert (found.id, found.duration_seconds, found.interrupted) == ("k1", 9.5, True)
    assert found.health == {"trustworthy": False, "reasons": [KILLED]}
    assert "killed after 10 s; the figures come from 20 lines of its samples; 1 lines were damaged" in found.notes[0]
