"""Gathers reflexive and relayed candidates from all STUN and TURN servers at once, each within its own deadline.

Who has one candidate of each kind that was asked for waits a moment longer for the rest, and no more. What fails is told in words,
and holds nothing else up.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import math
import socket
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aioice import Candidate as IceCandidate
from aioice import stun
from aioice.candidate import candidate_priority

from probe.model.errors import ConfigError, ConnectionFailed
from probe.model.ice import usable
from probe.model.ice_url import IceUrl, Kind, Way, parse_ice_url
from probe.model.platform import Tls
from probe.rtc.clock import Clock
from probe.rtc.ice_carrier import open_carrier
from probe.rtc.ice_protocol import TimedStunProtocol
from probe.rtc.ice_server import IceServer
from probe.rtc.ice_turn import TurnAllocation, TurnRefused
from probe.rtc.ice_words import PHASE, TooLate, diagnosis
from probe.rtc.tls import tls_context

DEADLINE, BESIDE = 5.0, 2.0
"""Seconds for one server: where a relay is the only way, and where there are candidates without it. A browser would send those at
once, and the others when they come; a server that is down must not keep two sides longer from meeting directly than calls wait."""
PATIENCE, SLOWER = 0.3, 3.0
"""Once there is a candidate of each kind, the other servers have that many seconds more, or thrice what it took so far: TLS takes
five round trips where UDP takes two."""
_MOST_URLS = 32
_PORTS, _PORT_KNOWN = 3, 437
"""Of ours that are tried where the server says Allocation Mismatch."""
_PREFERENCE = {"udp": 65535, "tcp": 65534, "tls": 65533}
"""Among relayed candidates (RFC 8445 section 5.1.2.1): the way to the server with least delay first."""

Server = tuple[Any, ...]
"""A numeric address and a port, and what else the family has."""


@dataclass(slots=True)
class Gathered:
    """`candidates` in all, of which `relays` are the transports' own; `troubles`: what did not work."""

    candidates: list[IceCandidate] = field(default_factory=list)
    relays: list[tuple[IceUrl, TimedStunProtocol]] = field(default_factory=list)
    troubles: list[ConnectionFailed] = field(default_factory=list)

    def abandon(self) -> None:
        """Nobody wants the relays any more."""
        for _, protocol in self.relays:
            protocol.transport.abort()


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One way to one candidate. `implied`: a TURN server asked as a STUN server too, which need not answer as one."""

    url: IceUrl
    server: IceServer
    kind: Kind
    implied: bool
    work: Coroutine[Any, Any, None]


class ServerGathering:
    """`new_relay(way)` makes the protocol of a relayed candidate. `versions` of IP that this side has addresses of. With
    `relay_only`, candidates don't show this side's own address (RFC 9429 section 3.5.3)."""

    def __init__(
        self,
        clock: Clock,
        new_relay: Callable[[Way], TimedStunProtocol],
        versions: frozenset[int],
        *,
        relay_only: bool,
        udp: bool,
        tls: Tls,
    ) -> None:
        self._clock = clock
        self._new_relay = new_relay
        self._versions = versions
        self._relay_only = relay_only
        self._udp = udp
        self._tls = tls
        self._gathered = Gathered()

    async def run(self, servers: Sequence[IceServer], bound: Sequence[TimedStunProtocol]) -> Gathered:
        """`bound`: the host candidates, which learn how servers see them. Never raises; ends within about two DEADLINEs. Who is
        cancelled leaves nothing behind."""
        urls = self._urls(servers)
        names = await self._resolve({url.host for url, _ in urls})
        attempts = [attempt for url, server in urls for attempt in self._attempts(url, server, names[url.host], bound)]
        try:
            await self._await(attempts, BESIDE if bound else math.inf)
        except asyncio.CancelledError:
            self._gathered.abandon()
            raise
        return self._gathered

    def _urls(self, servers: Sequence[IceServer]) -> list[tuple[IceUrl, IceServer]]:
        """Those to ask, each once."""
        found: dict[tuple[IceUrl, str | None], IceServer] = {}
        for server in servers:
            for text in server.urls:
                try:
                    url = parse_ice_url(text)
                except ConfigError as error:
                    self._gathered.troubles.append(ConnectionFailed(error.message, phase=PHASE, hint=error.hint))
                else:
                    if usable([url], relay_only=self._relay_only, udp=self._udp):
                        found.setdefault((url, server.username), server)
        return [(url, server) for (url, _), server in found.items()][:_MOST_URLS]

    async def _resolve(self, hosts: Iterable[str]) -> dict[str, list[Server] | OSError]:
        """Numeric addresses, at most one of each version of IP that we have."""
        ordered = sorted(hosts)
        found = await asyncio.gather(*(self._addresses(host) for host in ordered))
        return dict(zip(ordered, found, strict=True))

    async def _addresses(self, host: str) -> list[Server] | OSError:
        try:
            async with asyncio.timeout(DEADLINE):
                infos = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except TimeoutError:
            return socket.gaierror(socket.EAI_AGAIN, "the name was not resolved in time")
        except (OSError, UnicodeError) as error:
            return error if isinstance(error, OSError) else socket.gaierror(socket.EAI_NONAME, str(error))
        first: dict[int, Server] = {}
        for _, _, _, _, address in infos:
            first.setdefault(ipaddress.ip_address(str(address[0]).partition("%")[0]).version, address)
        return [address for version, address in first.items() if version in self._versions]

    def _attempts(
        self, url: IceUrl, server: IceServer, addresses: list[Server] | OSError, bound: Sequence[TimedStunProtocol]
    ) -> list[_Attempt]:
        if isinstance(addresses, OSError) or not addresses:
            missing = OSError(0, "it has no address of a version of IP that this side has")
            self._tell(url, server, addresses if isinstance(addresses, OSError) else missing)
            return []
        found = []
        for address in addresses:
            target = (address[0], url.port, *address[2:])
            if url.kind == "turn":
                found.append(_Attempt(url, server, "turn", False, self._relay(url, server, target)))
            if url.way == "udp":
                mine = [protocol for protocol in bound if (":" in protocol.local_candidate.host) == (":" in target[0])]
                reflections = (self._reflect(url, protocol, target) for protocol in mine)
                found += [_Attempt(url, server, "stun", url.kind == "turn", work) for work in reflections]
        return found

    def _tell(self, url: IceUrl, server: IceServer, error: Exception) -> None:
        self._gathered.troubles.append(diagnosis(url, server.username, error))

    # waiting

    async def _await(self, attempts: Sequence[_Attempt], longest: float) -> None:
        """Until all have come to their end, or the slower ones have had their time: `longest` seconds, or that of the others."""
        tasks = {asyncio.ensure_future(_outcome(attempt.work)): attempt for attempt in attempts}
        pending = {task for task, attempt in tasks.items() if not attempt.implied}
        wanted, began, others_came = {tasks[task].kind for task in pending}, self._clock.now(), False
        until = began + longest
        try:
            while pending:
                timeout = None if until == math.inf else max(0.0, until - self._clock.now())
                done, pending = await asyncio.wait(pending, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    break
                found = {attempt.kind for task, attempt in tasks.items() if task.done() and task.result() is None}
                if not others_came and found >= wanted:
                    others_came, now = True, self._clock.now()
                    until = min(until, max(now + PATIENCE, began + SLOWER * (now - began)))
        finally:
            late = [task for task in tasks if task.cancel()]  # those that are done can't be
            if late:
                await asyncio.wait(late)
        self._tell_failures(tasks, TooLate() if others_came else TimeoutError())

    def _tell_failures(self, tasks: Mapping[asyncio.Task[Exception | None], _Attempt], late: Exception) -> None:
        """One for each URL of which nothing came; `late` is what happened to those that were not waited for."""
        failed: dict[IceUrl, tuple[IceServer, Exception]] = {}
        worked: set[IceUrl] = set()
        for task, attempt in tasks.items():
            error = late if task.cancelled() else task.result()
            if attempt.implied:
                continue
            if error is None:
                worked.add(attempt.url)
            else:
                failed.setdefault(attempt.url, (attempt.server, error))
        for url, (server, error) in failed.items():
            if url not in worked:
                self._tell(url, server, error)

    # one candidate

    async def _reflect(self, url: IceUrl, protocol: TimedStunProtocol, target: Server) -> None:
        mapped = await protocol.ask_server((target[0], target[1]))
        base = protocol.local_candidate
        if any((mapped == (known.host, known.port)) for known in (base, *self._gathered.candidates)):
            return  # redundant: RFC 8445 section 5.1.3
        self._gathered.candidates.append(
            IceCandidate(
                foundation=_foundation("srflx", base.host, url),
                component=1,
                transport="udp",
                priority=candidate_priority(1, "srflx"),
                host=mapped[0],
                port=mapped[1],
                type="srflx",
                related_address=base.host,
                related_port=base.port,
            )
        )

    async def _relay(self, url: IceUrl, server: IceServer, target: Server) -> None:
        protocol = self._new_relay(url.way)
        allocation = await self._allocation(url, server, target, protocol)
        host, port = allocation.relayed
        hidden = ("::" if ":" in host else "0.0.0.0", 9)
        related = hidden if self._relay_only else allocation.mapped
        protocol.connection_made(allocation)
        protocol.local_candidate = IceCandidate(
            foundation=_foundation("relay", host, url),
            component=1,
            transport="udp",
            priority=candidate_priority(1, "relay", _PREFERENCE[url.way]),
            host=host,
            port=port,
            type="relay",
            related_address=related[0],
            related_port=related[1],
        )
        self._gathered.candidates.append(protocol.local_candidate)
        self._gathered.relays.append((url, protocol))

    async def _allocation(
        self, url: IceUrl, server: IceServer, target: Server, protocol: TimedStunProtocol
    ) -> TurnAllocation:
        """From another port where the server still remembers ours, of a connection that is over (RFC 8656 section 7.4)."""
        tls = tls_context(self._tls) if url.way == "tls" else None
        for left in reversed(range(_PORTS)):
            allocation = TurnAllocation(server.username, server.credential, protocol)
            try:
                allocation.carrier = await open_carrier(
                    url, target, self._clock, tls, allocation.heard, allocation.ended
                )
                await allocation.allocate()
            except BaseException as error:
                allocation.abort()
                if not (left and isinstance(error, TurnRefused) and error.code == _PORT_KNOWN):
                    raise
            else:
                return allocation
        raise AssertionError("the last attempt returns or raises")


async def _outcome(work: Coroutine[Any, Any, None]) -> Exception | None:
    """None when it worked, within the deadline."""
    try:
        async with asyncio.timeout(DEADLINE):
            await work
    except stun.TransactionFailed as error:
        return TurnRefused(*error.response.attributes.get("ERROR-CODE", (0, "")), challenged=False)
    except stun.TransactionTimeout as error:
        return TimeoutError(str(error))
    except (TurnRefused, OSError) as error:  # a TimeoutError and a ConnectionError are OSErrors
        return error
    return None


def _foundation(kind: str, base: str, url: IceUrl) -> str:
    """RFC 8445 section 5.1.1.3: of the same type, base and server, by the same way."""
    return hashlib.md5(f"{kind}|{base}|{url}".encode(), usedforsecurity=False).hexdigest()
