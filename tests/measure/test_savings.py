from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.savings import Path, Prices, Savings, SavingsLedger
from probe.model.errors import ConfigError
from probe.model.metrics import METRICS

FREE_SERVERS = Prices(egress_per_gb=0.1, ingress_per_gb=0.01, sfu_per_hour=0.0)


def _meeting(path: Path, people: int, stream_bytes: float, seconds: float = 3600.0) -> SavingsLedger:
    ledger = SavingsLedger()
    for _ in range(people):
        ledger.add_stream(path, stream_bytes, people - 1)
        ledger.add_time(path, seconds)
    return ledger


def test_nothing_carried_nothing_known() -> None:
    result = SavingsLedger().result()
    assert result.p2p_usage_ratio is result.bandwidth_saving_ratio is result.cost_saving_ratio is None
    assert (result.bytes_crossed, result.cost_pure_sfu) == (0, 0)
    assert result.samples(1.0) == []


def test_an_sfu_meeting_is_the_pure_sfu() -> None:
    result = _meeting("sfu", 3, 1e9).result()
    assert result.bytes_crossed == result.bytes_pure_sfu == 3 * 1e9 * (1 + 2)
    assert (result.p2p_usage_ratio, result.bandwidth_saving_ratio, result.cost_saving_ratio) == (0.0, 0.0, 0.0)


def test_a_direct_call_saves_everything() -> None:
    result = _meeting("p2p", 2, 1e9).result()
    assert (result.bytes_crossed, result.bytes_pure_sfu, result.cost) == (0.0, 4e9, 0.0)
    assert (result.p2p_usage_ratio, result.bandwidth_saving_ratio, result.cost_saving_ratio) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(("people", "saving"), [(2, 0.0), (3, 1 - 12 / 9), (4, 1 - 24 / 16)])
def test_relayed_meshes_cross_the_server_twice_per_copy(people: int, saving: float) -> None:
    result = _meeting("relay", people, 1e9).result()
    assert result.bandwidth_saving_ratio == pytest.approx(saving)
    assert result.p2p_usage_ratio == 1.0


def test_cost_by_hand() -> None:
    ledger = _meeting("p2p", 2, 1e9)
    ledger.merge(_meeting("sfu", 3, 2e9))
    prices = Prices(egress_per_gb=0.1, ingress_per_gb=0.01, sfu_per_hour=5.0, participants_per_sfu=10)
    result = ledger.result(prices)
    # SFU: 6 GB in, 12 GB out, 3 participant-hours at a tenth of a server each; P2P: 2 GB in, 2 GB out, 2 hours saved
    assert result.cost == pytest.approx(12 * 0.1 + 6 * 0.01 + 0.3 * 5)
    assert result.cost_pure_sfu == pytest.approx(14 * 0.1 + 8 * 0.01 + 0.5 * 5)
    assert result.cost_saving_ratio == pytest.approx(1 - 2.76 / 3.98)
    assert result.bandwidth_saving_ratio == pytest.approx(1 - 18 / 22)
    assert result.p2p_usage_ratio == pytest.approx(0.4)


def test_relay_is_priced_by_volume_only() -> None:
    result = _meeting("relay", 2, 1e9).result(Prices(0.1, 0.01, sfu_per_hour=5.0))
    assert result.cost == pytest.approx(2 * 0.1 + 2 * 0.01)


def test_a_second_path_while_migrating_crosses_but_a_pure_sfu_would_not_have_carried_it() -> None:
    ledger = SavingsLedger()
    ledger.add_stream("p2p", 9e6, 1)
    ledger.add_stream("sfu", 1e6, 1, second_path=True)
    result = ledger.result(FREE_SERVERS)
    assert (result.bytes_crossed, result.bytes_pure_sfu) == (2e6, 18e6)


def test_free_traffic_has_no_cost_saving() -> None:
    assert _meeting("p2p", 2, 1e9).result(Prices(0, 0, 0)).cost_saving_ratio is None


def test_samples_carry_registered_metrics() -> None:
    samples = _meeting("p2p", 2, 1e9).result().samples(12.5)
    assert [(sample.metric, sample.value, sample.time) for sample in samples] == [
        ("p2p_usage_ratio", 1.0, 12.5),
        ("bandwidth_saving_ratio", 1.0, 12.5),
        ("cost_saving_ratio", 1.0, 12.5),
    ]
    assert all(sample.metric in METRICS for sample in samples)


PATHS: list[Path] = ["p2p", "relay", "sfu"]
STREAMS = st.lists(st.tuples(st.sampled_from(PATHS), st.integers(0, 10**12), st.integers(0, 50)), max_size=20)


@given(STREAMS, STREAMS)
def test_merge_equals_adding_and_direct_paths_never_cost(
    first: list[tuple[Path, int, int]], second: list[tuple[Path, int, int]]
) -> None:
    def result(*groups: list[tuple[Path, int, int]]) -> Savings:
        total = SavingsLedger()
        for group in groups:
            part = SavingsLedger()
            for path, size, receivers in group:
                part.add_stream(path, size, receivers)
            total.merge(part)
        return total.result(FREE_SERVERS)

    assert result(first, second) == result(first + second) == result(second, first)
    direct = [("p2p", size, receivers) for _, size, receivers in first]
    assert result(direct).bytes_crossed == 0  # type: ignore[arg-type]
    sfu_only = result([stream for stream in first if stream[0] != "relay"])
    assert sfu_only.bandwidth_saving_ratio is None or 0 <= sfu_only.bandwidth_saving_ratio <= 1


@pytest.mark.parametrize(
    ("prices", "says"),
    [
        ({"egress_per_gb": -0.1}, "egress_per_gb -0.1 .*0 or more"),
        ({"ingress_per_gb": math.nan}, "ingress_per_gb nan"),
        ({"sfu_per_hour": math.inf}, "sfu_per_hour inf"),
        ({"participants_per_sfu": 0}, "participants_per_sfu 0 .*above 0"),
    ],
)
def test_impossible_prices(prices: dict[str, float], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Prices(**prices)


def test_impossible_streams_are_refused_and_not_counted() -> None:
    ledger = SavingsLedger()
    calls: list[Callable[[], object]] = [
        lambda: ledger.add_stream("turn", 1.0, 1),  # type: ignore[arg-type]
        lambda: ledger.add_stream("p2p", -1.0, 1),
        lambda: ledger.add_stream("p2p", math.nan, 1),
        lambda: ledger.add_stream("p2p", 1.0, -1),
        lambda: ledger.add_time("p2p", -1.0),
    ]
    for call in calls:
        with pytest.raises(ValueError):
            call()
    assert ledger == SavingsLedger()


def test_it_crosses_a_pipe_exactly() -> None:
    ledger = _meeting("sfu", 3, 1e9 / 3, seconds=0.1)
    ledger.merge(_meeting("relay", 2, 0.1))
    found = SavingsLedger.from_dict(json.loads(json.dumps(ledger.to_dict())))
    assert found == ledger
    assert found.result() == ledger.result()


@pytest.mark.parametrize("damage", [{"actual": {"x": 1}}, {"pure": 1}, {"p2p_seconds": None}])
def test_a_damaged_ledger_is_seen(damage: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a stored ledger"):
        SavingsLedger.from_dict(SavingsLedger().to_dict() | damage)
