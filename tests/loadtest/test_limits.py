"""What a campaign may not do unless somebody says that it may."""

from __future__ import annotations

import re
import socket
from typing import Any

import pytest

from loadtest.limits import addresses_of, check, is_loopback, participants_of
from loadtest.plans import Load
from probe.model.errors import ConfigError
from tests.loadtest.build import settings

NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "both.example": ["127.0.0.1", "192.0.2.7"],
    "staging.example": ["192.0.2.7"],
    "127.0.0.2": ["127.0.0.2"],
    "::1": ["::1%lo"],
    "empty.example": [],
}


def resolve(host: str) -> list[str]:
    if host not in NAMES:
        raise socket.gaierror(-2, "Name or service not known")
    return NAMES[host]


def refused(load: Load, **changes: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        check(settings(**changes), load, resolve)
    return str(caught.value)


@pytest.mark.parametrize("url", ["ws://localhost:8787", "ws://127.0.0.2", "ws://[::1]:8787"])
def test_this_machine_may_be_loaded(url: str) -> None:
    check(settings(url=url), Load(1000, 100.0, 14_400.0), resolve)


@pytest.mark.parametrize("host", ["staging.example", "both.example"])
def test_another_may_not_unless_it_is_named(host: str) -> None:
    url = f"wss://{host.upper()}/ws"
    check(settings(url=url), Load(10, 5.0), resolve)
    assert refused(Load(11, 5.0), url=url) == (
        f"--host: {host} is not this machine, and 11 participants are real load on whoever runs it: more than 10 may be sent "
        f"there only when that is said (if it is yours to load: --allow-target {host})"
    )
    check(settings(url=url, allow_targets=("other.example", host)), Load(11, 5.0), resolve)
    check(settings(url=f"ws://{host}:99", allow_targets=(f"{host}:99",)), Load(11, 5.0), resolve)
    refused(Load(11, 5.0), url=f"ws://{host}:98", allow_targets=(f"{host}:99",))


def test_a_name_without_address_is_told() -> None:
    assert "nowhere.example has no address: Name or service not known" in refused(
        Load(11, 1.0), url="ws://nowhere.example"
    )
    assert "empty.example has no address" in refused(Load(11, 1.0), url="ws://empty.example")


def test_caps_name_the_option_that_raises_them() -> None:
    assert refused(Load(1001, 1.0)).endswith("--max-participants 1001)")
    assert refused(Load(10, 100.5)) == (
        "--spawn-rate: 100.5 users a second are more than the 100 that may be (if the server is to bear that: --max-rate 101)"
    )
    assert refused(Load(10, 1.0, 20_000.0)).endswith("--max-duration 20000s)")
    assert refused(Load(600, 1.0, 60.0), shape="spike").endswith("--max-participants 1200)")
    assert "--spawn-rate" in refused(Load(1000, 1.0, 5.0), shape="ramp"), "the shape itself is too steep"


@pytest.mark.parametrize(
    ("load", "option"),
    [(Load(0, 1.0), "--users"), (Load(1, 0.0), "--spawn-rate"), (Load(1, float("nan")), "--spawn-rate")],
)
def test_no_load_is_a_mistake(load: Load, option: str) -> None:
    assert re.match(option, refused(load))


def test_participants_of() -> None:
    """The campaign's scenario has meetings of 2 with one visitor."""
    assert participants_of(settings(), 7) == 7
    assert participants_of(settings(users_kind="meeting"), 7) == 21
    assert participants_of(settings(users_kind="both"), 7) == 4 * 3 + 3
    assert participants_of(settings(meetings=2), 7) == 4
    assert participants_of(settings(users_kind="meeting", meetings=2), 7) == 6


def test_the_systems_own_resolver() -> None:
    assert is_loopback("127.0.0.1", addresses_of)
    assert is_loopback("::1", addresses_of)
    assert not is_loopback("192.0.2.7", addresses_of)
