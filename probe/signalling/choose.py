"""Which adapter speaks to a URL."""

from __future__ import annotations

from urllib.parse import urlsplit

from probe.model.errors import ConfigError
from probe.signalling.base import Signalling
from probe.signalling.shim import ShimSignalling

_SCHEMES = {"ws": ShimSignalling, "wss": ShimSignalling}


def check_url(url: str) -> None:
    """Raises ConfigError when no adapter speaks to that URL, before anything is sent."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - the property raises on a bad port
    except ValueError as error:
        raise ConfigError(f"bad URL {url!r}: {error}", phase="url", hint="give one like ws://host:8787") from error
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ConfigError(
            f"can't enter a meeting at {url!r}",
            phase="url",
            hint=f"give a URL like ws://host:8787; schemes: {', '.join(sorted(_SCHEMES))}",
        )


def open_signalling(url: str, token: str) -> Signalling:
    """A fresh adapter for one participant. Raises ConfigError for a URL that no adapter speaks to."""
    check_url(url)
    return _SCHEMES[urlsplit(url).scheme](url, token)
