"""On which of this machine's addresses ICE gathers."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

from aioice.ice import get_host_addresses

from probe.model.errors import ConfigError

LOOPBACK, LOOPBACK_6 = "127.0.0.1", "::1"


def gathering_addresses(wanted: Sequence[str], url: str | None, families: Collection[int] = (4, 6)) -> tuple[str, ...]:
    """`wanted` if any were named; loopback for a server on loopback (or the embedded one, `url` None), so that such a run
    never leaves the machine; else every address of this machine but loopback, which is what a browser gathers on. All of them
    of `families`, versions of IP. Raises ConfigError where none remains."""
    found = _of(tuple(wanted) or _own(url, families), families)
    if not found:
        versions = " or ".join(f"IPv{family}" for family in families)
        raise ConfigError(
            f"no address of {versions} to gather on", who="ice.families", hint="see addresses, and the machine's own"
        )
    return found


def _own(url: str | None, families: Collection[int]) -> tuple[str, ...]:
    host = urlsplit(url).hostname or "" if url is not None else LOOPBACK
    if _is_loopback(host):
        return (LOOPBACK_6,) if ":" in host or 4 not in families else (LOOPBACK,)
    return _of(get_host_addresses(use_ipv4=True, use_ipv6=True), families) or (LOOPBACK,)


def _of(addresses: Sequence[str], families: Collection[int]) -> tuple[str, ...]:
    return tuple(a for a in addresses if ipaddress.ip_address(a.partition("%")[0]).version in families)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
