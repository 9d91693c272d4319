from __future__ import annotations

import pytest

from probe.model.errors import ConfigError
from probe.rtc.addresses import LOOPBACK, LOOPBACK_6, gathering_addresses

EVERYWHERE = ("192.0.2.9", "2001:db8::9")


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.rtc.addresses.get_host_addresses", lambda **_: list(EVERYWHERE))


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (None, (LOOPBACK,)),
        ("ws://127.0.0.1:8787", (LOOPBACK,)),
        ("ws://127.1.2.3:8787", (LOOPBACK,)),
        ("ws://localhost", (LOOPBACK,)),
        ("ws://[::1]:1", (LOOPBACK_6,)),
        ("wss://meet.example", EVERYWHERE),
        ("ws://192.0.2.1:8787", EVERYWHERE),
    ],
)
def test_a_server_on_loopback_is_met_on_loopback(url: str | None, found: tuple[str, ...]) -> None:
    assert gathering_addresses((), url) == found


@pytest.mark.parametrize(
    ("url", "families", "found"),
    [
        (None, (6,), (LOOPBACK_6,)),
        ("ws://localhost", (6,), (LOOPBACK_6,)),
        ("ws://127.0.0.1:1", (6,), (LOOPBACK_6,)),
        ("wss://meet.example", (6,), EVERYWHERE[1:]),
        ("wss://meet.example", (4,), EVERYWHERE[:1]),
    ],
)
def test_one_version_of_ip_alone(url: str | None, families: tuple[int, ...], found: tuple[str, ...]) -> None:
    assert gathering_addresses((), url, families) == found


def test_what_the_user_names_is_taken() -> None:
    assert gathering_addresses(["192.0.2.7"], "ws://127.0.0.1") == ("192.0.2.7",)
    assert gathering_addresses(["192.0.2.7", "2001:db8::7"], None, (6,)) == ("2001:db8::7",)


def test_no_address_of_that_version_is_told() -> None:
    with pytest.raises(ConfigError, match=r"no address of IPv6 to gather on"):
        gathering_addresses(["192.0.2.7"], None, (6,))
