"""On which of this machine's addresses ICE gathers."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from aioice.ice import get_host_addresses

LOOPBACK = "127.0.0.1"


def gathering_addresses(wanted: Sequence[str], url: str | None) -> tuple[str, ...]:
    """`wanted` if any were named; loopback for a server on loopback (or the embedded one, `url` None), so that such a run
    never leaves the machine; else every address of this machine but loopback, which is what a browser gathers on."""
    if wanted:
        return tuple(wanted)
    if url is None or _is_loopback(urlsplit(url).hostname or ""):
        return (LOOPBACK,)
    return tuple(get_host_addresses(use_ipv4=True, use_ipv6=True)) or (LOOPBACK,)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
