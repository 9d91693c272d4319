"""When a generator's readings can be trusted."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.health import GeneratorHealth, Health, HealthLimits


def test_nothing_happened() -> None:
    assert GeneratorHealth().verdict() == Health(True, (), 0.0, 0.0, 0, 0.0, 0, 0.0)


def test_a_healthy_run() -> None:
    health = GeneratorHealth()
    for _ in range(1000):
        health.loop_lag(0.001)
        health.pacing_error(0.0005)
    health.cpu(0.5)
    health.cpu(1.0)
    health.socket_drops(0)
    verdict = health.verdict()
    assert verdict.trustworthy
    assert verdict.loop_lag_p99_seconds == pytest.approx(0.001, rel=0.005)
    assert verdict.pacing_error_p99_seconds == pytest.approx(0.0005, rel=0.005)
    assert verdict.cpu_ratio == 0.75


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda h: h.loop_lag(0.06), "event-loop lag p99 60 ms, limit 50 ms"),
        (lambda h: h.pacing_error(2.0), "pacing error p99 2 s, limit 20 ms"),
        (lambda h: h.socket_drops(3), "3 datagrams dropped by our own full socket buffers, limit 0"),
        (lambda h: h.decode_delay(0.2), "decoding p99 200 ms after arrival, limit 100 ms"),
        (lambda h: h.decode_overload(), "1 pictures not decoded for lack of CPU, limit 0"),
    ],
)
def test_each_limit_has_its_reason(harm: Callable[[GeneratorHealth], None], reason: str) -> None:
    health = GeneratorHealth()
    harm(health)
    verdict = health.verdict()
    assert not verdict.trustworthy
    assert verdict.reasons == (reason,)


def test_at_the_limit_is_within_it() -> None:
    health = GeneratorHealth()
    health.loop_lag(0.050)
    health.pacing_error(0.020)
    assert health.verdict().trustworthy


def test_the_99th_percentile_decides_not_the_worst() -> None:
    health = GeneratorHealth()
    for _ in range(99):
        health.loop_lag(0.0)
    health.loop_lag(1.0)
    assert health.verdict().trustworthy
    health.loop_lag(1.0)
    assert not health.verdict().trustworthy


def test_a_stall_counts_for_all_the_beats_it_swallowed() -> None:
    plain, aware = GeneratorHealth(), GeneratorHealth()
    for _ in range(1000):
        plain.loop_lag(0.0)
        aware.loop_lag(0.0, interval=0.02)
    plain.loop_lag(2.0)
    aware.loop_lag(2.0, interval=0.02)
    assert plain.verdict().trustworthy, "one beat of a thousand"
    assert not aware.verdict().trustworthy, "two seconds of twenty-two"
    assert aware.verdict().loop_lag_p99_seconds == pytest.approx(2.0 - 11 * 0.02, rel=0.005), "rank 1090 of 1101"


def test_a_year_long_stall_is_counted_in_bounded_time() -> None:
    health = GeneratorHealth()
    health.loop_lag(3e7, interval=0.02)
    assert health.verdict().loop_lag_p99_seconds > 1e7


def test_cpu_is_judged_only_where_a_limit_is_set() -> None:
    for limit, trusted in ((None, True), (0.9, False)):
        health = GeneratorHealth(HealthLimits(cpu_ratio=limit))
        health.cpu(0.95)
        assert health.verdict().trustworthy is trusted


def test_drops_are_a_total_and_overload_adds_up() -> None:
    health = GeneratorHealth()
    for total in (2, 5, 3):
        health.socket_drops(total)
        health.decode_overload(total)
    verdict = health.verdict()
    assert (verdict.socket_drops, verdict.decode_overload) == (5, 10)


def test_processes_merge() -> None:
    one, other = GeneratorHealth(), GeneratorHealth()
    one.socket_drops(1)
    other.socket_drops(2)
    for _ in range(10):
        one.loop_lag(0.001)
        other.loop_lag(0.2)
        other.pacing_error(0.3)
    other.decode_overload(4)
    one.cpu(0.2)
    other.cpu(0.4)
    one.merge(other)
    verdict = one.verdict()
    assert (verdict.socket_drops, verdict.decode_overload) == (3, 4)
    assert verdict.cpu_ratio == pytest.approx(0.3)
    assert verdict.loop_lag_p99_seconds == pytest.approx(0.2, rel=0.005)
    assert len(verdict.reasons) == 4


def test_the_document() -> None:
    health = GeneratorHealth()
    health.socket_drops(1)
    document = json.loads(json.dumps(health.verdict().to_dict()))
    assert document["trustworthy"] is False
    assert document["reasons"] == ["1 datagrams dropped by our own full socket buffers, limit 0"]
    assert set(document) == {
        "trustworthy", "reasons", "loop_lag_p99_seconds", "pacing_error_p99_seconds", "socket_drops", "cpu_ratio",
        "decode_overload", "decode_delay_p99_seconds",
    }  # fmt: skip


@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf])
def test_impossible_readings_are_refused(wrong: float) -> None:
    health = GeneratorHealth()
    for take in (health.loop_lag, health.pacing_error, health.cpu):
        with pytest.raises(ValueError, match="is no duration"):
            take(wrong)
    with pytest.raises(ValueError, match="is no duration"):
        health.socket_drops(-1)
    with pytest.raises(ValueError, match="is no duration"):
        health.decode_overload(-1)


def test_it_crosses_a_pipe_exactly() -> None:
    health = GeneratorHealth(HealthLimits(cpu_ratio=0.5))
    for seconds in (0.0, 0.001, 0.2):
        health.loop_lag(seconds, interval=0.02)
        health.pacing_error(seconds / 3)
        health.decode_delay(seconds / 7)
        health.cpu(seconds)
    health.socket_drops(3)
    health.decode_overload(2)
    health.shortage("Too many open files")
    found = GeneratorHealth.from_dict(json.loads(json.dumps(health.to_dict())))
    assert found.to_dict() == health.to_dict()
    assert found.verdict() == health.verdict()
    assert found.limits == health.limits


@pytest.mark.parametrize("damage", [{"limits": {"x": 1}}, {"cpu": {}}, {"socket_drops": None}])
def test_a_damaged_health_is_seen(damage: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a stored health"):
        GeneratorHealth.from_dict(GeneratorHealth().to_dict() | damage)
    with pytest.raises(ValueError, match="not a stored health"):
        GeneratorHealth.from_dict({})


@given(st.lists(st.floats(0, 3), max_size=60), st.sampled_from([None, 0.0, 0.02]))
def test_in_bulk_is_the_same(lags: list[float], interval: float | None) -> None:
    one, many = GeneratorHealth(), GeneratorHealth()
    for lag in lags:
        one.loop_lag(lag, interval)
        one.pacing_error(lag)
    many.loop_lags(np.array(lags), interval)
    many.pacing_errors(np.array(lags))
    assert many.to_dict() == one.to_dict()


@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf])
def test_in_bulk_impossible_readings_are_refused_and_nothing_is_counted(wrong: float) -> None:
    health = GeneratorHealth()
    for take in (health.loop_lags, health.pacing_errors):
        with pytest.raises(ValueError, match="is no duration"):
            take(np.array([0.5, wrong]))
    assert health.verdict() == GeneratorHealth().verdict()


def test_a_machine_that_has_no_more_is_named_as_the_cause() -> None:
    health, other = GeneratorHealth(), GeneratorHealth()
    for one in (health, health, other):
        one.shortage("Too many open files")
    health.merge(other)
    assert health.verdict().reasons == ("Too many open files, 3 times: give this machine more of it",)
    assert not health.verdict().trustworthy
    health.forget()
    assert health.verdict().trustworthy
