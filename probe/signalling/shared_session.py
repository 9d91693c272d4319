"""One aiohttp session for all participants of an event loop: opened with the first, closed with the last.

A session with its connector is made for many requests; one for each participant is a third of what entering costs. What a
participant of its own machine would do for itself stays as it is: its own TCP connection (and TLS), its own name look-up, no
cookies of others. So shared or not, the reading is the same.
"""

from __future__ import annotations

import asyncio
import os
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

import aiohttp


@dataclass(slots=True)
class _Shared:
    session: aiohttp.ClientSession
    users: int = 0


_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, _Shared] = WeakKeyDictionary()


class SessionLoan:
    """A hold on the running loop's session. Give it back, once or more often; the last one closes the session."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        found = _shared.get(loop)
        self._held = found if found is not None else _shared.setdefault(loop, _Shared(_open()))
        self._held.users += 1
        self._given_back = False

    @property
    def session(self) -> aiohttp.ClientSession:
        """What to connect with, until it is given back."""
        return self._held.session

    async def give_back(self) -> None:
        """Not needed any more. Idempotent."""
        if self._given_back:
            return
        self._given_back = True
        self._held.users -= 1
        if self._held.users == 0:
            _shared.pop(asyncio.get_running_loop(), None)
            await self._held.session.close()


def own_session() -> aiohttp.ClientSession:
    """One participant's alone, for who makes many requests: its connections stay open between them, as a browser's do, and
    serve nobody else. Close it."""
    return _open(keep_alive=True)


def _open(*, keep_alive: bool = False) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=0, force_close=not keep_alive, use_dns_cache=False)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=environment_matters(),
        timeout=aiohttp.ClientTimeout(),  # none: whoever borrows the session has a deadline, and each timer here costs again
    )


def environment_matters() -> bool:
    """Whether there is a proxy or a netrc file to heed. aiohttp sends a thread to look for each of them before every
    connection, however often there was none."""
    netrc = os.environ.get("NETRC")
    return bool(urllib.request.getproxies()) or netrc is not None or _home_netrc().is_file()


def _home_netrc() -> Path:
    return Path(os.path.expanduser("~")) / ("_netrc" if os.name == "nt" else ".netrc")
