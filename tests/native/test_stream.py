"""The counter in C says what the one in Python says, bit for bit, on whatever a network can do."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe import native
from probe.measure.records import MARKER, RECORD, RECOVERED
from probe.measure.rtp_stream import StreamReceiver

pytestmark = pytest.mark.skipif(not native.available(), reason="the compiled path was not built: no C compiler")

if native.available():
    from probe.native.stream import NativeStream

STATE = (
    "packets", "bytes", "duplicates", "reordered", "recovered", "strays", "restarts", "jitter_seconds", "expected",
    "lost_first", "lost_residual", "loss_runs", "highest",
)  # fmt: skip


def state(stream: StreamReceiver | NativeStream) -> tuple[object, ...]:
    return tuple(getattr(stream, name) for name in STATE)


steps = st.one_of(
    st.just(1),
    st.integers(-40, 60),
    st.sampled_from([0, -1, 2, -1023, -1024, -1025, 2999, 3000, 3001, 30_000, -30_000, 0x7FFF, 0x8000]),
)


@settings(max_examples=300)
@given(
    first=st.integers(0, 0xFFFF),
    walk=st.lists(st.tuples(steps, st.integers(0, 3), st.integers(-3000, 3000), st.floats(0, 0.2)), max_size=120),
)
def test_same_as_python(first: int, walk: list[tuple[int, int, int, float]]) -> None:
    python, compiled = StreamReceiver(7, 90_000), NativeStream(7, 90_000)
    number, arrival = first, 100.0
    for step, kind, drift, pause in walk:
        number, arrival = (number + step) & 0xFFFF, arrival + pause
        if kind == 3:
            assert python.on_recovered(number) == compiled.on_recovered(number)
        else:
            timestamp = (number * 3000 + drift) & 0xFFFFFFFF
            assert python.on_packet(number, timestamp, arrival, 100) == compiled.on_packet(
                number, timestamp, arrival, 100
            )
        assert state(python) == state(compiled)
    assert python.snapshot(arrival) == compiled.snapshot(arrival)
    assert python.report_block(arrival) == compiled.report_block(arrival)


def test_a_long_stream_with_bursts_of_loss() -> None:
    rng = random.Random(5)
    python, compiled = StreamReceiver(1, 48_000), NativeStream(1, 48_000)
    lost = False
    for number in range(70_000):
        lost = rng.random() < (0.6 if lost else 0.02)
        if not lost:
            arguments = (number & 0xFFFF, number * 960 & 0xFFFFFFFF, number * 0.02 + rng.random() * 0.01, 90)
            assert python.on_packet(*arguments) == compiled.on_packet(*arguments)
    assert state(python) == state(compiled)
    assert python.loss_runs > 1000


def test_what_was_logged_is_the_record() -> None:
    stream = NativeStream(1, 48_000)
    stream.append(70_000, 1.5, math.nan, 0xFFFFFFFF, 80, MARKER | RECOVERED, 3)
    (record,) = np.frombuffer(stream.take(), RECORD)
    assert record["sequence"] == 70_000
    assert record["arrival"] == 1.5
    assert math.isnan(record["capture"])
    assert (record["timestamp"], record["size"], record["flags"]) == (0xFFFFFFFF, 80, MARKER | RECOVERED)
    assert not stream.take()


def test_a_clock_that_stands_still_is_refused() -> None:
    with pytest.raises(ValueError, match="0 Hz is not positive"):
        NativeStream(1, 0)
