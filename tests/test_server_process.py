"""The embedded server as a child."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from probe.child_process import ChildProcess
from probe.model.errors import MeasurementError
from probe.model.scenario import Scenario
from probe.server_process import server_process
from tests.sfu_shim.client import Signalling


async def test_it_serves_by_the_scenarios_policy_until_it_is_killed() -> None:
    async with server_process(Scenario(name="s", p2p_limit=7)) as server, aiohttp.ClientSession() as session:
        lost = asyncio.ensure_future(server.lost())
        url = await server.url()
        assert url == await server.url()
        assert url.startswith("ws://127.0.0.1:")
        assert (await Signalling(session).join(url, "room")).p2p_limit == 7
        assert not lost.done()
        os.kill(server.pid, signal.SIGKILL)
        loss = await asyncio.wait_for(lost, 10.0)
    assert loss.message == "was ended by SIGKILL during the run; the meetings were called off"
    assert not loss.crashed


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("print('sfu-shim listens on ws://127.0.0.1:1/ws')", "where its URL should be"),
        ("print('[]')", "where its URL should be"),
        ("""print('{"protocol": "meetprobe/shim/2", "type": "ready", "url": "ws://h"}')""", "where its URL should be"),
        ("import sys; sys.exit('port 0 is taken')", "ended with exit code 1: port 0 is taken"),
    ],
)
async def test_one_that_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, said: str
) -> None:
    (tmp_path / "not_the_shim.py").write_text(program)
    monkeypatch.syspath_prepend(str(tmp_path))
    start = ChildProcess.start

    async def another(name: str, module: str, *arguments: str) -> Any:
        return await start(name, "not_the_shim")

    monkeypatch.setattr(ChildProcess, "start", another)
    async with server_process(Scenario(name="s")) as server:
        with pytest.raises(MeasurementError, match="embedded server") as failed:
            await server.url()
    assert said in failed.value.message
