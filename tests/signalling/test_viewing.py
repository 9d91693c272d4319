"""Where viewers go, and who sends what they watch."""

from __future__ import annotations

import pytest

from probe.model.errors import ConfigError
from probe.model.platform import Platform
from probe.signalling.choose import open_signalling
from probe.signalling.viewing import check_viewing, viewing
from probe.signalling.whep import WhepSignalling
from probe.signalling.whip import WhipSignalling


@pytest.mark.parametrize(
    ("url", "viewers", "camera"),
    [
        ("ws://127.0.0.1:8787", "http://127.0.0.1:8787/whep/{room}", "http://127.0.0.1:8787/whip/{room}"),
        ("ws://[::1]:8787/ws", "http://[::1]:8787/whep/{room}", "http://[::1]:8787/whip/{room}"),
        ("wss://host/probe/ws?x=1", "https://host/probe/whep/{room}", "https://host/probe/whip/{room}"),
    ],
)
def test_at_a_test_server_the_camera_is_ours(url: str, viewers: str, camera: str) -> None:
    platform = Platform(url=url, token="secret", insecure=True)
    found, ours = viewing(platform)
    assert ours is not None
    assert (found.url, ours.url) == (viewers, camera)
    assert {(one.token, one.insecure) for one in (found, ours)} == {("secret", True)}
    assert type(open_signalling(found)) is WhepSignalling
    assert type(open_signalling(ours)) is WhipSignalling
    check_viewing(platform)


@pytest.mark.parametrize("url", ["https://host/whep", "http://host/whep/street", "whep+https://host/streets?id=7"])
def test_elsewhere_the_camera_is_somebody_else_s(url: str) -> None:
    platform = Platform(url=url)
    assert viewing(platform) == (platform, None)
    check_viewing(platform)


@pytest.mark.parametrize("url", ["https://host/whip", "whip+https://host/x", "janus+wss://host/?room=1"])
def test_where_one_has_to_take_part_nobody_can_only_watch(url: str) -> None:
    with pytest.raises(ConfigError, match="without taking part"):
        check_viewing(Platform(url=url))
