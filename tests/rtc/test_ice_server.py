"""Servers as peers use them: secrets from the environment and from files, and what can't work is told before the first packet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from probe.model.errors import ConfigError
from probe.model.ice import Ice, rest_credentials
from probe.model.platform import Tls
from probe.model.scenario import Scenario
from probe.rtc.ice_server import IceServer, check_ice, ice_choice

TURN: dict[str, Any] = {"urls": ["turns:t.example"], "username": "ann"}
NAMED = (IceServer(("stun:named.example",)),)


def _ice(**server: Any) -> Ice:
    return Ice.model_validate({"servers": [TURN | server]})


def test_secrets_come_from_the_environment_and_from_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from the file\n")
    environment = {"SECRET": "from the environment"}
    by_name = ice_choice(_ice(credential_env="SECRET"), environment, 0.0)
    by_file = ice_choice(_ice(credential_file=tmp_path / "secret"), environment, 0.0)
    assert by_name.servers == (IceServer(("turns:t.example",), "ann", "from the environment"),)
    assert by_file.servers == (IceServer(("turns:t.example",), "ann", "from the file"),)
    assert "environment" not in repr(by_name)


def test_short_lived_passwords_are_made_of_the_shared_secret() -> None:
    choice = ice_choice(_ice(rest_secret_env="SECRET", rest_ttl="600s"), {"SECRET": "shared"}, 1_000_000.0)
    username, password = rest_credentials("shared", "ann", 1_000_600.0)
    assert choice.servers == (IceServer(("turns:t.example",), username, password),)
    assert username == "1000600:ann"


def test_what_the_scenario_says_is_what_peers_get() -> None:
    tls = Tls(insecure=True)
    choice = ice_choice(Ice(policy="relay", udp=False), {}, 0.0, tls)
    assert (choice.relay_only, choice.udp, choice.tls) == (True, False, tls)
    own = IceServer(("stun:own.example",))
    both = ice_choice(Ice.model_validate({"servers": [{"urls": "stun:own.example"}]}), {}, 0.0)
    assert both.beside(NAMED) == (own, *NAMED)
    alone = ice_choice(
        Ice.model_validate({"servers": [{"urls": "stun:own.example"}], "platform_servers": False}), {}, 0.0
    )
    assert alone.beside(NAMED) == (own,)


@pytest.mark.parametrize(
    ("server", "why"),
    [
        ({"credential_env": "MISSING"}, "the environment variable MISSING is not set"),
        ({"rest_secret_env": "EMPTY"}, "the environment variable EMPTY is not set"),
        ({"credential_file": "/nowhere/secret"}, "can't read /nowhere/secret: No such file or directory"),
        ({"credential_file": "/dev/null"}, "/dev/null is empty"),
    ],
)
def test_secrets_that_are_not_there(server: dict[str, str], why: str) -> None:
    with pytest.raises(ConfigError, match=why) as refused:
        ice_choice(_ice(**server), {"EMPTY": ""}, 0.0)
    assert refused.value.who == "ice.servers turns:t.example"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({}, ""),
        ({"network": "lte"}, "an emulated network can't stand before a relay"),
        ({"networks": ["lte"]}, "an emulated network can't stand before a relay"),
        ({"browsers": 1}, "they would take the direct way"),
    ],
)
def test_what_does_not_go_with_a_relay_as_the_only_way(more: dict[str, Any], why: str) -> None:
    ice = {"servers": [TURN | {"credential_env": "SECRET"}], "policy": "relay"}
    scenario = Scenario.model_validate({"name": "a", "ice": ice, "p2p_limit": 3, **more})
    if not why:
        check_ice(scenario, {"SECRET": "x"}, embedded=True)
        return
    with pytest.raises(ConfigError, match=why):
        check_ice(scenario, {"SECRET": "x"}, embedded=True)


def test_no_relay_where_it_is_the_only_way() -> None:
    with pytest.raises(ConfigError, match="none is known"):
        check_ice(Scenario.model_validate({"name": "a", "ice": {"policy": "relay"}}), {}, embedded=True)
