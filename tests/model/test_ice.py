"""The scenario's ICE: what may be written, what is refused with which words, legs, and short-lived TURN passwords."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from probe.model.errors import ConfigError
from probe.model.ice import LEGS, Ice, IceServerSpec, check_relay, rest_credentials, usable
from probe.model.ice_url import IceUrl, parse_ice_url
from probe.model.scenario import Scenario
from probe.model.scenario_files import parse_scenario
from probe.model.validation import validate

TURN = {"urls": ["turn:t.example"], "username": "ann", "credential_env": "TURN_PASSWORD"}
SPEC = IceServerSpec.model_validate(TURN)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("stun:s.example", IceUrl("stun", "s.example", 3478, "udp")),
        ("STUN:s.example:19302", IceUrl("stun", "s.example", 19302, "udp")),
        ("turn:t.example", IceUrl("turn", "t.example", 3478, "udp")),
        ("turn:t.example?transport=udp", IceUrl("turn", "t.example", 3478, "udp")),
        ("turn:192.0.2.1:80?transport=tcp", IceUrl("turn", "192.0.2.1", 80, "tcp")),
        ("turns:t.example", IceUrl("turn", "t.example", 5349, "tls")),
        ("turns:t.example:443?transport=tcp", IceUrl("turn", "t.example", 443, "tls")),
        ("turn:[2001:db8::1]:3479", IceUrl("turn", "2001:db8::1", 3479, "udp")),
    ],
)
def test_urls_are_read_and_written_again(text: str, url: IceUrl) -> None:
    assert parse_ice_url(text) == url
    assert parse_ice_url(str(url)) == url


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("https://t.example", "is no STUN or TURN URL"),
        ("turn:", "is no STUN or TURN URL"),
        ("turn:t.example:0", "port 0 is not in 1..65535"),
        ("turn:t.example:99999", "port 99999 is not in 1..65535"),
        ("turn:t.example?transport=sctp", "transport=sctp is not known there"),
        ("stun:s.example?transport=udp", "transport=udp is not known there"),
        ("turns:t.example?transport=udp", "TURN over DTLS is not supported"),
        ("stuns:s.example", "STUN over TLS finds no address"),
        ("turn:ann:hidden@t.example", "holds no user name or password"),
    ],
)
def test_bad_urls_are_told_and_show_no_password(text: str, why: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_ice_url(text)
    assert why in str(refused.value)
    assert "hidden" not in str(refused.value)


def _refusal(ice: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as refused:
        validate(Ice, ice, source="my.yaml")
    return str(refused.value)


@pytest.mark.parametrize(
    ("server", "why"),
    [
        (
            TURN | {"credential": "hidden"},
            "credential: a secret does not belong into a scenario; write credential_env:",
        ),
        (TURN | {"password": "hidden"}, "write credential_env: with the name of an environment variable"),
        (TURN | {"rest_secret": "hidden"}, "write rest_secret_env: with the name"),
        ({"urls": ["turn:ann:hidden@t.example"]}, "a STUN or TURN URL holds no user name or password"),
        ({"urls": ["turn:t.example"]}, "a TURN server wants credentials"),
        ({"urls": ["turn:t.example"], "credential_env": "X"}, "username: a TURN server wants one beside the password"),
        (TURN | {"rest_secret_env": "X"}, "credential_env and rest_secret_env: one of them is enough"),
        ({"urls": ["stun:s.example"], "username": "ann"}, "a STUN server takes no credentials"),
        (TURN | {"rest_ttl": "5s"}, "greater than or equal to 60"),
        (TURN | {"credential_env": "no name"}, "should match pattern"),
        ({"urls": []}, "at least 1 item"),
        (TURN | {"url": "turn:t.example"}, "unknown key, did you mean 'urls'?"),
    ],
)
def test_what_a_server_must_not_be(server: dict[str, Any], why: str) -> None:
    told = _refusal({"servers": [server]})
    assert why in told
    assert "hidden" not in told


def test_the_rest_is_checked_too() -> None:
    assert "families" in _refusal({"families": [5]})
    assert "families" in _refusal({"families": []})
    assert "policy" in _refusal({"policy": "none"})


@pytest.mark.parametrize(
    ("secret", "name", "expires", "username", "password"),
    [
        # HMAC-SHA1 by `printf USERNAME | openssl dgst -sha1 -hmac SECRET -binary | base64`
        ("logen", "mbzrxpgjys", 1_600_000_000.9, "1600000000:mbzrxpgjys", "3TtraZAzBz7wlsMHIqmdmOfB3oM="),
        ("logen", "", 1_600_000_000.0, "1600000000", "bPjlmlxYun+91FjhqZ0uXC9/TBc="),
    ],
)
def test_short_lived_passwords(secret: str, name: str, expires: float, username: str, password: str) -> None:
    assert rest_credentials(secret, name, expires) == (username, password)


def test_legs_change_what_is_forbidden_and_nothing_else() -> None:
    given = Ice(servers=(SPEC,), policy="relay", udp=False, families=(6,), platform_servers=False)
    found = {leg: given.on(leg) for leg in LEGS}
    assert [(ice.policy, ice.udp, ice.relayed) for ice in found.values()] == [
        ("all", True, False),
        ("relay", True, True),
        ("all", False, True),
    ]
    assert all(ice.servers == given.servers and ice.families == (6,) for ice in found.values())


def test_a_scenario_on_a_leg_has_a_name_of_its_own() -> None:
    scenario = Scenario(name="calls", ice=Ice(), legs=("direct", "relay-only"))
    on = scenario.on("relay-only")
    assert (on.name, on.ice.policy, on.legs) == ("calls relay-only", "relay", ())
    longest = Scenario(name="x" * 64).on("udp-blocked")
    assert longest.name == "x" * 52 + " udp-blocked"
    assert Scenario.model_validate_json(longest.model_dump_json()) == longest  # as it goes to another process
    with pytest.raises(ValueError, match="named twice"):
        Scenario(name="calls", legs=("direct", "direct"))


def test_files_of_secrets_are_found_beside_the_scenario() -> None:
    servers = [{"urls": "turn:t.example", "username": "ann", "credential_file": "password.txt"}]
    scenario = parse_scenario({"name": "a", "ice": {"servers": servers}}, source="a.yaml", folder=Path("/somewhere"))
    assert scenario.ice.servers[0].credential_file == Path("/somewhere/password.txt")


URLS = [
    parse_ice_url(text) for text in ("stun:s.example", "turn:t.example", "turn:t.example?transport=tcp", "turns:t.example")
]  # fmt: skip


@pytest.mark.parametrize(
    ("relay_only", "udp", "left"), [(False, True, [0, 1, 2, 3]), (True, True, [1, 2, 3]), (False, False, [2, 3])]
)
def test_which_urls_may_be_asked(relay_only: bool, udp: bool, left: list[int]) -> None:
    assert usable(URLS, relay_only=relay_only, udp=udp) == [URLS[position] for position in left]


@pytest.mark.parametrize(
    ("ice", "embedded", "why"),
    [
        (Ice(), True, ""),
        (Ice(policy="relay"), False, ""),  # the platform may name one
        (Ice(policy="relay"), True, "ice.policy relay needs a TURN server, and none is known"),
        (Ice(policy="relay", platform_servers=False), False, "needs a TURN server, and none is known"),
        (Ice(policy="relay", servers=(SPEC,)), True, ""),
        (Ice(udp=False, servers=(SPEC,)), True, "needs a TURN server over TCP or TLS"),
        (Ice(udp=False, servers=(IceServerSpec.model_validate(TURN | {"urls": ["turns:t.example"]}),)), True, ""),
    ],
)
def test_where_a_relay_is_the_only_way_one_must_be_known(ice: Ice, embedded: bool, why: str) -> None:
    if not why:
        check_relay(ice, embedded=embedded)
        return
    with pytest.raises(ConfigError, match=why):
        check_relay(ice, embedded=embedded)
