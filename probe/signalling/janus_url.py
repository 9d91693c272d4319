"""Where a Janus is and what to do there, as one URL says it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from probe.model.errors import ConfigError
from probe.signalling.janus_messages import Id

_PREFIX = "janus+"
_OPTIONS = ("room", "create", "pin", "substream", "temporal")
_ROOM_BYTES = 6
"""Of a digest, for a room's number: Janus's own are below 2**53."""


@dataclass(frozen=True, slots=True)
class JanusUrl:
    """`janus+ws(s)://host:port` or `janus+http(s)://host:port/janus`, and any of these after a `?`:

    `room=1234`: the room, whatever the meeting is called; `create=1`: create the room if there is none; `pin=…`: the room's;
    `substream=0` to 2 and `temporal=0` to 2: the simulcast layer to receive.
    """

    server: str
    room: Id | None = None
    create: bool = False
    pin: str = ""
    substream: int | None = None
    temporal: int | None = None

    @classmethod
    def parse(cls, url: str) -> JanusUrl:
        """Raises ConfigError."""
        parts = urlsplit(url)
        scheme = parts.scheme.removeprefix(_PREFIX)
        if not parts.scheme.startswith(_PREFIX) or scheme not in ("ws", "wss", "http", "https") or not parts.hostname:
            raise _bad("that is no URL of a Janus")
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        if unknown := sorted(options.keys() - set(_OPTIONS)):
            raise _bad(f"unknown option {unknown[0]!r}, one of {', '.join(_OPTIONS)}")
        path = parts.path if parts.path not in ("", "/") else "/janus" if scheme.startswith("http") else "/"
        return cls(
            urlunsplit((scheme, parts.netloc, path, "", "")),
            room_id(options["room"]) if "room" in options else None,
            _switch(options.get("create", "0")),
            options.get("pin", ""),
            _layer("substream", options.get("substream")),
            _layer("temporal", options.get("temporal")),
        )

    def room_of(self, meeting: str) -> Id:
        """The room in which a meeting of that name is held. Where we create rooms, a name that is no number becomes one."""
        if self.room is not None:
            return self.room
        if self.create and not meeting.isdecimal():
            return int.from_bytes(hashlib.sha256(meeting.encode()).digest()[:_ROOM_BYTES])
        return room_id(meeting)


def room_id(text: str) -> Id:
    """A number where it looks like one: that is how Janus names rooms unless it is configured for words."""
    return int(text) if text.isdecimal() else text


def _switch(value: str) -> bool:
    if value not in ("0", "1"):
        raise _bad(f"create={value}: give 1 or 0")
    return value == "1"


def _layer(name: str, value: str | None) -> int | None:
    if value is not None and value not in ("0", "1", "2"):
        raise _bad(f"{name}={value}: give 0 (lowest) to 2")
    return None if value is None else int(value)


def _bad(what: str) -> ConfigError:
    return ConfigError(
        what, phase="url", hint="give one like janus+ws://host:8188/?room=1234 or janus+http://host:8088/janus"
    )
