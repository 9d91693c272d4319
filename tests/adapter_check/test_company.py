"""Adapters that do well alone and badly in company: the check says at which step, and never hangs with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from probe.adapter_check import company as company_module
from probe.adapter_check import failing
from probe.adapter_check.company import CAME, ENTER, LEAVES, REFUSED, SECOND, SILENT, WENT, company
from probe.model.platform import Platform
from probe.signalling import base
from probe.signalling.access import Access
from probe.signalling.shim import ShimSignalling
from sfu_shim.config import ShimConfig
from sfu_shim.server import ShimServer


class Good(ShimSignalling):
    """Ours; what is wrong with those below is all that they change."""


class RaisesWhatever(Good):
    async def join(self, room: str, name: str) -> base.Joined:
        raise KeyError("sid")


class Hangs(Good):
    async def connect(self) -> None:
        await asyncio.sleep(60)


class ComesAlone(Good):
    async def join(self, room: str, name: str) -> base.Joined:
        if name == "check-2":
            raise KeyError("sid")
        return await super().join(room, name)


class Stays(Good):
    async def leave(self) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await super().leave()


class Keeps(Good):
    async def send_candidate(self, path: str, candidate: str | None) -> None:
        raise RuntimeError("closed")


class Nobody(Good):
    async def join(self, room: str, name: str) -> base.Joined:
        joined = await super().join(room, name)
        return base.Joined(joined.participant, (), joined.topology)

    async def next_event(self) -> base.Event:
        await super().next_event()
        return base.TopologyChanged("p2p")


@pytest.fixture
async def url() -> AsyncIterator[str]:
    server = ShimServer(ShimConfig(port=0, token="secret"))
    yield await server.start()
    await server.stop()


async def _faults(monkeypatch: pytest.MonkeyPatch, adapter: Any, url: str) -> dict[str, str]:
    monkeypatch.setattr(company_module, "LIMIT", 1.0)
    monkeypatch.setattr(company_module, "HEAR_LIMIT", 0.3)
    monkeypatch.setattr(failing, "LEAVE_LIMIT", 0.2)
    monkeypatch.setattr(
        company_module, "open_signalling", lambda platform: adapter(platform.url, Access(platform.token))
    )
    async with asyncio.timeout(10.0):
        findings = await company(Platform(url=url, token="secret"))
    return {finding.rule: finding.fault for finding in findings if finding.fault}


async def test_a_good_one(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    assert await _faults(monkeypatch, Good, url) == {}


@pytest.mark.parametrize(
    ("adapter", "rule", "said"),
    [
        (RaisesWhatever, ENTER, "it raised KeyError('sid')"),
        (RaisesWhatever, REFUSED, "it was KeyError"),
        (Hangs, ENTER, "it hung for 1 s: put a deadline on every wait"),
        (ComesAlone, SECOND, "it raised KeyError('sid')"),
        (Stays, LEAVES, "leave() did not end within 0.2 s"),
        (Keeps, SILENT, "it raised RuntimeError('closed')"),
        (Nobody, SECOND, "Joined.members is ()"),
        (Nobody, CAME, "no MemberJoined"),
        (Nobody, WENT, "no MemberLeft"),
    ],
)
async def test_one_that_fails(monkeypatch: pytest.MonkeyPatch, url: str, adapter: Any, rule: str, said: str) -> None:
    assert said in (await _faults(monkeypatch, adapter, url))[rule]
