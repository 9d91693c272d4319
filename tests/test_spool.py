"""Samples on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from probe.model.errors import ConfigError
from probe.model.samples import Sample
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
