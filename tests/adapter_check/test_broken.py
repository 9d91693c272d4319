"""Adapters that break the contract, each in one point: the check finds that point, and says what to do."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from probe.adapter_check import failing as failing_module
from probe.adapter_check.failing import CASES, failing, loopback_url
from probe.adapter_check.finding import Finding
from probe.adapter_check.shape import before_connecting, methods, shape
from probe.model.errors import ConfigError, ServerUnreachable
from probe.signalling.access import Access
from probe.signalling.shim import ShimSignalling

URL = "ws://127.0.0.1:9/ws"


class Good(ShimSignalling):
    """Ours; what is wrong with those below is all that they change."""


def _faults(findings: list[Finding]) -> dict[str, str]:
    return {finding.rule: finding.fault for finding in findings if finding.fault}


def test_a_good_one_has_everything() -> None:
    findings = list(shape(Good))
    assert len(findings) == len(methods()) == 10
    assert all(finding.holds for finding in findings)


class Less:
    schemes = ("ws",)
    topologies = ("sfu",)

    def __init__(self, url: str, access: Access) -> None: ...

    async def connect(self) -> None: ...

    def leave(self) -> None: ...

    async def join(self, room: str) -> None: ...

    async def next_event(self, more: int) -> None: ...


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("has leave()", "no coroutine function: write async def leave"),
        ("has join(room, name)", "join takes (room): it is called with (room, name)"),
        ("has next_event()", "next_event takes (more): it is called with ()"),
        ("has send_ready(migration)", "there is no send_ready: give it one, empty where"),
    ],
)
def test_what_is_missing_or_of_another_shape(rule: str, said: str) -> None:
    adapter: Any = Less
    faults = _faults(list(shape(adapter)))
    assert said in faults[rule]


class LeavesBadly(Good):
    async def leave(self) -> None:
        raise RuntimeError("not connected")


class ShowsToken(Good):
    def __repr__(self) -> str:
        return f"<{self._access.token}>"


async def test_leaving_before_connecting() -> None:
    assert (await before_connecting(Good, URL)).holds
    assert "it raised RuntimeError('not connected')" in (await before_connecting(LeavesBadly, URL)).fault
    assert "repr() shows the token" in (await before_connecting(ShowsToken, URL)).fault


class Hangs(Good):
    async def connect(self) -> None:
        await asyncio.sleep(60)


class Bare(Good):
    async def connect(self) -> None:
        raise KeyError("sid")


class RunsOut(Good):
    async def connect(self) -> None:
        async with asyncio.timeout(0.0):
            await asyncio.sleep(60)


class Blames(Good):
    async def connect(self) -> None:
        raise ConfigError("bad URL")


class Tells(Good):
    async def connect(self) -> None:
        raise ServerUnreachable(f"no answer to {self._access.token}", who="x", phase="y")


class Mumbles(Good):
    async def connect(self) -> None:
        raise ServerUnreachable("no")


class Stays(Good):
    async def connect(self) -> None:
        raise ServerUnreachable("no", who="x", phase="y")

    async def leave(self) -> None:
        await asyncio.sleep(60)


@pytest.mark.parametrize(
    ("adapter", "said"),
    [
        (Hangs, "it hung for 0.3 s: put a deadline"),
        (Bare, "it raised KeyError('sid'): raise ServerUnreachable from it"),
        (RunsOut, "it raised TimeoutError(): raise ServerUnreachable from it"),
        (Blames, "the user's mistake"),
        (Tells, "the error shows the token"),
        (Mumbles, "does not say who failed"),
        (Stays, "leave() did not end within 0.2 s"),
    ],
)
async def test_failing_badly(monkeypatch: pytest.MonkeyPatch, adapter: Any, said: str) -> None:
    monkeypatch.setattr(failing_module, "LIMIT", 0.3)
    monkeypatch.setattr(failing_module, "LEAVE_LIMIT", 0.2)
    monkeypatch.setattr(failing_module, "CASES", CASES[:1])
    (finding,) = await failing(adapter)
    assert said in finding.fault


class Believes(Good):
    """Takes everything for a meeting."""

    async def connect(self) -> None: ...

    async def join(self, room: str, name: str) -> Any: ...

    async def next_event(self) -> Any:
        return None

    async def leave(self) -> None: ...


async def test_whoever_is_content_with_anything_is_found_everywhere() -> None:
    assert set(_faults(await failing(Believes))) == {case.rule for case in CASES}


def test_without_a_plain_scheme_nothing_can_be_tried() -> None:
    secure: Any = type("Secure", (Good,), {"schemes": ("meet+wss",)})
    both: Any = type("Both", (Good,), {"schemes": ("meet+wss", "meet+ws")})
    assert loopback_url(secure) == ""
    assert loopback_url(both) == "meet+ws://127.0.0.1:{port}/check"
