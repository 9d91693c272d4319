"""URLs of a Janus."""

from __future__ import annotations

import pytest

from probe.model.errors import ConfigError
from probe.signalling.janus_url import JanusUrl


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("janus+ws://host:8188", JanusUrl("ws://host:8188/")),
        ("janus+wss://host/janus?room=1234", JanusUrl("wss://host/janus", room=1234)),
        ("janus+http://host:8088", JanusUrl("http://host:8088/janus")),
        ("janus+https://host/api/janus?room=standup", JanusUrl("https://host/api/janus", room="standup")),
        (
            "janus+ws://host?create=1&pin=17&substream=0&temporal=2",
            JanusUrl("ws://host/", create=True, pin="17", substream=0, temporal=2),
        ),
    ],
)
def test_what_a_url_says(url: str, expected: JanusUrl) -> None:
    assert JanusUrl.parse(url) == expected


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ws://host", "no URL of a Janus"),
        ("janus+ftp://host", "no URL of a Janus"),
        ("janus+ws://", "no URL of a Janus"),
        ("janus+ws://host?rooms=1", "unknown option 'rooms', one of room, create"),
        ("janus+ws://host?create=yes", "give 1 or 0"),
        ("janus+ws://host?substream=3", r"give 0 \(lowest\) to 2"),
    ],
)
def test_what_is_wrong_with_a_url(url: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        JanusUrl.parse(url)


def test_the_room_of_a_meeting() -> None:
    assert JanusUrl("ws://host", room=5).room_of("standup") == 5
    assert JanusUrl("ws://host").room_of("1234") == 1234
    assert JanusUrl("ws://host").room_of("standup") == "standup"
    made = JanusUrl("ws://host", create=True)
    assert made.room_of("1234") == 1234
    assert made.room_of("standup") == made.room_of("standup") != made.room_of("retro")
    assert isinstance(number := made.room_of("standup"), int)
    assert 0 < number < 1 << 53
