"""Where a stream is watched, and where a camera of ours publishes it if no other does."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from probe.model.errors import ConfigError
from probe.model.platform import Platform
from probe.signalling.choose import open_signalling
from probe.signalling.shim import ShimSignalling
from probe.signalling.whep import WhepSignalling
from probe.signalling.whip import ROOM


def viewing(platform: Platform) -> tuple[Platform, Platform | None]:
    """Where viewers go, and where our camera goes. At a test server, whose rooms are ours, that are its WHEP and WHIP endpoints; at
    any other place somebody else's stream is watched, and we send nothing."""
    if not isinstance(open_signalling(platform), ShimSignalling):
        return platform, None
    return _endpoint(platform, "whep"), _endpoint(platform, "whip")


def check_viewing(platform: Platform) -> None:
    """Raises ConfigError where nobody can watch who does not send."""
    adapter = open_signalling(viewing(platform)[0])
    if not isinstance(adapter, WhepSignalling):
        raise ConfigError(
            f"nobody can watch at {platform.shown} without taking part",
            who="watch",
            phase="url",
            hint="give the stream's WHEP endpoint, like https://host/whep",
        )


def _endpoint(platform: Platform, kind: str) -> Platform:
    parts = urlsplit(platform.url)
    scheme = {"ws": "http", "wss": "https"}[parts.scheme.rpartition("+")[2]]
    path = f"{parts.path.removesuffix('/').removesuffix('/ws')}/{kind}/{ROOM}"
    url = urlunsplit((scheme, parts.netloc, path, "", ""))
    return platform.model_copy(update={"url": url, "signalling": kind})
