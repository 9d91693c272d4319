"""Puts relays' addresses in place of ICE candidates' own, in a description or a single trickled candidate."""

from __future__ import annotations

import re
from collections.abc import Callable

Address = tuple[str, int]

# RFC 8839 section 5.1: candidate:foundation component transport priority address port …; separated by single spaces.
_CANDIDATE = re.compile(
    r"(?P<head>^(?:a=)?candidate:[^ \r\n]+ [0-9]{1,5} udp [0-9]{1,10} )(?P<host>[^ \r\n]+) (?P<port>[0-9]{1,5})(?= )",
    re.IGNORECASE | re.MULTILINE,
)


def rewrite_candidates(sdp: str, relay_for: Callable[[str, int], Address]) -> str:
    """`sdp`, a description or one candidate line, with `relay_for(host, port)` as the address of every UDP candidate. All
    else stays as it is, byte by byte; related addresses (raddr) too, which nobody sends to."""

    def replaced(found: re.Match[str]) -> str:
        host, port = relay_for(found["host"], int(found["port"]))
        return f"{found['head']}{host} {port}"

    return _CANDIDATE.sub(replaced, sdp)
