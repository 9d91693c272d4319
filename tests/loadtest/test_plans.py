"""How many users there should be, so long after the start."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.plans import Load, check_shape, duration, fastest, most_users, users_at, wanted
from loadtest.settings import SHAPES
from probe.model.errors import ConfigError
from tests.loadtest.build import settings


def users(shape: str, seconds: list[float], load: Load, **changes: int) -> list[int]:
    return [users_at(settings(shape=shape, **changes), load, second) for second in seconds]


def test_constant_is_what_locust_does_without_a_shape() -> None:
    load = Load(60, 10.0, 20.0)
    assert wanted(settings(), load, 0.0) == (60, 10.0)
    assert wanted(settings(), load, 19.99) == (60, 10.0)
    assert wanted(settings(), load, 20.0) is None


def test_without_run_time_it_ends_with_the_longest_that_may_be() -> None:
    assert wanted(settings(max_duration=100.0), Load(60, 10.0), 99.0) == (60, 10.0)
    assert wanted(settings(max_duration=100.0), Load(60, 10.0), 100.0) is None
    assert duration(settings(max_duration=100.0), Load(1, 1.0, 7.0)) == 7.0


def test_ramp() -> None:
    load = Load(10, 1.0, 100.0)
    assert users("ramp", [0, 9, 10, 11, 50, 99.9], load) == [1, 1, 1, 2, 5, 10]
    assert wanted(settings(shape="ramp"), Load(1000, 1.0, 100.0), 50.0) == (500, 10.0), "as fast as it rises"


def test_steps() -> None:
    assert users("steps", [0, 29.9, 30, 60, 90, 1000], Load(25, 5.0)) == [10, 10, 20, 25, 25, 25]


def test_spike() -> None:
    load = Load(10, 5.0, 90.0)
    assert users("spike", [0, 29, 30, 59, 60, 89], load, spike_users=25) == [10, 10, 35, 35, 10, 10]
    assert users("spike", [45], load) == [20], "as many again"


def test_soak() -> None:
    load = Load(10, 5.0, 100.0)
    assert users("soak", [0, 5, 10, 50, 90, 95, 99], load) == [1, 5, 10, 10, 10, 5, 1]


@pytest.mark.parametrize("shape", ["ramp", "spike", "soak"])
def test_shapes_that_spread_over_the_run_time_need_one(shape: str) -> None:
    with pytest.raises(ConfigError, match=r"--shape: .* none is given \(add --run-time"):
        wanted(settings(shape=shape), Load(10, 1.0), 0.0)


def test_a_step_must_be_long_enough_to_be_judged() -> None:
    told = r"--step-time: 10 users at 1 a second .* \(at least 20s"
    with pytest.raises(ConfigError, match=told):
        check_shape(settings(shape="find-limit", step_time=19.0), Load(100, 1.0))
    check_shape(settings(shape="find-limit", step_time=20.0), Load(100, 1.0))


@given(st.sampled_from(SHAPES), st.integers(1, 500), st.floats(0.1, 50), st.floats(1, 1000), st.floats(0, 0.999))
def test_no_shape_passes_what_the_guard_rails_are_told(
    shape: str, count: int, rate: float, time: float, part: float
) -> None:
    chosen, load = settings(shape=shape, step_time=10_000.0, spike_users=7), Load(count, rate, time)
    found = wanted(chosen, load, part * time)
    assert found is not None
    assert 1 <= found[0] <= most_users(chosen, load)
    assert 0 < found[1] <= fastest(chosen, load)
