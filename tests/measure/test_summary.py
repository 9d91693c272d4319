from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.histogram import RELATIVE_ERROR
from probe.measure.summary import MAX_TAG_VALUES, Summary
from probe.model.errors import ConfigError
from probe.model.samples import Sample, SampleBatch

SAMPLES = st.lists(
    st.builds(
        Sample,
        metric=st.sampled_from(["round_trip_time_seconds", "audio_mos_lq", "join_success_ratio"]),
        value=st.floats(0, 5),
        time=st.just(0.0),
        tags=st.dictionaries(
            st.sampled_from(["topology", "kind"]), st.sampled_from(["p2p", "sfu", "audio"]), max_size=2
        ),
    ),
    max_size=15,
)


def _of(samples: list[Sample]) -> Summary:
    summary = Summary()
    for sample in samples:
        summary.add(sample)
    return summary


def _rtt(value: float, **tags: str) -> Sample:
    return Sample("round_trip_time_seconds", value, 1.0, tags)


def test_figures_of_a_metric_and_its_tags() -> None:
    summary = _of([_rtt(0.010, topology="p2p"), _rtt(0.030, topology="sfu", kind="video"), _rtt(0.020)])
    entry = summary.figures()["round_trip_time_seconds"]
    assert list(entry) == ["unit", "count", "mean", "min", "p50", "p95", "p99", "max", "by"]
    assert (entry["unit"], entry["count"], entry["min"], entry["max"]) == ("seconds", 3, 0.010, 0.030)
    assert entry["mean"] == pytest.approx(0.020, abs=1e-17)
    assert entry["p50"] == pytest.approx(0.020, rel=RELATIVE_ERROR * 1.001)
    assert list(entry["by"]) == ["kind=video", "topology=p2p", "topology=sfu"]
    same = dict.fromkeys(["mean", "min", "p50", "p95", "p99", "max"], 0.010)
    assert entry["by"]["topology=p2p"] == {"unit": "seconds", "count": 1, **same}


def test_lookup() -> None:
    summary = _of([_rtt(0.010, topology="p2p"), _rtt(0.020)])
    overall, tagged = (
        summary.histogram("round_trip_time_seconds"),
        summary.histogram("round_trip_time_seconds", "topology=p2p"),
    )
    assert overall is not None
    assert overall.count == 2
    assert tagged is not None
    assert tagged.count == 1
    assert summary.histogram("round_trip_time_seconds", "topology=sfu") is None
    assert summary.histogram("video_mos") is None
    assert list(summary) == ["round_trip_time_seconds"]
    assert "round_trip_time_seconds" in summary
    assert "video_mos" not in summary
    assert summary.tags("round_trip_time_seconds") == ["topology=p2p"]
    assert summary.tags("video_mos") == []


def test_unknown_names_are_refused_and_leave_no_trace() -> None:
    summary = Summary()
    with pytest.raises(ConfigError, match="round_trip_time_seconds"):
        summary.add(Sample("round_trip_time_second", 1.0, 0.0))
    with pytest.raises(ValueError, match="participant"):
        summary.add(_rtt(1.0, participant="anna"))
    with pytest.raises(ValueError, match="measurable"):
        summary.add(_rtt(float("nan"), topology="p2p"))
    with pytest.raises(ConfigError, match="did you mean"):
        summary.histogram("video_most")
    assert summary.figures() == {}
    assert summary == Summary()


def test_tag_values_are_bounded() -> None:
    summary = _of([_rtt(0.001 * n, source=f"s{n:03}", topology="p2p") for n in range(1, MAX_TAG_VALUES + 11)])
    by = summary.figures()["round_trip_time_seconds"]["by"]
    assert len([key for key in by if key.startswith("source=")]) == MAX_TAG_VALUES + 1
    assert by["source=other"]["count"] == 10
    assert by["topology=p2p"]["count"] == MAX_TAG_VALUES + 10
    again = _of([_rtt(0.5, source="s001"), _rtt(0.5, source="new")])
    summary.merge(again)
    by = summary.figures()["round_trip_time_seconds"]["by"]
    assert (by["source=s001"]["count"], by["source=other"]["count"]) == (2, 11)
    assert "source=new" not in by


