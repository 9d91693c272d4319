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

from probe.model.platform import SYSTEM, Tls
from probe.rtc.tls import tls_context


@dataclass(slots=True)
class _Shared:
    session: aiohttp.ClientSession
    users: int = 0


_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Tls, _Shared]] = WeakKeyDictionary()


class SessionLoan:
    """A hold on the running loop's session that trusts by `tls`. Give it back, once or more often; the last one closes the session.
    Raises ConfigError for authorities that can't be read."""

    def __init__(self, tls: Tls = SYSTEM) -> None:
        self._tls = tls
        sessions = _shared.setdefault(asyncio.get_running_loop(), {})
        if tls not in sessions:
            sessions[tls] = _Shared(_open(tls))
        self._held = sessions[tls]
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
            self._forget()
            await self._held.session.close()

    def _forget(self) -> None:
        loop = asyncio.get_running_loop()
        sessions = _shared.get(loop, {})
        sessions.pop(self._tls, None)
        if not sessions:
            _shared.pop(loop, None)


def own_session(tls: Tls = SYSTEM) -> aiohttp.ClientSession:
    """One participant's alone, for who makes many requests: its connections stay open between them, as a browser's do, and
    serve nobody else. Close it."""
    return _open(tls, keep_alive=True)


def _open(tls: Tls, *, keep_alive: bool = False) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=0, force_close=not keep_alive, use_dns_cache=False, ssl=tls_context(tls))
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
