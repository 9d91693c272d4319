"""Which adapter enters the meetings of a platform: the one that the user names, or that its URL tells."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from probe.model.errors import ConfigError
from probe.model.platform import Platform
from probe.model.scenario import Topology
from probe.model.url import without_secrets
from probe.model.validation import nearest
from probe.rtc.tls import tls_context
from probe.signalling.access import Access
from probe.signalling.adapters import Adapter, adapters
from probe.signalling.base import Signalling
from probe.signalling.calls import Heard, unheard

_BY_PATH = {"/whip": "whip", "/whep": "whep"}
"""What plain http(s) URLs of such endpoints end in."""


def check_platform(platform: Platform) -> None:
    """Raises ConfigError when no adapter speaks to that URL, or its certificates can't be read, before anything is sent."""
    name, url = _chosen(platform)
    check = getattr(adapters()[name], "check_url", None)
    if check is not None:
        check(url)
    tls_context(platform.tls)


def check_topology(platform: Platform, topology: Topology) -> None:
    """Raises ConfigError for a topology that nobody can have there: whoever waits for a move that can't come has failed for no
    reason of the platform's."""
    name, _ = _chosen(platform)
    possible = adapters()[name].topologies
    if topology not in possible:
        raise ConfigError(
            f"topology {topology} can't be had at {platform.shown}: a platform of the kind {name!r} has {', '.join(possible)}",
            phase="topology",
            hint="take a scenario with topology: sfu, like --scenario sfu"
            if "sfu" in possible
            else "choose another scenario",
        )


def open_signalling(platform: Platform, heard: Heard = unheard) -> Signalling:
    """A fresh adapter for one participant, whose calls `heard` gets. Raises ConfigError for a URL that no adapter speaks to."""
    name, url = _chosen(platform)
    return adapters()[name](url, Access(platform.token, platform.tls, heard))


def _chosen(platform: Platform) -> tuple[str, str]:
    """The adapter's name, and the URL as it wants it."""
    parts = _split(platform.url)
    if platform.signalling:
        return _named(platform, parts)
    for name, adapter in adapters().items():
        if parts.scheme in adapter.schemes:
            return name, platform.url
    if parts.scheme in ("http", "https"):
        for ending, name in _BY_PATH.items():
            if ending in parts.path:
                return name, f"{name}+{platform.url}"
    raise _nowhere(platform)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - the property raises on a bad port
    except ValueError as error:
        raise ConfigError(
            f"bad URL {without_secrets(url)!r}: {error}", phase="url", hint="give one like ws://host:8787"
        ) from error
    if not parts.hostname:
        raise ConfigError(
            f"can't enter a meeting at {without_secrets(url)!r}",
            phase="url",
            hint="give a URL like ws://host:8787; schemes: " + _schemes(),
        )
    return parts


def _named(platform: Platform, parts: SplitResult) -> tuple[str, str]:
    name, known = platform.signalling, adapters()
    if name not in known:
        raise ConfigError(
            f"no adapter is called {name!r}{nearest(name, known)}",
            who="--signalling",
            hint=f"there are {', '.join(known)}; docs/adapters.md tells how to add one",
        )
    adapter: Adapter = known[name]
    if parts.scheme in adapter.schemes:
        return name, platform.url
    if f"{name}+{parts.scheme}" in adapter.schemes:
        return name, f"{name}+{platform.url}"
    raise ConfigError(
        f"the adapter {name!r} does not speak {parts.scheme}://",
        phase="url",
        hint=f"it speaks {', '.join(one.removeprefix(name + '+') for one in adapter.schemes)}",
    )


def _nowhere(platform: Platform) -> ConfigError:
    return ConfigError(
        f"can't enter a meeting at {platform.shown!r}",
        phase="url",
        hint=f"give a URL like ws://host:8787, or name the adapter by --signalling; schemes: {_schemes()}",
    )


def _schemes() -> str:
    return ", ".join(sorted(scheme for adapter in adapters().values() for scheme in adapter.schemes))
