"""Guests of a meeting: when they come and go, and that nobody waits for more members than there are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from probe.client.meeting import Meeting
from tests.client.fakes import START
from tests.client.test_meeting import Hall, _platform


async def _hold(hall: Hall, log: list[tuple[str, int]], **changes: Any) -> None:
    @asynccontextmanager
    async def guests(room: str) -> AsyncIterator[None]:
        log.append((f"came to {room}", len(hall.inside)))
        yield
        log.append(("left", len(hall.inside)))
        if len(hall.inside) > 1:  # the room moves because they leave
            hall.start("late", "sfu", "p2p", list(hall.inside))
            hall.end("late", list(hall.inside))

    own, nothing = hall.meeting, None
    scenario = own._scenario.model_copy(update=changes)
    anything: Any = nothing
    hall.meeting = Meeting(
        hall.bench.context, scenario, "room", lambda: anything, lambda: anything, anything, anything,
        hall.present.append, hall.told.append, guests,
    )  # fmt: skip
    await hall.meeting.run(START)


async def test_they_come_when_the_core_is_in_and_leave_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    hall, log = Hall(monkeypatch, visitors=0), list[tuple[str, int]]()
    await _hold(hall, log)
    assert log == [("came to room", 2), ("left", 2)]
    assert hall.moves() == []  # what their leaving makes the room do counts for nothing


async def test_with_them_visitors_cross_the_limit_earlier(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of ours and a browser stay; a visitor makes three. Of ours there are only two then."""
    hall, log = Hall(monkeypatch, participants=1, visitors=2), list[tuple[str, int]]()
    await _hold(hall, log, browsers=1, visitors=1)
    assert hall.moves() == [("p2p>sfu", False)]
    assert "did not begin" in hall.meeting.migrations[0].reason


async def test_visits_go_on_beside_them(monkeypatch: pytest.MonkeyPatch) -> None:
    hall, log = Hall(monkeypatch), list[tuple[str, int]]()
    hall.policy = _platform(hall)
    await _hold(hall, log)
    assert hall.moves() == [("p2p>sfu", True), ("sfu>p2p", True)]
    assert log == [("came to room", 2), ("left", 2)]


async def test_what_is_watched_is_there_before_the_first_viewer_and_after_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hall, log = Hall(monkeypatch, visitors=0), list[tuple[str, int]]()

    @asynccontextmanager
    async def camera(room: str) -> AsyncIterator[None]:
        log.append((f"films {room}", len(hall.inside)))
        hall.bench.clock.time += 3.0  # takes a while to begin
        yield
        log.append(("off", len(hall.inside)))

    scenario = hall.meeting._scenario.model_copy(update={"watch": True, "topology": "sfu"})
    anything: Any = None
    hall.meeting = Meeting(
        hall.bench.context, scenario, "room", lambda: anything, lambda: anything, anything, anything,
        hall.present.append, hall.told.append, before=camera,
    )  # fmt: skip
    await hall.meeting.run(START)
    assert log == [("films room", 0), ("off", 0)]
    assert hall.present == [1, 1, -1, -1]
    assert hall.meeting.state == "over"
