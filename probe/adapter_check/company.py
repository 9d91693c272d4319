"""Two participants enter a room of the real platform, without media: do they hear of each other?"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from probe.adapter_check.failing import left
from probe.adapter_check.finding import Finding
from probe.adapter_check.shape import LEAVE_LIMIT
from probe.model.errors import AccessDenied, ProbeError, ProtocolError
from probe.model.platform import Platform
from probe.signalling import base
from probe.signalling.choose import open_signalling

LIMIT = 15.0
HEAR_LIMIT = 5.0
_MOST_EVENTS = 200
ENTER = "one enters, and is told its name and its topology"
SECOND = "the second is told who is there, by the first one's name"
CAME = "the first hears of the second, by that name"
WENT = "the first hears that the second left"
SILENT = "who has left sends nothing, and raises nothing"
LEAVES = "who leaves is out in time"
REFUSED = "a wrong token is AccessDenied"


async def company(platform: Platform) -> list[Finding]:
    """As far as the platform shows participants to each other: one that shows nobody (WHIP) is told as skipped."""
    room = platform.room_of(uuid.uuid4().hex[:6], 1)
    findings: list[Finding] = []
    try:
        async with _inside(platform, room, "check-1") as (first, one):
            findings.append(Finding(ENTER, _faults_of(one)))
            if one.awaits != "members":
                findings.append(Finding(SECOND, skipped="this platform shows nobody by joining"))
            else:
                await _second(platform, room, first, one, findings)
    except Exception as error:  # noqa: BLE001 - somebody else's code: whatever it raises is the finding
        rule = (ENTER, SECOND)[len(findings)] if len(findings) < 2 else LEAVES
        findings.append(Finding(rule, str(error) if isinstance(error, ProbeError) else f"it raised {error!r}"))
    if platform.token:
        findings.append(await _refused(platform, room))
    return findings


async def _second(
    platform: Platform, room: str, first: base.Signalling, one: base.Joined, findings: list[Finding]
) -> None:
    async with _inside(platform, room, "check-2") as (second, other):
        findings.append(Finding(SECOND, _names(one, other)))
        findings.append(await _hears(first, CAME, base.MemberJoined, other.participant))
        if fault := await left(second):
            raise ProtocolError(fault)
        findings.append(await _hears(first, WENT, base.MemberLeft, other.participant))
        findings.append(Finding(SILENT, await _sends(second)))


@asynccontextmanager
async def _inside(platform: Platform, room: str, name: str) -> AsyncIterator[tuple[base.Signalling, base.Joined]]:
    """Raises ProtocolError where it hangs, or does not leave as it should."""
    way = open_signalling(platform)
    try:
        async with asyncio.timeout(LIMIT) as limit:
            await way.connect()
            joined = await way.join(room, name)
        yield way, joined
    except BaseException as error:
        await left(way)
        if limit.expired():
            raise ProtocolError(f"it hung for {LIMIT:g} s: put a deadline on every wait") from error
        raise
    if fault := await left(way):
        raise ProtocolError(fault)


def _faults_of(joined: base.Joined) -> str:
    if not isinstance(joined.participant, str) or not joined.participant:
        return f"Joined.participant is {joined.participant!r}: the name that others see us by"
    if joined.topology not in ("p2p", "sfu"):
        return f"Joined.topology is {joined.topology!r}: p2p or sfu, what carries us now"
    if joined.participant in joined.members:
        return "Joined.members has ourselves among them: only those who were there before"
    return ""


def _names(one: base.Joined, other: base.Joined) -> str:
    if one.participant == other.participant:
        return f"both are called {one.participant!r}: no two of a room are"
    if one.participant not in other.members:
        return f"Joined.members is {other.members}, without {one.participant!r}"
    return ""


async def _hears(
    way: base.Signalling, rule: str, kind: type[base.MemberJoined] | type[base.MemberLeft], who: str
) -> Finding:
    others: list[str] = []
    try:
        async with asyncio.timeout(HEAR_LIMIT):
            for _ in range(_MOST_EVENTS):
                event = await way.next_event()
                if isinstance(event, kind):
                    if event.participant == who:
                        return Finding(rule)
                    others.append(event.participant)
                if isinstance(event, base.SignallingLost):
                    return Finding(rule, f"its way to the platform was lost: {event.reason}")
    except TimeoutError:
        pass  # told below
    told = f"only of {', '.join(others)}" if others else "nothing of the kind"
    return Finding(rule, f"no {kind.__name__}({who!r}) within {HEAR_LIMIT:g} s: {told}")


async def _sends(way: base.Signalling) -> str:
    calls: tuple[Callable[[], object], ...] = (
        lambda: way.send_candidate("gone", None),
        lambda: way.send_connected("gone"),
    )
    for call in calls:
        try:
            async with asyncio.timeout(LEAVE_LIMIT):
                await call()  # type: ignore[misc]
        except Exception as error:  # noqa: BLE001 - somebody else's code: whatever it raises is the finding
            return f"it raised {error!r}: a path may come up while we leave"
    return ""


async def _refused(platform: Platform, room: str) -> Finding:
    try:
        async with _inside(platform.model_copy(update={"token": "wrong"}), room, "check-3"):
            return Finding(REFUSED, "the platform let it in")
    except AccessDenied:
        return Finding(REFUSED)
    except Exception as error:  # noqa: BLE001 - somebody else's code: whatever it raises is the finding
        return Finding(REFUSED, f"it was {type(error).__name__}: {error}")
