"""How an adapter takes servers that fail: in time, in words, and without telling the token."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from probe.adapter_check import bad_servers
from probe.adapter_check.finding import Finding
from probe.adapter_check.shape import LEAVE_LIMIT, TOKEN
from probe.model.errors import AccessDenied, ConfigError, ProbeError, ServerUnreachable, SignallingError
from probe.signalling import base
from probe.signalling.access import Access
from probe.signalling.adapters import Adapter

LIMIT = 15.0
"""Seconds to connect and to join: each has a deadline of its own below that, 10 s in our adapters."""
_MOST_EVENTS = 20
_PLAIN = ("ws", "http")
_OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"


@dataclass(frozen=True, slots=True)
class Case:
    """A server that fails, and the error that tells so."""

    rule: str
    server: Callable[[], AbstractAsyncContextManager[int]]
    error: type[ProbeError]


CASES = (
    Case("nobody listens: ServerUnreachable", bad_servers.nobody, ServerUnreachable),
    Case("the server says nothing: an error in time", bad_servers.mute, SignallingError),
    Case("the server hangs up: a SignallingError", bad_servers.hangs_up, SignallingError),
    Case("the server refuses us (HTTP 401): AccessDenied", lambda: bad_servers.answers(401), AccessDenied),
    Case("the server is another (HTTP 404): a SignallingError", lambda: bad_servers.answers(404), SignallingError),
    Case("the server is broken (HTTP 500): a SignallingError", lambda: bad_servers.answers(500), SignallingError),
    Case("the server talks rubbish: a SignallingError", bad_servers.talks_rubbish, SignallingError),
)


def loopback_url(adapter: Adapter) -> str:
    """A URL of the adapter's with {port} in it, without TLS; empty where it speaks to none."""
    plain = (scheme for scheme in adapter.schemes if scheme.rpartition("+")[2] in _PLAIN)
    return next((f"{scheme}://127.0.0.1:{{port}}/check" for scheme in plain), "")


async def failing(adapter: Adapter) -> list[Finding]:
    """A finding for each of `CASES`, side by side: the slowest takes as long as the adapter's own deadlines."""
    url = loopback_url(adapter)
    if not url:
        return [Finding(case.rule, skipped="it speaks to nothing without TLS") for case in CASES]
    return list(await asyncio.gather(*(_held_to(adapter, url, case) for case in CASES)))


async def _held_to(adapter: Adapter, url: str, case: Case) -> Finding:
    async with case.server() as port:
        way = adapter(url.format(port=port), Access(TOKEN))
        fault = await _enter(way, case.error)
        return Finding(case.rule, fault or await left(way))


async def _enter(way: base.Signalling, wanted: type[ProbeError]) -> str:
    try:
        async with asyncio.timeout(LIMIT) as limit:
            await way.connect()
        async with asyncio.timeout(LIMIT) as limit:
            await way.join("check", "check")
            reason = await _first_complaint(way)
    except ProbeError as error:
        return _judged(error, wanted)
    except Exception as error:  # noqa: BLE001 - somebody else's code: whatever it raises is the finding
        if limit.expired():
            return f"it hung for {LIMIT:g} s: put a deadline on every wait"
        return f"it raised {error!r}: raise {wanted.__name__} from it"
    return "" if reason else "it took that for a meeting"


async def _first_complaint(way: base.Signalling) -> str:
    """For a platform that is entered by the first offer: what comes of that."""
    for _ in range(_MOST_EVENTS):
        match await way.next_event():
            case base.OpenPath(path=path, role="offer"):
                await way.send_description(path, "offer", _OFFER)
            case base.SignallingLost(reason=reason) | base.ClosePath(reason=reason):
                return reason
            case base.ServerComplaint(message=message):
                return message
    return ""


def _judged(error: ProbeError, wanted: type[ProbeError]) -> str:
    if TOKEN in str(error):
        return "the error shows the token"
    if isinstance(error, ConfigError):
        return f"it took that for the user's mistake: {error}"
    if not isinstance(error, wanted):
        return f"it raised {type(error).__name__} ({error}), and not {wanted.__name__}"
    return "" if error.who and error.phase else f"the error does not say who failed, and in which phase: {error}"


async def left(way: base.Signalling) -> str:
    """What is wrong with how it leaves; empty where nothing is."""
    try:
        async with asyncio.timeout(LEAVE_LIMIT):
            await way.leave()
    except TimeoutError:
        return f"leave() did not end within {LEAVE_LIMIT:g} s"
    except Exception as error:  # noqa: BLE001 - somebody else's code: whatever it raises is the finding
        return f"leave() raised {error!r}: it must not"
    return ""
