"""Readings by whom they were taken: what is kept, how processes and runs add up, what comes back from a file."""

from __future__ import annotations

import json

import numpy as np
import pytest

from probe.model.samples import Sample, SampleBatch, unit_of
from reports.independent import independent
from reports.units import GROUPS, MAX_UNITS, Units, UnitWant, is_group

WANT = UnitWant("round_trip_time_seconds", "topology=p2p")


def reading(value: float, who: str, meeting: str = "m", topology: str = "p2p", time: float = 1.0) -> Sample:
    return Sample("round_trip_time_seconds", value, time, {"topology": topology}, {"who": who, "meeting": meeting})


def told(units: Units, want: UnitWant = WANT) -> dict[str, tuple[int, float]]:
    return {unit: (share.count, share.sum) for unit, share in units.shares(want).items()}


def test_who_read_what_is_kept_of_what_is_wanted() -> None:
    late = UnitWant("round_trip_time_seconds", after=5.0)
    units = Units([WANT, late])
    for sample in (
        reading(0.1, "a"),
        reading(0.2, "a"),
        reading(0.4, "b", "n"),
        reading(9.0, "a", topology="sfu", time=5.0),
        Sample("jitter_seconds", 1.0, 1.0, {"topology": "p2p"}, {"who": "a", "meeting": "m"}),
    ):
        units.add(sample)
    assert told(units) == {"m\na": (2, pytest.approx(0.3)), "n\nb": (1, 0.4)}
    assert told(units, late) == {"m\na": (1, 9.0)}
    assert told(units, UnitWant("jitter_seconds")) == {}


def test_batches_are_dealt_out_to_those_who_read_them() -> None:
    units, one = Units([WANT]), Units([WANT])
    tags, whose = {"topology": "p2p"}, [(unit_of("m", "a"), 2), (unit_of("m", "b"), 1)]
    batch = SampleBatch("round_trip_time_seconds", np.array([1.0, 2.0, 4.0]), 1.0, tags, whose)
    units.add_batch(batch)
    assert told(units) == {"m\na": (2, 3.0), "m\nb": (1, 4.0)}
    for value, (unit, count) in ((3.0, whose[0]), (4.0, whose[1])):
        one.add_batch(SampleBatch("round_trip_time_seconds", np.full(count, value / count), 1.0, tags, [(unit, count)]))
    assert told(one) == told(units)


def test_with_a_limit_it_is_counted_how_many_are_within() -> None:
    want = WANT._replace(limit=0.2)
    units, batches = Units([want, WANT]), Units([want])
    for sample in (reading(0.1, "a"), reading(0.2, "a"), reading(0.3, "a"), reading(0.4, "b", "n")):
        units.add(sample)
    assert told(units, want) == {"m\na": (3, 2.0), "n\nb": (1, 0.0)}
    assert told(units)["m\na"][1] == pytest.approx(0.6)
    whose = [(unit_of("m", "a"), 3), (unit_of("n", "b"), 1)]
    values = np.array([0.1, 0.2, 0.3, 0.4])
    batches.add_batch(SampleBatch("round_trip_time_seconds", values, 1.0, {"topology": "p2p"}, whose))
    assert told(batches, want) == told(units, want)
    assert told(Units.from_dict(json.loads(json.dumps(units.to_dict()))), want) == told(units, want)


def test_what_was_written_before_there_were_limits_is_read() -> None:
    units = Units.from_dict([["round_trip_time_seconds", "topology=p2p", 0.0, [["m\na", 2, 0.5]]]])
    assert told(units) == {"m\na": (2, 0.5)}


def test_what_a_meeting_did_as_a_whole_is_the_meetings() -> None:
    want = UnitWant("migration_success_ratio")
    units = Units([want])
    for meeting in ("m", "m", "n"):
        units.add(Sample("migration_success_ratio", 1.0, 1.0, {}, {"meeting": meeting}))
    assert told(units, want) == {"m\n": (2, 2.0), "n\n": (1, 1.0)}


def test_one_reading_of_nobody_known_and_nothing_is_told() -> None:
    for lost in (Sample("round_trip_time_seconds", 1.0, 1.0, {"topology": "p2p"}, {"who": "a"}), None):
        units = Units([WANT])
        units.add(reading(0.1, "a"))
        if lost is not None:
            units.add(lost)
        else:
            units.add_batch(SampleBatch("round_trip_time_seconds", np.ones(2), 1.0, {"topology": "p2p"}))
        assert told(units) == {}


