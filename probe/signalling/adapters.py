"""The adapters that there are: ours, those that packages bring by the entry point group `meetprobe.signalling`, and single files."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Protocol

from probe.model.errors import ConfigError
from probe.model.validation import nearest
from probe.signalling.access import Access
from probe.signalling.base import Signalling
from probe.signalling.janus import JanusSignalling
from probe.signalling.shim import ShimSignalling
from probe.signalling.whep import WhepSignalling
from probe.signalling.whip import WhipSignalling

GROUP = "meetprobe.signalling"
TOPOLOGIES = ("hybrid", "p2p", "sfu")
_DOCS = "see docs/adapters.md"


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


OURS: Mapping[str, Adapter] = {
    "shim": ShimSignalling,
    "whip": WhipSignalling,
    "whep": WhepSignalling,
    "janus": JanusSignalling,
}


@lru_cache(maxsize=1)
def installed() -> Mapping[str, Adapter]:
    """By name. Of two with one name ours counts. Raises ConfigError for one that can't be loaded, so ask `OURS` first: what a
    package breaks is no trouble for who doesn't use it."""
    theirs = {point.name: _loaded(point) for point in entry_points(group=GROUP) if point.name not in OURS}
    return {**OURS, **theirs}


@lru_cache(maxsize=8)
def adapter(name: str) -> Adapter:
    """One of those installed, or "package.module:Class", or "file.py:Class". Raises ConfigError where there is none."""
    if ":" in name:
        return _adapter(_of_module(*name.rsplit(":", 1)), f"adapter {name!r}", _DOCS)
    if name in OURS:
        return OURS[name]
    known = installed()
    if name not in known:
        raise ConfigError(
            f"no adapter is called {name!r}{nearest(name, known)}",
            who="adapter",
            hint=f"there are {', '.join(known)}, and MODULE:CLASS or FILE.py:CLASS; {_DOCS}",
        )
    return known[name]


def _of_module(where: str, what: str) -> object:
    """Whatever somebody else's module raises is what is wrong with it."""
    try:
        module = _of_file(Path(where)) if where.endswith(".py") else importlib.import_module(where)
        return getattr(module, what)
    except Exception as error:
        raise ConfigError(f"can't be loaded: {error!r}", who=f"adapter {where}:{what}", hint=_DOCS) from error


def _of_file(path: Path) -> ModuleType:
    """The file's module under its own name, as if its folder were on the path; nothing else of the folder is."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def _loaded(point: EntryPoint) -> Adapter:
    who, package = f"adapter {point.name!r}", point.dist.name if point.dist is not None else point.value
    try:
        found = point.load()
    except Exception as error:
        hint = f"repair or uninstall the package {package}"
        raise ConfigError(f"can't be loaded: {error!r}", who=who, hint=hint) from error
    return _adapter(found, who, f"it comes with the package {package}; {_DOCS}")


def _adapter(found: object, who: str, hint: str) -> Adapter:
    if missing := what_is_missing(found):
        raise ConfigError(missing, who=who, hint=hint)
    return found  # type: ignore[return-value]  # that is what was just looked at


def what_is_missing(adapter: object) -> str:
    """What keeps an object from being an adapter, in words; empty where nothing does."""
    if not callable(adapter):
        return f"it is a {type(adapter).__name__}, and no class that could be called with (url, access)"
    for name in ("schemes", "topologies"):
        value = getattr(adapter, name, None)
        if not isinstance(value, tuple) or not value or not all(isinstance(one, str) for one in value):
            return f"its {name} are no tuple of names"
    unknown = [one for one in adapter.topologies if one not in TOPOLOGIES]  # type: ignore[attr-defined]
    return f"topology {unknown[0]!r} is none of {', '.join(TOPOLOGIES)}" if unknown else ""
