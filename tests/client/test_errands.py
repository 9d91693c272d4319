from __future__ import annotations

import asyncio

from probe.client.errands import Errands
from probe.model.errors import SignallingError
from tests.client.fakes import Bench


async def test_what_fails_is_told_by_its_kind() -> None:
    bench = Bench()
    errands = Errands(bench.context, lambda: "anna")

    async def expected() -> None:
        raise SignallingError("gone", phase="signalling")

    async def bug() -> None:
        raise RuntimeError("ours")

    errands.send(expected())
    errands.send(bug())
    await asyncio.sleep(0.01)
    assert list(bench.context.errors) == [("signalling", "anna", "gone")]
    assert any("ours" in crash for crash in bench.context.crashes)


async def test_calling_off_leaves_nothing_behind() -> None:
    bench = Bench()
    errands, ended = Errands(bench.context, lambda: "anna"), list[str]()

    async def long() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("long")

    errands.send(long())
    await asyncio.sleep(0)
    await errands.call_off()
    assert ended == ["long"]
    assert not bench.context.errors
    assert not bench.context.crashes
