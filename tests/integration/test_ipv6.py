"""Meetings on IPv6 alone: P2P, and through the shim, with the same readings as on IPv4."""

from __future__ import annotations

import socket

import pytest

from probe.model.platform import Platform
from probe.model.result import RunResult
from probe.run import RunOptions
from sfu_shim.config import ShimConfig
from sfu_shim.core.policy import Policy
from sfu_shim.server import ShimServer
from tests.integration.small import count, mean, run, scenario

MOVING = {"visitors": 1, "settle": 1.2, "visit": 1.2, "join_deadline": 8.0}


@pytest.fixture(autouse=True)
def _has_ipv6() -> None:
    try:
        with socket.socket(socket.AF_INET6) as one:
            one.bind(("::1", 0))
    except OSError as error:
        pytest.skip(f"no IPv6 on this machine's loopback: {error}")


def _all_went_well(result: RunResult) -> None:
    assert not result.errors
    for metric in ("connection_success_ratio", "migration_success_ratio", "connection_stability_ratio"):
        assert mean(result, metric) == 1.0, metric
    pairs = {key for key in result.summary["connect_duration_seconds"]["by"] if key.startswith("pair=")}
    assert pairs == {"pair=host/host"}
    for topology in ("topology=p2p", "topology=sfu"):
        assert count(result, "one_way_delay_seconds", topology) > 20
        assert count(result, "round_trip_time_seconds", topology) > 0
        assert 0.0 <= mean(result, "one_way_delay_seconds", topology) < 5.0
    if result.health["trustworthy"]:
        assert mean(result, "packet_loss_ratio") == 0.0


@pytest.mark.parametrize("depth", ["headers", "pictures"])
async def test_the_embedded_shim_and_p2p_on_ipv6_alone(depth: str) -> None:
    _all_went_well(await run(scenario(ice={"families": [6]}, observe=depth, **MOVING), within=60.0))


async def test_a_shim_on_the_loopback_address_of_ipv6() -> None:
    shim = ShimServer(ShimConfig(host="::1", port=0, media_addresses=("::1",), policy=Policy(p2p_limit=2)))
    url = await shim.start()
    assert url.startswith("ws://[::1]:")
    try:
        result = await run(scenario(observe="headers", **MOVING), RunOptions(Platform(url=url)), within=60.0)
    finally:
        await shim.stop()
    _all_went_well(result)
