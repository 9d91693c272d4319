"""The log of records, and the array that it is."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest

from probe.measure.records import MARKER, RECORD, RECOVERED, RESTARTED, RecordLog, joined


def test_a_record_is_forty_bytes_without_gaps() -> None:
    assert RECORD.itemsize == struct.calcsize("<qddIIII") == 40
    assert len({MARKER, RECOVERED, RESTARTED, MARKER | RECOVERED | RESTARTED}) == 4


def test_what_was_appended_is_taken_once() -> None:
    log = RecordLog()
    assert len(np.frombuffer(log.take(), RECORD)) == 0
    log.append(-3, 1.25, math.nan, 2**32 - 1, 1090, MARKER | RECOVERED)
    log.append(2**40, 1.5, 1.25, 0, 0, RESTARTED, 7)
    assert len(log) == 2
    records = np.frombuffer(log.take(), RECORD)
    assert records["sequence"].tolist() == [-3, 2**40]
    assert records["arrival"].tolist() == [1.25, 1.5]
    assert np.isnan(records["capture"]).tolist() == [True, False]
    assert records["timestamp"].tolist() == [2**32 - 1, 0]
    assert records["size"].tolist() == [1090, 0]
    assert records["flags"].tolist() == [3, 4]
    assert len(log) == len(log.take()) == 0
    log.append(0, 0.0, 0.0, 0, 0, 0)
    assert records["sequence"].tolist() == [-3, 2**40], "what was taken stays"


def test_what_no_field_can_hold_is_refused() -> None:
    with pytest.raises(struct.error):
        RecordLog().append(0, 0.0, 0.0, 2**32, 0, 0)


def test_arrays_are_joined_in_order() -> None:
    log = RecordLog()
    for sequence in range(5):
        log.append(sequence, 0.0, math.nan, 0, sequence, 0)
    records = np.frombuffer(log.take(), RECORD)
    assert joined([records]) is records
    assert joined([records[3:], records[:0], records[::2]])["sequence"].tolist() == [3, 4, 0, 2, 4]
    assert len(joined([])) == 0
