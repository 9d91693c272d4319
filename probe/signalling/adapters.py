"""The adapters that there are: ours, and those that other packages bring by the entry point group `meetprobe.signalling`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol

from probe.model.errors import ConfigError
from probe.signalling.access import Access
from probe.signalling.base import Signalling
from probe.signalling.janus import JanusSignalling
from probe.signalling.shim import ShimSignalling
from probe.signalling.whep import WhepSignalling
from probe.signalling.whip import WhipSignalling

GROUP = "meetprobe.signalling"


class Adapter(Protocol):
    """A class of `Signalling`: made for each participant with the URL that the user gave.

    `schemes` are those of the URLs that it speaks to, such as "wss"; one of them may be "NAME+wss", for an adapter that
    shares a scheme with others. `topologies` are those that its platform can be asked for: "hybrid" where it moves meetings
    between the two by itself. A `check_url(url)`, where there is one, raises ConfigError for URLs that lead nowhere.
    """

    @property
    def schemes(self) -> tuple[str, ...]: ...

    @property
    def topologies(self) -> tuple[str, ...]: ...

    def __call__(self, url: str, access: Access) -> Signalling: ...


_OURS: Mapping[str, Adapter] = {
    "shim": ShimSignalling,
    "whip": WhipSignalling,
    "whep": WhepSignalling,
    "janus": JanusSignalling,
}


@lru_cache(maxsize=1)
def adapters() -> Mapping[str, Adapter]:
    """By name. Of two with one name ours counts. Raises ConfigError for an installed one that can't be loaded."""
    theirs = {point.name: _loaded(point) for point in entry_points(group=GROUP) if point.name not in _OURS}
    return {**_OURS, **theirs}


def _loaded(point: EntryPoint) -> Adapter:
    who, package = f"adapter {point.name!r}", point.dist.name if point.dist is not None else point.value
    try:
        found: Adapter = point.load()
    except Exception as error:  # somebody else's module: whatever it raises is what is wrong with it
        raise ConfigError(
            f"can't be loaded: {error!r}", who=who, hint=f"repair or uninstall the package {package}"
        ) from error
    if missing := what_is_missing(found):
        raise ConfigError(missing, who=who, hint=f"it comes with the package {package}; see docs/adapters.md")
    return found


def what_is_missing(adapter: object) -> str:
    """What keeps an object from being an adapter, in words; empty where nothing does."""
    if not callable(adapter):
        return f"it is a {type(adapter).__name__}, and no class that could be called with (url, access)"
    for name in ("schemes", "topologies"):
        value = getattr(adapter, name, None)
        if not isinstance(value, tuple) or not value or not all(isinstance(one, str) for one in value):
            return f"its {name} are no tuple of names"
    return ""
