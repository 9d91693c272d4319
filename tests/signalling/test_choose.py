"""Which URLs lead to a meeting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from probe.model.errors import ConfigError
from probe.model.platform import Platform
from probe.signalling.base import Joined
from probe.signalling.choose import check_platform, check_topology, open_signalling
from probe.signalling.janus import JanusSignalling
from probe.signalling.shim import ShimSignalling
from probe.signalling.whep import WhepSignalling
from probe.signalling.whip import WhipSignalling
from probe.signalling.whip_messages import Session


@pytest.mark.parametrize(
    "url", ["ws://host", "wss://host:8787", "ws://127.0.0.1:1/ws", "ws://[::1]:8787/x", "WS://HOST"]
)
def test_urls_of_the_shim(url: str) -> None:
    check_platform(Platform(url=url))
    assert isinstance(open_signalling(Platform(url=url, token="token")), ShimSignalling)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://host", "schemes: .*whip\\+https, ws, wss"),
        ("host:8787", "schemes"),
        ("", "can't enter"),
        ("ws://", "can't enter"),
        ("ws://:8787", "can't enter"),
        ("ws://host:99999", "Port out of range"),
        ("ws://host:x", "bad URL"),
        ("ws://[::1", "bad URL"),
    ],
)
def test_urls_that_lead_nowhere(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as failure:
        check_platform(Platform(url=url))
    assert failure.value.phase == "url"
    with pytest.raises(ConfigError):
        open_signalling(Platform(url=url))


@pytest.mark.parametrize(
    ("url", "adapter"),
    [
        ("whip+http://127.0.0.1:1/whip/room", WhipSignalling),
        ("whep+https://media.example/whep/room", WhepSignalling),
        ("janus+ws://127.0.0.1:8188/?room=1234", JanusSignalling),
        ("janus+https://janus.example/janus?room=1", JanusSignalling),
    ],
)
async def test_each_scheme_has_its_adapter(url: str, adapter: type) -> None:
    check_platform(Platform(url=url))
    opened = open_signalling(Platform(url=url, token="token"))
    assert isinstance(opened, adapter)
    await opened.leave()
    check_topology(Platform(url=url), "sfu")
    for topology in ("p2p", "hybrid"):
        with pytest.raises(ConfigError, match=f"topology {topology} can't be had"):
            check_topology(Platform(url=url), topology)


@pytest.mark.parametrize("topology", ["p2p", "sfu", "hybrid"])
def test_our_own_protocol_has_all_topologies(topology: Any) -> None:
    check_topology(Platform(url="wss://meet.example/ws"), topology)


def test_a_janus_url_is_read_before_anything_is_sent() -> None:
    with pytest.raises(ConfigError):
        check_platform(Platform(url="janus+ws://127.0.0.1:8188/?romm=1234"))


@pytest.mark.parametrize(
    ("url", "signalling", "adapter"),
    [
        ("https://media.example/whip/room", "", WhipSignalling),
        ("https://media.example/live/cam1/whep", "", WhepSignalling),
        ("http://media.example/watch", "whep", WhepSignalling),
        ("wss://janus.example/?room=1", "janus", JanusSignalling),
        ("janus+wss://janus.example/?room=1", "janus", JanusSignalling),
        ("wss://meet.example", "shim", ShimSignalling),
    ],
)
async def test_a_plain_url_says_it_by_its_path_or_the_user_does(url: str, signalling: str, adapter: type) -> None:
    platform = Platform(url=url, signalling=signalling)
    check_platform(platform)
    opened = open_signalling(platform)
    assert type(opened) is adapter
    await opened.leave()


@pytest.mark.parametrize(
    ("url", "signalling", "said"),
    [
        ("wss://meet.example", "jannus", "no adapter is called 'jannus', did you mean 'janus'"),
        ("https://meet.example", "shim", "does not speak https://.*it speaks ws, wss"),
        ("ftp://meet.example", "janus", "it speaks ws, wss, http, https"),
    ],
)
def test_an_adapter_that_can_not_be_had(url: str, signalling: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        check_platform(Platform(url=url, signalling=signalling))


def test_authorities_that_can_not_be_read_are_found_before_anything_is_sent(tmp_path: Path) -> None:
    nothing = tmp_path / "ca.pem"
    nothing.write_text("not a certificate")
    with pytest.raises(ConfigError, match="certificates of authorities"):
        check_platform(Platform(url="wss://meet.example", ca=nothing))


def test_no_secret_is_shown() -> None:
    with pytest.raises(ConfigError) as failure:
        check_platform(Platform(url="gopher://ann:secret@meet.example/?token=hush", token="hush"))
    assert "secret" not in str(failure.value)
    assert "hush" not in str(failure.value) + repr(Platform(url="ws://x", token="hush"))


def test_nor_are_the_passwords_of_turn_servers() -> None:
    servers = ((("turn:t.example",), "ann", "hush"),)
    assert "hush" not in repr(Joined("p1", (), "sfu", servers)) + repr(
        Session(None, "", offers=False, ice_servers=servers)
    )
