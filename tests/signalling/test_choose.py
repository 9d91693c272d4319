"""Which URLs lead to a meeting."""

from __future__ import annotations

import pytest

from probe.model.errors import ConfigError
from probe.signalling.choose import check_url, open_signalling
from probe.signalling.shim import ShimSignalling


@pytest.mark.parametrize(
    "url", ["ws://host", "wss://host:8787", "ws://127.0.0.1:1/ws", "ws://[::1]:8787/x", "WS://HOST"]
)
def test_urls_of_the_shim(url: str) -> None:
    check_url(url)
    assert isinstance(open_signalling(url, "token"), ShimSignalling)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://host", "schemes: ws, wss"),
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