@given(SAMPLES, SAMPLES, SAMPLES)
def test_merge_is_associative_and_commutative(a: list[Sample], b: list[Sample], c: list[Sample]) -> None:
    expected = _of(a + b + c)
    left, right, backwards = _of(a), _of(b), _of(c)
    left.merge(_of(b))
    left.merge(_of(c))
    right.merge(_of(c))
    first = _of(a)
    first.merge(right)
    backwards.merge(_of(b))
    backwards.merge(_of(a))
    assert left == expected
    assert first == expected
    assert backwards == expected


@given(SAMPLES)
def test_round_trips_through_json(samples: list[Sample]) -> None:
    summary = _of(samples)
    restored = Summary.from_dict(json.loads(json.dumps(summary.to_dict())))
    assert restored == summary
    assert restored.figures() == summary.figures()


def test_to_dict_is_figures_with_histograms() -> None:
    summary = _of([_rtt(0.25, topology="sfu")])
    entry = summary.to_dict()["round_trip_time_seconds"]
    assert entry.pop("histogram")["count"] == 1
    assert entry["by"]["topology=sfu"].pop("histogram")["count"] == 1
    assert {"round_trip_time_seconds": entry} == summary.figures()


def test_packed_is_all_that_is_needed() -> None:
    summary = _of([_rtt(0.25, topology="sfu"), _rtt(0.5, topology="p2p"), _rtt(0.75)])
    packed = summary.packed()
    assert set(packed["round_trip_time_seconds"]) == {"histogram", "by"}
    assert Summary.from_dict(packed) == summary
    assert Summary().packed() == {}


def test_damaged_data_is_refused() -> None:
    data = _of([_rtt(0.25, topology="sfu")]).to_dict()
    entry = data["round_trip_time_seconds"]
    with pytest.raises(ConfigError):
        Summary.from_dict({"round_trip": entry})
    for broken in (
        {},
        {**entry, "by": None},
        {**entry, "by": {"topology=sfu": {}}},
        {**entry, "histogram": None},
        None,
    ):
        with pytest.raises(ValueError, match="not a stored"):
            Summary.from_dict({"round_trip_time_seconds": broken})
    with pytest.raises(ValueError, match="tags"):
        Summary.from_dict({"round_trip_time_seconds": {**entry, "by": {"user=anna": entry}}})


@given(
    st.lists(st.floats(0, 5), max_size=60),
    st.dictionaries(st.sampled_from(["topology", "kind"]), st.sampled_from(["p2p", "sfu", "audio"]), max_size=2),
)
def test_a_batch_is_its_samples(values: list[float], tags: dict[str, str]) -> None:
    batch = SampleBatch("round_trip_time_seconds", np.array(values), 1.0, tags)
    summary = _of([_rtt(0.5, topology="p2p")])
    summary.add_batch(batch)
    assert summary == _of([_rtt(0.5, topology="p2p"), *batch.singles()])
    assert [sample.value for sample in batch.singles()] == values


def test_batches_that_are_refused_leave_no_trace() -> None:
    summary = Summary()
    for metric, value, tags, complaint in (
        ("round_trip_time_second", 1.0, {}, "round_trip_time_seconds"),
        ("round_trip_time_seconds", 1.0, {"participant": "anna"}, "participant"),
        ("round_trip_time_seconds", float("inf"), {"topology": "p2p"}, "measurable"),
    ):
        with pytest.raises((ConfigError, ValueError), match=complaint):
            summary.add_batch(SampleBatch(metric, np.array([1.0, value]), 0.0, tags))
    summary.add_batch(SampleBatch("round_trip_time_seconds", np.empty(0), 0.0, {"topology": "p2p"}))
    assert summary.figures() == {}
    assert summary == Summary()


def test_tag_values_are_bounded_in_batches_too() -> None:
    summary = Summary()
    for n in range(MAX_TAG_VALUES + 5):
        summary.add_batch(SampleBatch("round_trip_time_seconds", np.ones(3), 0.0, {"source": f"s{n}"}))
    by = summary.figures()["round_trip_time_seconds"]["by"]
    assert by["source=other"]["count"] == 15
