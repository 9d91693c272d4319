from __future__ import annotations

import json

import numpy as np
import pytest

from probe.model.samples import Sample, SampleBatch
from reports.slices import MAX_SLICES, Slices, Want
from reports.units import UnitWant

RTT = "round_trip_time_seconds"
P2P = Want(RTT, "topology=p2p", 10.0, 5.0)
LATE = Want(RTT, "", 10.0, 0.0)


def fed(*times: float, topology: str = "p2p") -> Slices:
    found = Slices([P2P, LATE])
    for time in times:
        found.add(Sample(RTT, time / 100, time, {"topology": topology}))
    return found


def counts(slices: Slices, want: Want) -> dict[int, int]:
    return {place: one.count for place, one in (slices.histograms(want) or {}).items()}


def test_samples_fall_into_slices_from_after_on() -> None:
    found = fed(0.0, 9.99, 10.0, 14.9, 15.0, 31.0)
    assert counts(found, P2P) == {0: 2, 1: 1, 4: 1}
    assert counts(found, LATE) == {0: 4}


def test_only_the_tag_and_the_metric_that_are_wanted_are_kept() -> None:
    found = fed(11.0, topology="sfu")
    found.add(Sample("jitter_seconds", 1.0, 11.0))
    assert (counts(found, P2P), counts(found, LATE)) == ({}, {0: 1})
    assert found.histograms(Want("jitter_seconds")) is None


def test_a_batch_counts_as_its_values() -> None:
    single, batched = Slices([P2P]), Slices([P2P])
    values = np.array([0.01, 0.02, 0.03])
    batched.add_batch(SampleBatch(RTT, values, 12.0, {"topology": "p2p"}))
    for value in values.tolist():
        single.add(Sample(RTT, value, 12.0, {"topology": "p2p"}))
    assert batched.to_dict() == single.to_dict()
    batched.add_batch(SampleBatch(RTT, values[:0], 13.0, {"topology": "p2p"}))
    assert counts(batched, P2P) == {0: 3}


def test_another_runs_slices_come_after_these() -> None:
    both, other = fed(11.0, 21.0), fed(12.0)
    both.append(other)
    assert counts(both, P2P) == {0: 1, 2: 1, 3: 1}
    assert counts(both, LATE) == {0: 3}, "what is one slice stays one"
    assert counts(other, P2P) == {0: 1}, "what is taken in stays as it is"
    empty = Slices()
    empty.append(both)
    assert empty.to_dict() == both.to_dict()


def test_slices_of_two_processes_add_up_and_cross_a_pipe() -> None:
    both = fed(11.0, 12.0)
    both.merge(fed(12.5, 16.0))
    assert both.to_dict() == fed(11.0, 12.0, 12.5, 16.0).to_dict()
    assert Slices.from_dict(json.loads(json.dumps(both.to_dict()))).to_dict() == both.to_dict()
    empty = Slices()
    empty.merge(both)
    empty.add(Sample(RTT, 0.1, 11.0, {"topology": "p2p"}))
    assert counts(empty, P2P) == {0: 4, 1: 1}
    assert counts(both, P2P) == {0: 3, 1: 1}


def test_there_is_a_last_slice() -> None:
    found = fed(10.0 + 5.0 * MAX_SLICES, 1e12)
    assert counts(found, P2P) == {MAX_SLICES - 1: 2}


def test_a_slice_is_complete_when_it_is_over() -> None:
    assert P2P.complete(0, 15.0)
    assert not P2P.complete(0, 14.9)
    assert not P2P.complete(1, 19.0)
    assert not LATE.complete(0, 1e9)


@pytest.mark.parametrize("data", [{"wants": [1]}, {"wants": [[RTT, "", 0.0, 0.0, [[0, {}]]]]}, {"wants": [[RTT]]}])
def test_damaged_slices_are_refused(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not stored slices"):
        Slices.from_dict(data)
    assert Slices.from_dict({}).histograms(P2P) is None


def test_who_read_what_goes_with_them_everywhere() -> None:
    want = UnitWant(RTT)

    def one() -> Slices:
        found = Slices([LATE], [want])
        found.add(Sample(RTT, 0.5, 12.0, {}, {"meeting": "m", "who": "a"}))
        found.add_batch(SampleBatch(RTT, np.array([1.0, 2.0]), 13.0, {}, [("m\nb", 2)]))
        return found

    again = Slices.from_dict(json.loads(json.dumps(one().to_dict())))
    again.merge(one())
    assert {unit: share.count for unit, share in again.units.shares(want).items()} == {"m\na": 2, "m\nb": 4}
    runs = Slices()
    runs.append(one())
    runs.append(one())
    assert sorted(runs.units.shares(want)) == ["0\nm\na", "0\nm\nb", "1\nm\na", "1\nm\nb"]
    old = {name: part for name, part in one().to_dict().items() if name == "wants"}  # as older versions stored them
    assert Slices.from_dict(old).units.shares(want) == {}
    assert counts(Slices.from_dict(old), LATE) == {0: 3}
