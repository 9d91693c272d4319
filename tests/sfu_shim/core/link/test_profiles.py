from __future__ import annotations

import re
import statistics
from pathlib import Path
from random import Random

import pytest

from probe.model.errors import ConfigError
from probe.model.yaml_file import parse_yaml
from sfu_shim.core.link.impairment import GilbertElliott, Impairment, RandomLoss
from sfu_shim.core.link.link import Link
from sfu_shim.core.link.profiles import PROFILES, Network, network_profile, parse_network
from sfu_shim.core.link.schedule import Schedule, Step
from tests.sfu_shim.core.link.simulate import carry, stream


def test_the_promised_profiles_are_there_with_their_sources() -> None:
    assert list(PROFILES) == [
        "perfect", "fiber", "dsl", "wifi-busy", "lte", "3g", "transatlantic", "geo-satellite", "lossy-5", "burst-loss",
    ]  # fmt: skip
    for name, network in PROFILES.items():
        assert network.name == name
        assert len(network.source) > 20
        assert len(network.why) > 20
    assert PROFILES["perfect"].up == PROFILES["perfect"].down == Schedule()


@pytest.mark.parametrize(
    ("name", "round_trip"),
    [("fiber", 0.004), ("dsl", 0.05), ("lte", 0.07), ("3g", 0.3), ("transatlantic", 0.09), ("geo-satellite", 0.63)],
)
def test_round_trips_are_the_published_ones(name: str, round_trip: float) -> None:
    network = network_profile(name)
    assert network.up.base.delay + network.down.base.delay == pytest.approx(round_trip)


def test_busy_wifi_has_half_the_measured_waits_in_each_direction() -> None:
    link = Link(network_profile("wifi-busy").up, Random(1), history=1 << 15)
    carry(link, stream(20_000, 1.0))  # far apart: the jitter alone, without waiting for each other
    delays = sorted(
        delay for one in link.truth.streams.values() for delay in (r.released - r.arrival for r in one.releases)
    )
    assert statistics.median(delays) == pytest.approx(0.012, rel=0.05)
    assert delays[len(delays) * 9 // 10] == pytest.approx(0.046, rel=0.05)
    assert link.truth.total.lost / 20_000 == pytest.approx(0.01, rel=0.25)


def test_burst_loss_loses_as_much_as_lossy_5() -> None:
    burst, plain = network_profile("burst-loss").up.base.loss, network_profile("lossy-5").up.base.loss
    assert isinstance(burst, GilbertElliott)
    assert isinstance(plain, RandomLoss)
    assert burst.mean_ratio == pytest.approx(plain.mean_ratio)


def test_a_name() -> None:
    assert parse_network("lte") is PROFILES["lte"]
    with pytest.raises(ConfigError, match="net: unknown network profile 'lt', did you mean 'lte'"):
        parse_network("lt", where="net")


def test_directions() -> None:
    network = parse_network({"up": {"loss": 0.03, "schedule": [{"at": 10, "blackout": 0.4}]}, "down": "3g"})
    assert network == Network(
        "custom",
        Schedule(Impairment(loss=RandomLoss(0.03)), (Step(10, None, 0.4),)),
        PROFILES["3g"].down,
    )


def test_a_network_of_one_s_own_has_no_source() -> None:
    """The baseline's says that nothing is done to the packets."""
    own = parse_network({"up": {"delay": 0.1}})
    assert (own.name, own.source, own.why) == ("custom", "", "")
    assert parse_network({}) is PROFILES["perfect"]


def test_a_changed_profile() -> None:
    network = parse_network({"profile": "lte", "down": {"loss": 0.02}})
    assert network.name == "lte (changed)"
    assert network.source == PROFILES["lte"].source
    assert network.up == PROFILES["lte"].up
    assert network.down.base.loss == RandomLoss(0.02)
    assert network.down.base.delay == 0.035
    assert parse_network({"profile": "lte"}) is PROFILES["lte"]
    assert parse_network({}) is PROFILES["perfect"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "network: expected a profile's name, or up and down"),
        ({"upp": {}}, "network: unknown key 'upp', did you mean 'up'"),
        ({"profile": 3}, "network: profile: 3 is not a name"),
        ({"profile": "lt"}, "network.profile: unknown network profile 'lt'"),
        ({"up": "lt"}, "network.up: unknown network profile 'lt'"),
        ({"up": {"delay": 99}}, "network.up: delay: 99 is not within 0 … 10 (seconds)"),
        ({"up": 3}, "network.up: 3 stands where keys and values should"),
    ],
)
def test_errors(value: object, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_network(value)
    assert message in str(caught.value)


def test_the_page_about_networks_is_right() -> None:
    page = (Path(__file__).parents[4] / "docs" / "network.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    networks = [parse_network(parse_yaml(text, source="network.md")["network"]) for text in examples]
    assert networks[0] is PROFILES["lte"]
    assert len(networks[1].up.steps) == 3
    assert networks[1].down == PROFILES["3g"].down
    rows = re.findall(r"^\| `([\w-]+)` \| .* \| .* \| .* \|$", page, re.MULTILINE)
    assert [name for name in rows if name in PROFILES] == list(PROFILES)
