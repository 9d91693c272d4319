"""Is everything there? Nothing is sent for this."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator

from probe.adapter_check.finding import Finding
from probe.signalling.access import Access
from probe.signalling.adapters import Adapter
from probe.signalling.base import Signalling

TOKEN = "adapter-check-t0ken"
LEAVE_LIMIT = 3.0


def methods() -> list[str]:
    """The names that the contract asks for."""
    return [name for name, _ in inspect.getmembers(Signalling, inspect.isfunction) if not name.startswith("_")]


def shape(adapter: Adapter) -> Iterator[Finding]:
    """A finding for each method."""
    for name in methods():
        yield Finding(f"has {name}{_signature(getattr(Signalling, name))}", _fault(getattr(adapter, name, None), name))


def _signature(method: object) -> str:
    return f"({', '.join(_parameters(method))})"


def _parameters(method: object) -> list[str]:
    return [name for name in inspect.signature(method).parameters if name != "self"]  # type: ignore[arg-type]


def _fault(method: object, name: str) -> str:
    if method is None:
        return f"there is no {name}: give it one, empty where the platform needs none"
    if not inspect.iscoroutinefunction(method):
        return f"{name} is no coroutine function: write async def {name}"
    wanted, found = _parameters(getattr(Signalling, name)), inspect.signature(method).parameters.values()
    takes = [one.name for one in found if one.name != "self"]
    needed = [one.name for one in found if one.name != "self" and one.default is inspect.Parameter.empty]
    if takes[: len(wanted)] != wanted or len(needed) > len(wanted):
        return f"{name} takes ({', '.join(takes)}): it is called with ({', '.join(wanted)})"
    return ""


async def before_connecting(adapter: Adapter, url: str) -> Finding:
    """One that was never connected is left like any other."""
    rule = "leave() before connect() is quiet, and again"
    try:
        way = adapter(url, Access(TOKEN))
        for _ in range(2):
            async with asyncio.timeout(LEAVE_LIMIT):
                await way.leave()
    except TimeoutError:
        return Finding(rule, f"leave() did not end within {LEAVE_LIMIT:g} s")
    except Exception as error:  # noqa: BLE001 - somebody else's code: whatever it raises is the finding
        return Finding(rule, f"it raised {error!r}: who never came in has nothing to leave")
    return Finding(rule, f"repr() shows the token: {repr(way)[:80]}" if TOKEN in repr(way) else "")