def test_of_more_participants_than_are_kept_apart_the_meetings_are() -> None:
    units = Units([WANT])
    for number in range(MAX_UNITS):
        units.add(reading(1.0, str(number), f"m{number % 3}"))
    assert len(told(units)) == MAX_UNITS
    units.add(reading(1.0, "0", "m0"))
    assert len(told(units)) == MAX_UNITS
    units.add(reading(5.0, "one more", "m1"))
    units.add(reading(1.0, "0", "m0"))
    assert told(units) == {"m0\n": (3336, 3336.0), "m1\n": (3334, 3338.0), "m2\n": (3333, 3333.0)}
    whole = independent(units.shares(WANT), 10_003)
    assert whole is not None
    assert (whole.what, len(whole.shares)) == ("meeting", 3)


def test_of_more_meetings_than_are_kept_apart_groups_are_the_same_ones_in_each_process() -> None:
    together, apart = Units([WANT], most=GROUPS), [Units([WANT], most=GROUPS), Units([WANT], most=GROUPS)]
    for number in range(5000):
        one = reading(float(number), "p1", f"room {number}")
        together.add(one)
        apart[number % 2].add(one)
    merged = Units(most=GROUPS)
    for part in apart:
        merged.merge(part)
    assert told(merged) == told(together)
    counts = sorted(count for count, _ in told(together).values())
    assert (sum(counts), sum(total for _, total in told(together).values())) == (5000, 4999 * 2500.0)
    assert len(counts) > 980, "5 meetings a group: exp(-5) of the groups have none"
    assert counts[-1] < 20
    assert all(map(is_group, told(together)))
    whole = independent(together.shares(WANT), 5000)
    assert whole is not None
    assert (whole.what, len(whole.shares)) == ("meeting group", len(counts))


def test_groups_are_as_sure_of_the_mean_as_their_meetings() -> None:
    rng, apart, grouped = np.random.default_rng(5), Units([WANT]), Units([WANT], most=GROUPS)
    for number, own in enumerate(rng.lognormal(0.0, 0.5, 4000).tolist()):
        for value in (own, own + 0.01, own - 0.01):
            for units in (apart, grouped):
                units.add(reading(value, "p1", f"room {number}"))
    found = [independent(units.shares(WANT), 12_000) for units in (apart, grouped)]
    assert [one.what for one in found if one] == ["meeting", "meeting group"]
    narrow, same = (one.interval(0.9) for one in found if one)
    assert same.high - same.low == pytest.approx(narrow.high - narrow.low, rel=0.07)
    assert (same.high + same.low) / 2 == pytest.approx((narrow.high + narrow.low) / 2, rel=1e-3)


def test_of_more_groups_than_are_kept_apart_the_runs_are() -> None:
    run, runs = Units([WANT], most=GROUPS), Units([WANT], most=GROUPS)
    for number in range(GROUPS + 1):
        run.add(reading(1.0, "p1", f"room {number}"))
    for _ in range(7):
        runs.append(run)
    assert told(runs) == {f"{number}\n\n": (1001, 1001.0) for number in range(7)}
    whole = independent(runs.shares(WANT), 7007)
    assert whole is not None
    assert (whole.what, len(whole.shares)) == ("run", 7)


def test_more_runs_than_can_be_kept_and_nothing_is_told() -> None:
    one, runs = Units([WANT]), Units([WANT], most=5)
    one.add(reading(1.0, "p1"))
    for _ in range(6):
        assert (told(runs) != {}) == bool(runs.shares(WANT))
        runs.append(one)
    assert told(runs) == {}


def test_processes_add_up_and_runs_are_told_apart() -> None:
    first, second = Units([WANT]), Units([WANT])
    first.add(reading(1.0, "a"))
    second.add(reading(2.0, "a"))
    second.add(reading(4.0, "b"))
    both = Units()
    both.merge(first)
    both.merge(second)
    assert told(both) == {"m\na": (2, 3.0), "m\nb": (1, 4.0)}
    runs = Units()
    runs.append(first)
    runs.append(second)
    assert told(runs) == {"0\nm\na": (1, 1.0), "1\nm\na": (1, 2.0), "1\nm\nb": (1, 4.0)}
    assert told(second) == {"m\na": (1, 2.0), "m\nb": (1, 4.0)}
    runs.add(reading(8.0, "c"))  # what was taken in is wanted from then on
    assert told(runs)["m\nc"] == (1, 8.0)


def test_a_file_gives_the_same_again() -> None:
    units = Units([WANT, UnitWant("jitter_seconds", after=2.0)])
    units.add(reading(0.1, "a"))
    again = Units.from_dict(json.loads(json.dumps(units.to_dict())))
    assert told(again) == told(units) == {"m\na": (1, 0.1)}
    again.add(reading(0.2, "a"))
    assert told(again)["m\na"][0] == 2


@pytest.mark.parametrize("damaged", [[1], [["m"]], [["m", "", 0.0, [["a", "x", 1]]]], [["m", "", 0.0, 5]]])
def test_damage_is_told(damaged: list[object]) -> None:
    with pytest.raises(ValueError, match="not stored units"):
        Units.from_dict(damaged)
