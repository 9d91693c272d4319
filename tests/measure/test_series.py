"""Means over time: bounded, mergeable, and the same in whatever order they come."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.series import MAX_POINTS, Series
from probe.model.samples import Sample, SampleBatch

P2P, SFU = {"topology": "p2p", "kind": "video"}, {"topology": "sfu", "kind": "video"}


def of(*found: tuple[float, float, dict[str, str]]) -> Series:
    series = Series()
    for time, value, tags in found:
        series.add(Sample("round_trip_time_seconds", value, time, tags))
    return series


def test_means_by_second_and_by_tag() -> None:
    found = of((0.1, 1.0, P2P), (0.9, 3.0, P2P), (0.5, 8.0, SFU), (2.0, 5.0, SFU)).columns()
    assert found == {
        "time": [0.5, 1.5, 2.5],
        "round_trip_time_seconds": [4.0, None, 5.0],
        "round_trip_time_seconds{topology=p2p}": [2.0, None, None],
        "round_trip_time_seconds{topology=sfu}": [8.0, None, 5.0],
    }
    assert Series().columns() == {}


def test_only_what_is_followed_is_kept() -> None:
    series = Series()
    series.add(Sample("video_ssim", 0.9, 1.0, P2P))
    assert series.columns() == {}


def test_a_batch_is_as_its_values() -> None:
    batch = SampleBatch("one_way_delay_seconds", np.array([0.25, 0.5, 0.75]), 3.2, SFU)
    one, many = Series(), Series()
    one.add_batch(batch)
    for sample in batch.singles():
        many.add(sample)
    one.add_batch(SampleBatch("one_way_delay_seconds", np.array([]), 4.0, SFU))
    assert one.columns() == many.columns()
    assert one.columns()["one_way_delay_seconds{kind=video}"] == [None, None, None, 0.5]


def test_a_long_run_folds_its_points() -> None:
    series = of(*((float(second), float(second), P2P) for second in range(1000)))
    found = series.columns()
    assert found["time"][:2] == [2.0, 6.0]
    assert len(found["time"]) == 250 <= MAX_POINTS
    assert found["round_trip_time_seconds"][:2] == [1.5, 5.5]


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 100), st.sampled_from(["p2p", "sfu"]), st.integers(0, 2)))
)
def test_processes_add_up_to_one(found: list[tuple[int, int, str, int]]) -> None:
    """Whole values, so that sums are exact in every order."""
    parts, whole = [Series() for _ in range(3)], Series()
    for time, value, topology, process in found:
        sample = Sample("window_frame_rate", float(value), float(time), {"topology": topology})
        parts[process].add(sample)
        whole.add(sample)
    total = Series()
    for part in (parts[1], parts[0], parts[2]):
        total.merge(Series.from_dict(json.loads(json.dumps(part.to_dict()))))
    assert total.columns() == whole.columns()


def test_merging_leaves_the_other_as_it_is() -> None:
    fine, coarse = of((1.0, 2.0, P2P)), of((1.0, 4.0, P2P), (500.0, 6.0, P2P))
    before = fine.to_dict()
    coarse.merge(fine)
    assert fine.to_dict() == before
    assert coarse.columns()["round_trip_time_seconds"][0] == 3.0
    fine.merge(coarse)
    assert fine.columns()["time"] == coarse.columns()["time"]


def test_times_that_are_none_and_before_the_beginning() -> None:
    assert of((-0.2, 1.0, P2P)).columns()["time"] == [0.5]
    for bad in (float("nan"), float("inf"), -float("inf"), 1e12):
        with pytest.raises(ValueError, match="no time of a run"):
            of((bad, 1.0, P2P))


@pytest.mark.parametrize(
    "damage",
    [
        {"width": 0.3},
        {"width": 3.0},
        {"width": "x"},
        {"lines": 3},
        {"lines": [["window_frame_rate", "", [1.0], []]]},
        {"lines": [["window_frame_rate", "", [1.0] * 301, [1] * 301]]},
        {"lines": [["unheard_of", "", [1.0], [1]]]},
    ],
)
def test_damaged_data(damage: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a stored series"):
        Series.from_dict({"width": 1.0, "lines": []} | damage)
