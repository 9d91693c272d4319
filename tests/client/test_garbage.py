"""What has begun stays out of sight; what is over is collected a while after enough of it."""

from __future__ import annotations

import asyncio
import gc

import pytest

from probe.client import garbage
from probe.client.garbage import Garbage


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The full collections asked for."""
    asked: list[str] = []
    monkeypatch.setattr(garbage, "_LATER", 0.0)
    monkeypatch.setattr(garbage, "_FEWEST", 3)
    monkeypatch.setattr(gc, "collect", lambda: asked.append("full"))
    return asked


def test_the_thresholds_are_given_back() -> None:
    before, found = gc.get_threshold(), Garbage()
    found.begin()
    assert gc.get_threshold() == (500, 4_000, 4_000)
    assert gc.get_freeze_count() > 0
    found.end()
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


async def test_collected_when_as_many_are_over_as_are_there(collected: list[str]) -> None:
    found = Garbage()
    for _ in range(10):
        found.connection_opened()
    for expected in (0, 0, 0, 0, 1):  # 5 over, 5 there
        found.connection_closed()
        await asyncio.sleep(0.001)
        assert len(collected) == expected
    for _ in range(3):  # 3 over again, 2 there
        found.connection_closed()
    await asyncio.sleep(0.001)
    assert len(collected) == 2


async def test_a_few_are_not_worth_a_look(collected: list[str]) -> None:
    found = Garbage()
    for _ in range(2):
        found.connection_opened()
        found.connection_closed()
    await asyncio.sleep(0.001)
    assert collected == []


async def test_nothing_is_collected_after_the_end(collected: list[str]) -> None:
    found = Garbage()
    for _ in range(3):
        found.connection_opened()
    for _ in range(3):
        found.connection_closed()
    found.end()
    await asyncio.sleep(0.001)
    assert collected == []


async def test_who_never_had_a_connection_counts_too(collected: list[str]) -> None:
    found = Garbage()
    for _ in range(3):
        found.came_in_vain()
    await asyncio.sleep(0.001)
    assert collected == ["full"]
    assert found._open == 0
