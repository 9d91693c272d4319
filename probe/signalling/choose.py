"""Which adapter enters the meetings of a platform: the one that the user names, or that its URL tells."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from probe.model.errors import ConfigError
from probe.model.platform import Platform
from probe.model.scenario import Topology
from probe.model.url import endpoint_of, without_secrets
from probe.rtc.tls import tls_context
from probe.signalling.access import Access
from probe.signalling.adapters import OURS, Adapter, adapter, installed
from probe.signalling.base import Signalling
from probe.signalling.calls import Heard, unheard


def check_platform(platform: Platform) -> None:
    """Raises ConfigError when no adapter speaks to that URL, or its certificates can't be read, before anything is sent."""
    chosen, url = _chosen(platform)
    check = getattr(chosen, "check_url", None)
    if check is not None:
        check(url)
    tls_context(platform.tls)


def check_topology(platform: Platform, topology: Topology) -> None:
    """Raises ConfigError for a topology that nobody can have there: whoever waits for a move that can't come has failed for no
    reason of the platform's."""
    possible = _chosen(platform)[0].topologies
    if topology not in possible:
        sfu = "take a scenario with topology: sfu, like --scenario sfu"
        raise ConfigError(
            f"topology {topology} can't be had at {platform.shown}, only {', '.join(possible)}",
            hint=sfu if "sfu" in possible else "choose a scenario of that topology",
        )


def open_signalling(platform: Platform, heard: Heard = unheard) -> Signalling:
    """A fresh adapter for one participant, whose calls `heard` gets. Raises ConfigError for a URL that no adapter speaks to."""
    chosen, url = _chosen(platform)
    return chosen(url, Access(platform.token, platform.tls, heard))


def _chosen(platform: Platform) -> tuple[Adapter, str]:
    """The adapter, and the URL as it wants it."""
    parts = _split(platform.url)
    if platform.signalling:
        return _named(platform, parts)
    if (found := _speaking(OURS, parts.scheme)) is not None:
        return found, platform.url
    if parts.scheme in ("http", "https") and (kind := endpoint_of(parts.path)) is not None:
        return OURS[kind], f"{kind}+{platform.url}"
    if (found := _speaking(installed(), parts.scheme)) is not None:
        return found, platform.url
    raise _nowhere(platform.url)


def _speaking(adapters: Mapping[str, Adapter], scheme: str) -> Adapter | None:
    return next((one for one in adapters.values() if scheme in one.schemes), None)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - the property raises on a bad port
    except ValueError as error:
        raise ConfigError(
            f"bad URL {without_secrets(url)!r}: {error}", phase="url", hint="give one like ws://host:8787"
        ) from error
    if not parts.hostname:
        raise _nowhere(url)
    return parts


def _named(platform: Platform, parts: SplitResult) -> tuple[Adapter, str]:
    """A scheme that the adapter shares with others may be given without what tells them apart."""
    found = adapter(platform.signalling)
    if parts.scheme in found.schemes:
        return found, platform.url
    longer = [scheme for scheme in found.schemes if scheme.endswith(f"+{parts.scheme}")]
    if longer:
        return found, f"{longer[0].removesuffix(parts.scheme)}{platform.url}"
    raise ConfigError(
        f"the adapter {platform.signalling!r} does not speak {parts.scheme}://",
        phase="url",
        hint=f"it speaks {', '.join(scheme.rpartition('+')[2] for scheme in found.schemes)}",
    )


def _nowhere(url: str) -> ConfigError:
    schemes = ", ".join(sorted(scheme for found in installed().values() for scheme in found.schemes))
    return ConfigError(
        f"can't enter a meeting at {without_secrets(url)!r}",
        phase="url",
        hint=f"give a URL like ws://host:8787 or https://host/whep, or name the adapter by --signalling; schemes: {schemes}",
    )
