"""What the compiled analysis refuses, and what it leaves to Python. That it says the same is tested where Python's is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from probe import native
from probe.measure.playout import PlayoutBuffer
from probe.measure.records import MARKER, RECORD
from probe.native.analysis import playout_buffer

pytestmark = pytest.mark.skipif(not native.available(), reason="the compiled path was not built: no C compiler")

ONE = np.zeros(1)
TWO = np.zeros(2)
WORDS = np.zeros(3, np.uint32)
RUN = np.zeros(1, np.int64)
OPEN = (0, np.inf, np.nan, 0, -1)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda core: core.frames(b""), TypeError, "takes 8 arguments"),
        (lambda core: core.frames("text", None, 0.0, *OPEN), TypeError, "bytes-like"),
        (lambda core: core.frames(b"", "one", 0.0, *OPEN), TypeError, "int"),
        (lambda core: core.rising(WORDS, 0.0, 0.1), TypeError, "wanted numbers of 8 bytes"),
        (lambda core: core.rising(np.zeros((2, 2)), 0.0, 0.1), TypeError, "in a row"),
        (lambda core: core.rhythm(ONE, 0.0, 0.0, 0.0), TypeError, "takes 5 arguments"),
        (lambda core: core.intervals(WORDS, 0), TypeError, "wanted numbers"),
        (lambda core: core.intervals(ONE + np.inf, 0), ValueError, "can.t be"),
        (lambda core: core.playout(RUN, TWO, ONE, ONE, ONE, -1, 0.0, 0.0, 0.08, 0), ValueError, "equally long"),
        (lambda core: core.playout(RUN, ONE, ONE, ONE, TWO, -1, 0.0, 0.0, 0.08, 0), ValueError, "equally long"),
        (lambda core: core.playout(RUN, ONE, ONE, ONE, WORDS, -1, 0.0, 0.0, 0.08, 0), TypeError, "wanted numbers"),
        (lambda core: core.judge(RUN, TWO, ONE, 0.0, None), ValueError, "equally long"),
        (lambda core: core.judge(RUN, ONE, ONE, 0.0, "one"), TypeError, "str"),
    ],
)
def test_refused(call: Callable[[Any], object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call(native.core)


def records(sequences: list[int], flags: int = MARKER) -> np.ndarray[Any, Any]:
    return np.array([(n, 1.0 + n, np.nan, n, 10, flags, 0) for n in sequences], RECORD)


def test_what_is_no_run_is_left_to_python() -> None:
    core = native.core
    assert core.frames(records([3, 4]).tobytes(), 3, 0.0, *OPEN) is not None
    assert core.frames(records([3, 4]).tobytes(), None, 0.0, *OPEN) is not None
    assert core.frames(records([3, 4]).tobytes(), 2, 0.0, *OPEN) is None, "something is missing before"
    assert core.frames(records([3, 5]).tobytes(), 3, 0.0, *OPEN) is None, "and within"
    assert core.frames(records([3, 4]).tobytes()[:-1], 3, 0.0, *OPEN) is None, "half a record"
    assert core.frames(b"\0" + records([3, 4]).tobytes()[1:], 0, 0.0, *OPEN) is None


def test_nothing_is_due_and_nothing_to_play() -> None:
    core, none, numbers = native.core, np.empty(0), np.empty(0, np.int64)
    assert core.judge(numbers, none, none, 9.0, None) is None
    assert core.judge(RUN, ONE + 10.0, ONE, 9.0, None) is None
    assert core.playout(numbers, none, none, ONE, ONE, -1, 0.0, 0.0, 0.08, 0) is None
    assert core.playout(RUN, ONE, ONE, none, none, -1, 0.0, 0.0, 0.08, 0) is None, "the first packet of all"
    assert core.rising(none, 1.0, 0.1) is True
    assert core.rhythm(none, 5.0, 1.0, 2.0, 3.0) == (5.0, 1.0, 2.0, 3.0)
    assert core.intervals(none, 5) == ([], 5)


def test_arrays_can_grow_again_after_an_error() -> None:
    """A buffer that was not let go of would forbid it."""
    buffer = playout_buffer()
    assert type(buffer) is not PlayoutBuffer
    for number in range(10):
        buffer.on_packet(number, number * 0.02, number * 0.02)
    with pytest.raises(TypeError):
        buffer.on_packets(np.arange(10, 30), np.zeros(20, np.float32), np.zeros(20))
    with pytest.raises(ValueError, match="equally long"):
        buffer.on_packets(np.arange(10, 30), np.zeros(19), np.zeros(20))
    buffer.on_packet(10, 0.2, 0.2)
    assert buffer.window(9.0).expected == 11


@pytest.mark.parametrize("values", [np.zeros(0), np.array([1.0, np.nan]), np.array([1e19]), np.array([-np.inf])])
def test_a_tally_leaves_to_python_what_is_unusual(values: np.ndarray[Any, Any]) -> None:
    assert native.core.tally(values, 1e-9, 1e18, 0.005) is None
    assert native.core.tally(np.ones(2), 1e-9, 1e18, 0.005) == (
        1.0,
        1.0,
        [(1, 1, 0, 2 << 52, 2 << 40, 0)],
        0,
        [(0, 2)],
        [],
    )


@pytest.mark.parametrize("limits", [(0.0, 1e18, 0.005), (1e-9, 1e18, 0.0), (1e-9, 1e18, 1e-9)])
def test_a_tally_has_room_for_so_many_buckets(limits: tuple[float, float, float]) -> None:
    assert native.core.tally(np.ones(2), *limits) is None
