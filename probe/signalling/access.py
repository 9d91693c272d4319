"""What an adapter is given beside the URL: what lets it in, whom it trusts, and who hears of its calls."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import aiohttp

from probe.model.platform import SYSTEM, Tls
from probe.signalling.calls import Heard, Timing, timed, unheard
from probe.signalling.shared_session import SessionLoan, own_session


@dataclass(frozen=True, slots=True)
class Access:
    """`token` is never shown. `heard` gets every call that the adapter times."""

    token: str = field(default="", repr=False)
    tls: Tls = SYSTEM
    heard: Heard = unheard

    def session(self) -> SessionLoan:
        """A hold on the running loop's HTTP session, which trusts whom the user trusts and heeds the environment's proxies. Give
        it back in the end."""
        return SessionLoan(self.tls)

    def own_session(self) -> aiohttp.ClientSession:
        """The same for who makes many requests, alone: its connections stay open between them. Close it."""
        return own_session(self.tls)

    def timed(self, name: str) -> AbstractContextManager[Timing]:
        """Around one call to the platform, request and whole answer, with the call's deadline inside."""
        return timed(name, self.heard)

    def begun(self, name: str) -> Timing:
        """The same for a call whose answer comes elsewhere: from now on, until its `end`."""
        return Timing(name, self.heard)
