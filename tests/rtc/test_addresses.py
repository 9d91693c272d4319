from __future__ import annotations

import pytest

from probe.rtc.addresses import LOOPBACK, gathering_addresses


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        (None, True),
        ("ws://127.0.0.1:8787", True),
        ("ws://127.1.2.3:8787", True),
        ("ws://localhost", True),
        ("ws://[::1]:1", True),
        ("wss://meet.example", False),
        ("ws://192.0.2.1:8787", False),
    ],
)
def test_a_server_on_loopback_is_met_on_loopback(
    monkeypatch: pytest.MonkeyPatch, url: str | None, loopback: bool
) -> None:
    monkeypatch.setattr("probe.rtc.addresses.get_host_addresses", lambda **_: ["192.0.2.9", "2001:db8::9"])
    assert gathering_addresses((), url) == ((LOOPBACK,) if loopback else ("192.0.2.9", "2001:db8::9"))


def test_what_the_user_names_is_taken() -> None:
    assert gathering_addresses(["192.0.2.7"], "ws://127.0.0.1") == ("192.0.2.7",)
