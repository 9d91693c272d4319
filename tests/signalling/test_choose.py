"""Which URLs lead to a meeting."""

from __future__ import annotations

from typing import Any

import pytest

from probe.model.errors import ConfigError
from probe.signalling.choose import check_topology, check_url, open_signalling
from probe.signalling.janus import JanusSignalling
from probe.signalling.shim import ShimSignalling
from probe.signalling.whep import WhepSignalling
from probe.signalling.whip import WhipSignalling


@pytest.mark.parametrize(
    "url", ["ws://host", "wss://host:8787", "ws://127.0.0.1:1/ws", "ws://[::1]:8787/x", "WS://HOST"]
)
def test_urls_of_the_shim(url: str) -> None:
    check_url(url)
    assert isinstance(open_signalling(url, "token"), ShimSignalling)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://host", "schemes: .*whip\\+https, ws, wss"),
        ("host:8787", "schemes"),
        ("", "schemes"),
        ("ws://", "can't enter"),
        ("ws://:8787", "can't enter"),
        ("ws://host:99999", "Port out of range"),
        ("ws://host:x", "bad URL"),
        ("ws://[::1", "bad URL"),
    ],
)
def test_urls_that_lead_nowhere(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as failure:
        check_url(url)
    assert failure.value.phase == "url"
    with pytest.raises(ConfigError):
        open_signalling(url, "")


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
    check_url(url)
    opened = open_signalling(url, "token")
    assert isinstance(opened, adapter)
    await opened.leave()
    check_topology(url, "sfu")
    for topology in ("p2p", "hybrid"):
        with pytest.raises(ConfigError, match=f"topology {topology} can't be had"):
            check_topology(url, topology)


@pytest.mark.parametrize("topology", ["p2p", "sfu", "hybrid"])
def test_our_own_protocol_has_all_topologies(topology: Any) -> None:
    check_topology("wss://meet.example/ws", topology)


def test_a_janus_url_is_read_before_anything_is_sent() -> None:
    with pytest.raises(ConfigError):
        check_url("janus+ws://127.0.0.1:8188/?romm=1234")
