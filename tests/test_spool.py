"""Samples on disk."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from probe.measure.histogram import Histogram
from probe.model.errors import ConfigError
from probe.model.samples import Sample, SampleBatch
from probe.spool import Spool

SAMPLE = Sample("frame_rate", 29.5, 1.23456789, {"topology": "p2p"}, {"who": "me", "windows": 3})


def test_every_sample_is_a_line(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "new" / "folder")
    spool.add(SAMPLE)
    spool.flush()
    path = tmp_path / "new" / "folder" / "samples.jsonl"
    assert json.loads(path.read_text(encoding="utf-8")) == {
        "m": "frame_rate", "v": 29.5, "t": 1.234568, "tags": {"topology": "p2p"}, "detail": {"who": "me", "windows": 3},
    }  # fmt: skip
    spool.add(SAMPLE)
    spool.close()
    spool.close()
    spool.add(SAMPLE)
    spool.flush()
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2


def test_nothing_is_kept_without_a_folder(tmp_path: Path) -> None:
    spool = Spool(None)
    spool.add(SAMPLE)
    spool.flush()
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="--out") as failure:
        Spool(tmp_path / "file")
    assert failure.value.phase == "output"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_disk_that_is_full_ends_the_file_and_not_the_run(tmp_path: Path) -> None:
    (tmp_path / "samples.jsonl").symlink_to("/dev/full")
    spool = Spool(tmp_path)
    for _ in range(2000):
        spool.add(SAMPLE)
    spool.flush()
    spool.add(SAMPLE)
    spool.close()
    assert spool.error is not None
    assert "ends early" in spool.error.message


def test_processes_share_a_file_and_no_line_is_torn(tmp_path: Path) -> None:
    (tmp_path / "samples.jsonl").write_text("from the run before\n")
    spools = [Spool(tmp_path), *(Spool(tmp_path, join=True) for _ in range(3))]
    for number in range(2000):
        for who, spool in enumerate(spools):
            spool.add(Sample("frame_rate", number, 0.0, {}, {"who": who}))
    for spool in spools:
        spool.close()
    lines = [json.loads(line) for line in (tmp_path / "samples.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 8000
    for who in range(4):
        assert [line["v"] for line in lines if line["detail"]["who"] == who] == list(range(2000))


def test_a_batch_is_one_line(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.add_batch(SampleBatch("frame_rate", np.array([29.5, 30.0]), 1.23456789, {"topology": "p2p"}))
    spool.close()
    (line,) = (tmp_path / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    found = json.loads(line)
    histogram = Histogram.from_dict(found.pop("histogram"))
    assert found == {"m": "frame_rate", "t": 1.234568, "tags": {"topology": "p2p"}, "n": 2}
    assert (histogram.count, histogram.minimum, histogram.mean) == (2, 29.5, 29.75)
    Spool(None).add_batch(SampleBatch("frame_rate", np.ones(2), 0.0))
