"""URLs of STUN and TURN servers: RFC 7064 and RFC 7065."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from probe.model.errors import ConfigError

Kind = Literal["stun", "turn"]
Way = Literal["udp", "tcp", "tls"]

_URL = re.compile(
    r"(?P<scheme>stuns?|turns?):(?P<host>\[[0-9a-fA-F:.]+(?:%[\w.-]+)?\]|[\w.-]+)(?::(?P<port>\d{1,5}))?(?:\?transport=(?P<way>\w+))?",
    re.IGNORECASE,
)
_PORT, _TLS_PORT = 3478, 5349


@dataclass(frozen=True, slots=True)
class IceUrl:
    """`way`: how we talk to it; what a TURN server relays goes on as UDP in any case."""

    kind: Kind
    host: str
    port: int
    way: Way

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        scheme = self.kind + ("s" if self.way == "tls" else "")
        return f"{scheme}:{host}:{self.port}{'?transport=tcp' if self.way == 'tcp' else ''}"


def parse_ice_url(text: str) -> IceUrl:
    """`stun:host`, `turn:host:3478?transport=tcp`, `turns:[2001:db8::1]:5349`. Raises ConfigError, which does not show what may
    be a password: these URLs have no place for one."""
    if "@" in text:
        raise ConfigError("a STUN or TURN URL holds no user name or password", hint="give them beside it")
    match = _URL.fullmatch(text.strip())
    if match is None:
        raise ConfigError(
            f"{text!r} is no STUN or TURN URL", hint="write stun:host, turn:host:3478?transport=tcp or turns:host:5349"
        )
    scheme, way = match["scheme"].lower(), (match["way"] or "").lower()
    secure = scheme.endswith("s")
    if way not in ("", "udp", "tcp") or (way and scheme.startswith("stun")):
        raise ConfigError(f"{text!r}: transport={way} is not known there", hint="turn: takes transport=udp or tcp")
    if secure and way == "udp":
        raise ConfigError(f"{text!r}: TURN over DTLS is not supported", hint="turns: is TLS over TCP here")
    if scheme == "stuns":
        raise ConfigError(
            f"{text!r}: STUN over TLS finds no address that media could use", hint="write stun:, or turns: for a relay"
        )
    port = int(match["port"] or (_TLS_PORT if secure else _PORT))
    if not 1 <= port <= 65535:
        raise ConfigError(f"{text!r}: port {port} is not in 1..65535")
    kind: Kind = "turn" if scheme.startswith("turn") else "stun"
    return IceUrl(kind, match["host"].strip("[]"), port, "tls" if secure else "tcp" if way == "tcp" else "udp")
