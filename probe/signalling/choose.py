"""Which adapter speaks to a URL."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from probe.model.errors import ConfigError
from probe.model.scenario import Topology
from probe.signalling.base import Signalling
from probe.signalling.janus import JanusSignalling
from probe.signalling.janus_url import JanusUrl
from probe.signalling.shim import ShimSignalling
from probe.signalling.whep import WhepSignalling
from probe.signalling.whip import WhipSignalling

_ADAPTERS: dict[str, Callable[[str, str], Signalling]] = {
    "ws": ShimSignalling,
    "wss": ShimSignalling,
    "whip+http": WhipSignalling,
    "whip+https": WhipSignalling,
    "whep+http": WhepSignalling,
    "whep+https": WhepSignalling,
    "janus+ws": JanusSignalling,
    "janus+wss": JanusSignalling,
    "janus+http": JanusSignalling,
    "janus+https": JanusSignalling,
}
_OWN = ("ws", "wss")
"""A server of meetings that move between P2P and SFU; behind the others stands a server that carries all media."""


def check_url(url: str) -> None:
    """Raises ConfigError when no adapter speaks to that URL, before anything is sent."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - the property raises on a bad port
    except ValueError as error:
        raise ConfigError(f"bad URL {url!r}: {error}", phase="url", hint="give one like ws://host:8787") from error
    if parts.scheme not in _ADAPTERS or not parts.hostname:
        raise ConfigError(
            f"can't enter a meeting at {url!r}",
            phase="url",
            hint=f"give a URL like ws://host:8787; schemes: {', '.join(sorted(_ADAPTERS))}",
        )
    if parts.scheme.startswith("janus+"):
        JanusUrl.parse(url)


def check_topology(url: str, topology: Topology) -> None:
    """Raises ConfigError for a topology that nobody can have there: whoever waits for a move that can't come has failed for no
    reason of the platform's."""
    scheme = urlsplit(url).scheme
    if scheme not in _OWN and topology != "sfu":
        raise ConfigError(
            f"topology {topology} can't be had at {scheme}://: that server carries all media",
            phase="topology",
            hint="take a scenario with topology: sfu, like --scenario sfu",
        )


def open_signalling(url: str, token: str) -> Signalling:
    """A fresh adapter for one participant. Raises ConfigError for a URL that no adapter speaks to."""
    check_url(url)
    return _ADAPTERS[urlsplit(url).scheme](url, token)
